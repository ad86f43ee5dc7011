import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);
const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Everything a start loads, as a program of its own: how each module was found, and what it was taken for. */
const PROGRAM = `
import { registerHooks } from 'node:module';
const { quickenImports } = await import(${JSON.stringify(at('lean.ts'))});
if (process.argv.includes('quick')) quickenImports();
const found = new Set();
registerHooks({
  resolve: (specifier, context, next) => {
    const answer = next(specifier, context);
    found.add([context.parentURL, specifier, answer.url, answer.format ?? 'by its manifest'].join(' '));
    return answer;
  },
});
for (const path of process.argv.slice(1).filter((one) => one.endsWith('.ts'))) await import(path);
process.stdout.write(JSON.stringify([...found].sort()));
`;

const STARTED = [
  '../../../cli/shell/run.ts',
  './start.ts',
  './config-file.ts',
  '../step-ca/step-ca.ts',
  '../../../kv/valkey.ts',
  '../../../kv/upstash.ts',
  '../../../../db/connect/postgres.ts',
  '../../../../db/connect/pglite.ts',
  '../doctor/inspect.ts',
].map(at);

const modulesOf = async (...how: readonly string[]): Promise<readonly string[]> => {
  const args = ['--input-type=module', '--eval', PROGRAM, '--', ...STARTED, ...how];
  const { stdout } = await run(process.execPath, args, { maxBuffer: 64 * 1024 * 1024, timeout: 50_000 });
  return JSON.parse(stdout) as readonly string[];
};

describe('quick imports', () => {
  it('find the very modules that Node finds, and take them for the same', async () => {
    const [usual, quick] = [await modulesOf(), await modulesOf('quick')];
    expect(usual.length).toBeGreaterThan(1_000);
    expect(quick).toEqual(usual);
  });
});
