import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';

/*
 * Runs in each test's worker before its test: whoever reads the changed file from the disk, as one reads a template or a migration's
 * text, gets the changed text. The file itself is never written, so that a run that is ended leaves nothing behind.
 */
declare module 'vitest' {
  interface ProvidedContext {
    /** Where the change of the moment stands, as JSON of `Overlay`. */
    overlayFile: string;
  }
}

export interface Overlay {
  readonly path: string;
  readonly text: string;
}

const pathOf = (file: unknown): string | null => {
  if (file instanceof URL) return fileURLToPath(file);
  return typeof file === 'string' ? file : null;
};

const overlay = JSON.parse(fs.readFileSync(inject('overlayFile'), 'utf8')) as Overlay | null;
if (overlay !== null && !overlay.path.endsWith('.ts')) {
  const { readFileSync } = fs;
  const { readFile } = fs.promises;
  const isText = (options: unknown): boolean =>
    typeof options === 'string' || (typeof options === 'object' && options !== null && 'encoding' in options);
  const changed = (options: unknown): string | Buffer =>
    isText(options) ? overlay.text : Buffer.from(overlay.text);
  Object.assign(fs, {
    readFileSync: (...given: Parameters<typeof readFileSync>) =>
      pathOf(given[0]) === overlay.path ? changed(given[1]) : readFileSync(...given),
  });
  Object.assign(fs.promises, {
    readFile: (...given: Parameters<typeof readFile>) =>
      pathOf(given[0]) === overlay.path ? Promise.resolve(changed(given[1])) : readFile(...given),
  });
  syncBuiltinESMExports();
}
