import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MAIN } from '../../runtimes/node/boot/place.ts';
import type { Finished } from './process.testkit.ts';

/** Carries out the shell blocks of a document, as a reader would: in order, in one shell, in one folder. */
export const readDocument = (name: string): Promise<string> =>
  readFile(fileURLToPath(new URL(`../../../docs/${name}`, import.meta.url)), 'utf8');

/** The blocks fenced as `sh`. */
export const shellBlocks = (text: string): readonly string[] =>
  [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block ?? '');

/** As much of jq as the documents use: a path, and -r. The machine need not have it. */
const JQ = `#!${process.execPath}
const [file] = process.argv.slice(4)
const path = process.argv[3].split('.').filter(Boolean)
let value = JSON.parse(require('node:fs').readFileSync(file ?? 0, 'utf8'))
for (const step of path) {
  const [, name, index] = /^([^[]*)(?:\\[(\\d+)\\])?$/.exec(step)
  value = value[name]
  if (index !== undefined) value = value[index]
}
console.log(value)
`;

export interface Session {
  /** Where the commands run. */
  readonly folder: string;
  /** Runs blocks in one shell that ends at the first command that fails; its trace is on `err`. */
  run(blocks: readonly string[], env?: Readonly<Record<string, string>>): Promise<Finished>;
  remove(): Promise<void>;
}

/** A folder to run blocks in, with `mosaic`, `jq` and `node` on the path and nothing else of the caller's environment. */
export const openSession = async (): Promise<Session> => {
  const root = await mkdtemp(join(tmpdir(), 'mosaic-docs-'));
  const bin = join(root, 'bin');
  const folder = join(root, 'session');
  await mkdir(bin);
  await mkdir(folder);
  const mosaic = `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`;
  await writeFile(join(bin, 'mosaic'), mosaic, { mode: 0o755 });
  await writeFile(join(bin, 'jq'), JQ, { mode: 0o755 });
  const path = [bin, dirname(process.execPath), process.env['PATH']].join(delimiter);
  return {
    folder,
    run: (blocks, env = {}) =>
      new Promise((resolve, reject) => {
        const child = spawn('sh', ['-eu'], { cwd: folder, env: { PATH: path, ...env } });
        let out = '';
        let err = '';
        child.stdout.setEncoding('utf8').on('data', (chunk: string) => void (out += chunk));
        child.stderr.setEncoding('utf8').on('data', (chunk: string) => void (err += chunk));
        child.once('error', reject);
        child.once('close', (code, signal) => resolve({ code, signal, out, err }));
        child.stdin.end(`set -x\n${blocks.join('\n')}`);
      }),
    remove: () => rm(root, { recursive: true, force: true }),
  };
};

/** What of a run an assertion compares: on failure the end of the trace, which tells the command. */
export const outcomeOf = ({
  code,
  err,
}: Finished): { readonly code: number | null; readonly err: string } => ({
  code,
  err: code === 0 ? '' : err.slice(-2_000),
});
