import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, describe, expect, it } from 'vitest';
import { runWith } from './cli.testkit.ts';
import { runCli, startCli, words } from './process.testkit.ts';
import { buildProgram } from '../shell/program.ts';

const folder = mkdtempSync(join(tmpdir(), 'mosaic-system-errors-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const [file, loop] = [join(folder, 'file'), join(folder, 'loop')];
writeFileSync(file, 'x');
symlinkSync(loop, loop);
mkdirSync(join(folder, 'full'));

/** Errors that any file system gives for real, also to root: how to get each, and what a person has to be told. */
const READING: readonly (readonly [string, string, RegExp])[] = [
  ['ENOENT', join(folder, 'nowhere'), /does not exist/],
  ['ENOTDIR', join(file, 'below'), /a part of the path is a file/],
  ['EISDIR', folder, /it is a folder/],
  ['ELOOP', loop, /symbolic links lead in a circle/],
  ['ENAMETOOLONG', join(folder, 'n'.repeat(300)), /too long/],
  ['EFBIG', '/dev/zero', /larger than such a file can be/],
];
const WRITING: readonly (readonly [string, string, RegExp])[] = [
  ['ENOENT in /proc', '/proc/nope', /cannot be created there/],
  ['ENOENT in /proc, deeper', '/proc/nope/deeper', /cannot be created there|does not exist/],
  ['ENOTDIR', join(file, 'below'), /a part of the path is a file|a part of it is a file/],
  ['ENOTDIR of a device', '/dev/null/x', /a part of the path is a file/],
  ['EEXIST', file, /something else has that name/],
  ['ELOOP', join(loop, 'below'), /symbolic links lead in a circle/],
  ['ENAMETOOLONG', join(folder, 'n'.repeat(300)), /too long/],
  ['EPERM, EACCES or EROFS', '/sys/nope', /not permit it|may not use it|read-only/],
];

/** What each command needs beside the path. The test fails for a command that is not named here. */
const BESIDE: Readonly<Record<string, string>> = {
  'gateway start': '--public-port 0 --federation-port 0',
  'gateway doctor': '',
  'gateway setup-token': '',
  bootstrap: 'admin',
  'token create': '--user 6f1c2f0e-3a53-4c57-8f0a-0f5f2f6d4b21 --name laptop',
  'federation grant create': '--user alice --peer home',
  'federation grant edit': '6f1c2f0e-3a53-4c57-8f0a-0f5f2f6d4b21',
  'federation peer export': '0198c1de-0000-7000-8000-000000000001',
  'resource add': 'tasks',
  'resource edit': 'tasks 6f1c2f0e-3a53-4c57-8f0a-0f5f2f6d4b21',
  'storage migrate-tier': '--yes',
  'database migrate': '',
  'infra nginx': '--server-name _ --public-socket a.sock --federation-socket b.sock',
};
const NEEDED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'federation peer export --config': { '--out': join(folder, 'export') },
  'infra nginx --out': { '--material': 'front' },
  'storage migrate-tier --config': { '--to': 'postgres://a:b@127.0.0.1:1/x' },
  'storage migrate-tier --data-dir': { '--to': 'postgres://a:b@127.0.0.1:1/x' },
};
/** Written into a configuration of nginx, and opened by nobody here. */
const RENDERED = words`--public-socket --federation-socket --material --run-dir --log-dir --module`;
const WRITTEN = words`--out --save-token`;
/** A folder without a database is told as that, whatever the reason. */
const SOURCES =
  /holds no database of a gateway|holds none|a part of the path is a file|symbolic links|too long/;

const silent = {
  out: () => undefined,
  err: () => undefined,
  env: {},
  readStdin: () => Promise.resolve(''),
  now: () => new Date(),
  fetch,
};
const leaves = (command: Command, path: readonly string[]): { path: string; command: Command }[] =>
  command.commands.flatMap((child) => {
    const at = [...path, child.name()];
    return child.commands.length > 0 ? leaves(child, at) : [{ path: at.join(' '), command: child }];
  });
const program = await buildProgram(silent, false);
const options = leaves(program, []).flatMap(({ path, command }) =>
  command.options
    .filter(({ flags, long }) => /<(file|folder|path)>/.test(flags) && !RENDERED.includes(long ?? ''))
    // Every command that asks a gateway reads it the same way: one of them stands for all.
    .filter(({ long }) => long !== '--token-file' || path === 'bootstrap')
    .map(({ long }) => ({ name: `${path} ${long ?? ''}`, path, flag: long ?? '' })),
);
const cases = options.flatMap(({ name, path, flag }) => {
  const isFolder = flag === '--data-dir';
  const errors = WRITTEN.includes(flag) || isFolder ? WRITING : READING;
  return errors.map(([error, place, told]) => ({ name, path, flag, error, place, told }));
});

describe('F-50, F-51 a path that cannot be used', () => {
  it('there are all commands that take one', () => {
    expect(options.length).toBeGreaterThan(15);
    expect(options.filter(({ path }) => BESIDE[path] === undefined)).toEqual([]);
  });

  const quick = cases.filter(({ path }) => path !== 'gateway start' && path !== 'gateway doctor');
  it.each(quick)('$name: $error', async ({ name, path, flag, place, told }) => {
    const needed = Object.entries(NEEDED[name] ?? {}).flat();
    const beside = (BESIDE[path] ?? '').split(' ').filter((word) => word !== '');
    const begun = Date.now();
    const { code, out, err } = await runWith([...path.split(' '), ...beside, ...needed, flag, place]);
    expect(Date.now() - begun).toBeLessThan(5_000);
    expect({ code, out }).toEqual({ code: expect.toBeOneOf([1, 2]) as number, out: '' });
    expect(err).toMatch(flag === '--data-dir' ? SOURCES : told);
    expect(err).toContain(place.startsWith('/proc/nope') ? '/proc/nope' : place.slice(0, 40));
    expect(err).toContain('What to do: ');
    expect(err).not.toMatch(/\bE[A-Z]{4,}\b|\(internal\)|\n {4}at /);
  });

  const starts = cases.filter(({ path }) => path === 'gateway start' || path === 'gateway doctor');
  it.each(starts)('$name as a process: $error', { timeout: 60_000 }, async (one) => {
    const { path, flag, place, told } = one;
    const beside = (BESIDE[path] ?? '').split(' ').filter((word) => word !== '');
    const running = startCli([...path.split(' '), ...beside, flag, place]);
    // SIGKILL: the fault was that nothing else ended it.
    const guard = setTimeout(() => running.child.kill('SIGKILL'), 50_000);
    const { code, signal, err } = await running.finished;
    clearTimeout(guard);
    expect({ code, signal }).toEqual({ code: expect.toBeOneOf([1, 2]) as number, signal: null });
    expect(err).toMatch(told);
    expect(err).toContain(place.startsWith('/proc/nope') ? '/proc/nope' : place.slice(0, 40));
    expect(err).toContain('What to do: ');
    expect(err).not.toMatch(/\bE[A-Z]{4,}\b|\(internal\)|\n {4}at /);
  });

  it('a named pipe that nobody writes to does not hold a command', { timeout: 60_000 }, async () => {
    const { execFileSync } = await import('node:child_process');
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const { code, err } = await runCli([...words`gateway start --config`, pipe]);
    expect(code).toBe(2);
    expect(err).toContain(`${pipe}: is not valid JSON at line 1, column 1`);
  });
});

describe('F-50 signals', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    '%s ends a gateway that has just been started',
    { timeout: 60_000 },
    async (signal) => {
      for (const delay of [0, 20, 100, 300]) {
        const args = words`gateway start --public-port 0 --federation-port 0 --data-dir`;
        const running = startCli([...args, join(folder, `signal-${signal}-${delay}`)]);
        await new Promise((resolve) => setTimeout(resolve, delay));
        running.child.kill(signal);
        const ended = await running.finished;
        // Before its first line the default action ends it, afterwards it ends by itself: a start is over within 3 s.
        expect([ended.signal, ended.code]).toEqual(
          expect.toBeOneOf([
            [signal, null],
            [null, 0],
            [null, 1],
          ]),
        );
      }
    },
  );
});

