import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildProgram } from './program.ts';
import { EXIT } from './exit.ts';
import { mainPath, type ReadyGateway } from './demo/launch.ts';
import { makeProcesses, type Finished, type Processes } from './process.testkit.ts';

/** docs/cli.md, carried out: its shell blocks run in order, against two real gateways. */
let processes: Processes;
let work: ReadyGateway;
let home: ReadyGateway;
let text = '';

/** As much of jq as the document uses: a path, and -r. The machine need not have it. */
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

beforeAll(async () => {
  text = await readFile(fileURLToPath(new URL('../../docs/cli.md', import.meta.url)), 'utf8');
  processes = await makeProcesses();
  [work, home] = await Promise.all([processes.launch('work'), processes.launch('home')]);
  const bin = join(processes.folder, 'bin');
  await mkdir(bin);
  await writeFile(join(bin, 'mosaic'), `#!/bin/sh\nexec "${process.execPath}" "${mainPath}" "$@"\n`, {
    mode: 0o755,
  });
  await writeFile(join(bin, 'jq'), JQ, { mode: 0o755 });
  await mkdir(join(processes.folder, 'session'));
});
afterAll(() => processes.close());

const sh = (script: string): Promise<Finished> =>
  new Promise((resolve, reject) => {
    const child = spawn('sh', ['-eu'], {
      cwd: join(processes.folder, 'session'),
      env: { PATH: [join(processes.folder, 'bin'), process.env['PATH']].join(delimiter) },
    });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => void (out += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => void (err += chunk));
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, out, err }));
    child.stdin.end(script);
  });

it('docs/cli.md: every shell block runs as written, in order', { timeout: 120_000 }, async () => {
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block ?? '');
  expect(blocks.length).toBeGreaterThanOrEqual(7);
  const script = blocks
    .join('\n')
    .replaceAll('http://127.0.0.1:8080', work.publicUrl)
    .replaceAll('http://127.0.0.1:8081', home.publicUrl);
  const { code, out, err } = await sh(`set -x\n${script}`);
  // With the end of the trace, which tells the command that failed.
  expect({ code, err: code === 0 ? '' : err.slice(-2_000) }).toEqual({ code: 0, err: '' });
  expect(out).toContain('Water the tomatoes');
  expect(out).toMatch(/^federated:work +Prepare the review/m);
});

it('docs/cli.md names every command and every exit code', () => {
  const silent = {
    out: () => undefined,
    err: () => undefined,
    env: {},
    readStdin: () => Promise.resolve(''),
    now: () => new Date(),
    fetch,
  };
  const overview = /^```text\n([\s\S]*?)^```$/m.exec(text)?.[1] ?? '';
  for (const command of buildProgram(silent, false).commands) {
    expect(overview).toMatch(new RegExp(`^mosaic ${command.name()} `, 'm'));
    const groups = command.commands.flatMap((child) =>
      child.commands.length > 0 ? child.commands : [child],
    );
    for (const child of groups) expect(overview).toMatch(new RegExp(`[ |]${child.name()}(\\||\\s|$)`, 'm'));
  }
  for (const code of Object.values(EXIT)) expect(text).toMatch(new RegExp(`^\\| ${code} `, 'm'));
});
