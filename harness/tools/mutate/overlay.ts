import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
// Of a package, so that the tests get the same class.
import type { PGlite, PGliteOptions } from '@electric-sql/pglite';

/*
 * Runs in each test's worker before its test: whoever reads the changed file from the disk, as one reads a template or a migration's
 * text, gets the changed text. The file itself is never written, so that a run that is ended leaves nothing behind.
 */
declare module 'vitest' {
  interface ProvidedContext {
    /** Where the change of the moment stands, as JSON of `Overlay`. */
    overlayFile: string;
    /** The data directory that a database in memory begins with; empty: none is opened. */
    templateFile: string;
  }
}

export interface Overlay {
  readonly path: string;
  /** null: as it stands on the disk. */
  readonly text: string | null;
}

/** What vitest's worker knows of the modules that it has loaded. */
interface WorkerState {
  readonly evaluatedModules: {
    readonly fileToModulesMap: ReadonlyMap<string, Iterable<object>>;
    invalidateModule(module: object): void;
  };
}

const pathOf = (file: unknown): string | null => {
  if (file instanceof URL) return fileURLToPath(file);
  return typeof file === 'string' ? file : null;
};

const { path, text } = JSON.parse(fs.readFileSync(inject('overlayFile'), 'utf8')) as Overlay;

// The process outlives a run, and never asks again for the text of a module that it has.
const { evaluatedModules } = (globalThis as unknown as { readonly __vitest_worker__: WorkerState })
  .__vitest_worker__;
for (const module of evaluatedModules.fileToModulesMap.get(path) ?? [])
  evaluatedModules.invalidateModule(module);

/** The readers of before: the process may have those of an earlier change. */
const known = globalThis as {
  mosaicReaders?: readonly [typeof fs.readFileSync, typeof fs.promises.readFile];
};
const [readFileSync, readFile] = (known.mosaicReaders ??= [fs.readFileSync, fs.promises.readFile]);
Object.assign(fs, { readFileSync });
Object.assign(fs.promises, { readFile });
if (text !== null && !path.endsWith('.ts')) {
  const isText = (options: unknown): boolean =>
    typeof options === 'string' || (typeof options === 'object' && options !== null && 'encoding' in options);
  const changed = (options: unknown): string | Buffer => (isText(options) ? text : Buffer.from(text));
  Object.assign(fs, {
    readFileSync: (...given: Parameters<typeof readFileSync>) =>
      pathOf(given[0]) === path ? changed(given[1]) : readFileSync(...given),
  });
  Object.assign(fs.promises, {
    readFile: (...given: Parameters<typeof readFile>) =>
      pathOf(given[0]) === path ? Promise.resolve(changed(given[1])) : readFile(...given),
  });
}
syncBuiltinESMExports();

type Create = typeof PGlite.create;

/** A database in memory that would have to be migrated begins with what is migrated already. */
const beginWith = async (templateFile: string): Promise<void> => {
  const { PGlite: Opened } = await import('@electric-sql/pglite');
  const state = globalThis as { mosaicCreate?: Create; mosaicTemplate?: Blob };
  const create = (state.mosaicCreate ??= Opened.create.bind(Opened));
  const template = (state.mosaicTemplate ??= new Blob([fs.readFileSync(templateFile)]));
  const withTemplate = (options: PGliteOptions = {}): Promise<PGlite> =>
    create(
      options.dataDir === undefined && options.fs === undefined && options.loadDataDir === undefined
        ? { ...options, loadDataDir: template }
        : options,
    );
  Object.assign(Opened, { create: withTemplate });
};

const templateFile = inject('templateFile');
if (templateFile !== '') await beginWith(templateFile);