describe('F-50 a start that fails', () => {
  it('ends, although a damaged database has left something running', { timeout: 120_000 }, async () => {
    const path = join(folder, 'half-a-database');
    const args = [...words`gateway start --json --public-port 0 --federation-port 0 --data-dir`, path];
    const first = startCli(args);
    await expect.poll(first.out, { timeout: 60_000, interval: 100 }).toContain('public_url');
    first.child.kill('SIGTERM');
    expect((await first.finished).code).toBe(0);
    rmSync(join(path, 'database', 'base', '5'), { recursive: true });
    const { code, signal, out, err } = await runCli(args);
    expect([code, signal]).toEqual([1, null]);
    expect(`${out}${err}`).toContain('its files are damaged');
  });
});

describe('F-51 what a person is told of', () => {
  it('configuration that is not JSON: the file, the line and the column, and none of the text', async () => {
    const path = join(folder, 'bad.json');
    writeFileSync(path, '{\n  "version": 2,\n  "sealing": { "key": "s3cret" } oops\n}');
    const { code, err } = await runWith([...words`gateway setup-token --config`, path]);
    expect(code).toBe(2);
    expect(err).toContain(`${path}: is not valid JSON at line 3, column 34`);
    expect(err).not.toContain('s3cret');
  });

  it('ports that are equal: both settings', async () => {
    const env = { MOSAIC_PUBLIC_PORT: '8080', MOSAIC_FEDERATION_PORT: '8080' };
    const { code, err } = await runWith(words`gateway setup-token`, { env });
    expect(code).toBe(2);
    expect(err).toContain(
      'listen.public.port (MOSAIC_PUBLIC_PORT): is 8080, and so is listen.federation.port (MOSAIC_FEDERATION_PORT)',
    );
  });

  it('a bad TMPDIR: the variable and the folder', async () => {
    const { code, err } = await runCli(words`demo --once`, { cwd: folder, env: { TMPDIR: '/proc/nope' } });
    expect(code).toBe(2);
    expect(err).toContain('/proc/nope (TMPDIR) cannot be used');
  });

  it('a full disk behind standard output, without a stack', async () => {
    const { execFile } = await import('node:child_process');
    const { MAIN } = await import('../../runtimes/node/boot/place.ts');
    const { code, err } = await new Promise<{ code: unknown; err: string }>((resolve) => {
      const command = `"${process.execPath}" "${MAIN}" database setup-sql > /dev/full`;
      execFile('/bin/sh', ['-c', command], (error, _out, text) => resolve({ code: error?.code, err: text }));
    });
    expect(code).toBe(1);
    expect(err).toMatch(/^mosaic: Standard output cannot be written: the disk is full\. What to do: .*\n$/);
  });

  it(
    'a damaged database: the folder and the cure, and nothing of how PGlite was built',
    { timeout: 60_000 },
    async () => {
      const path = join(folder, 'damaged');
      mkdirSync(join(path, 'database'), { recursive: true, mode: 0o700 });
      writeFileSync(join(path, 'database', 'PG_VERSION'), '17\n');
      writeFileSync(join(path, 'sealing.key'), `${Buffer.alloc(32, 1).toString('base64')}\n`, {
        mode: 0o600,
      });
      const args = words`gateway start --public-port 0 --federation-port 0 --data-dir`;
      const { code, err } = await runCli([...args, path]);
      expect(code).toBe(1);
      expect(err).toContain(
        `The embedded database in ${join(path, 'database')} does not start: its files are damaged`,
      );
      expect(err).toContain('What to do: Restore the whole data folder from a backup');
      expect(err).not.toMatch(/Aborted|ASSERTIONS/);
    },
  );

  it(
    'a key that is another one, on tier local: the file, and no replicas',
    { timeout: 120_000 },
    async () => {
      const path = join(folder, 'other-key');
      const args = [...words`gateway start --json --public-port 0 --federation-port 0 --data-dir`, path];
      const first = startCli(args);
      await expect.poll(first.out, { timeout: 60_000 }).toContain('\n');
      first.child.kill('SIGTERM');
      expect(await first.finished).toMatchObject({ code: 0 });
      writeFileSync(join(path, 'sealing.key'), `${Buffer.alloc(32, 1).toString('base64')}\n`);
      const { code, err } = await runCli(args);
      expect(code).toBe(1);
      expect(err).toContain(`${join(path, 'sealing.key')} does not open the database beside it`);
      expect(err).toContain('Restore sealing.key from the backup');
      expect(err).not.toContain('replica');
    },
  );
});
