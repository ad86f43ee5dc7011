import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { denoBinary } from '../conformance/deno-gateway.ts';
import { startEdgeServices } from '../conformance/services.ts';
import { followWrangler } from './wrangler.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const INSTALL_MS = 240_000;

/** What a program says first; empty when it ended without a word. */
const firstLineOf = async (output: Readable): Promise<string> => {
  for await (const line of createInterface({ input: output })) return line;
  return '';
};

interface Demo {
  readonly items: readonly { readonly _source: string }[];
  readonly timings_ms: Readonly<Record<string, number>>;
}

/** What `npm pack` makes, installed into an empty folder as a stranger would. */
describe('the packed tarball', () => {
  let folder: string;
  let files: readonly string[];

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'mosaic-package-'));
    const { stdout } = await run(
      'npm',
      ['pack', '--json', '--loglevel=error', '--pack-destination', folder],
      { cwd: ROOT },
    );
    // npm prints one entry a package, as a list or by name, depending on its version.
    const packed = JSON.parse(stdout) as Record<string, { files: readonly { path: string }[] }>;
    files = Object.values(packed).flatMap((entry) => entry.files.map((file) => file.path));
    const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'));
    await writeFile(path.join(folder, 'package.json'), '{"name":"stranger","private":true}');
    await run(
      'npm',
      ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', `./${tarball}`],
      { cwd: folder },
    );
  }, INSTALL_MS);

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('ships compiled JavaScript and the database template, no tests, sources or harness', () => {
    expect(files).toContain('dist/src/cli/main.js');
    expect(files.some((name) => name.endsWith('pglite-template.tar.gz'))).toBe(true);
    // The bundle is for images: npm keeps the packages of an installation up to date, and it would have copies.
    expect(files.filter((name) => name.startsWith('dist/bundle'))).toEqual([]);
    expect(files.filter((name) => /\.test\.|\.testkit\.|^harness|^src\/|(?<!\.d)\.ts$/.test(name))).toEqual(
      [],
    );
  });

  it(
    'runs mosaic demo',
    async () => {
      const { stdout } = await run(
        path.join(folder, 'node_modules/.bin/mosaic'),
        ['demo', '--once', '--json'],
        { cwd: folder },
      );
      const demo = JSON.parse(stdout) as Demo;
      expect(new Set(demo.items.map((item) => item._source))).toEqual(new Set(['local', 'federated:work']));
      expect(Object.keys(demo.timings_ms)).toEqual(expect.arrayContaining(['boot', 'enroll', 'query']));
    },
    INSTALL_MS,
  );

  it('says what it can do', async () => {
    const { stdout } = await run(path.join(folder, 'node_modules/.bin/mosaic'), ['--help'], { cwd: folder });
    expect(stdout).toMatch(/federation/);
  });

  it(
    'F-79 has its JavaScript by name for Node and for bundlers, and types beside it',
    { timeout: INSTALL_MS },
    async () => {
      const program = `
      const { wire, loadConfig, createPublicApp } = await import('mosaic-federation');
      const { createClient, ProblemError } = await import('mosaic-federation/client');
      const { startDenoGateway } = await import('mosaic-federation/deno/start');
      const app = await import('mosaic-federation/app');
      console.log([wire, loadConfig, createPublicApp, createClient, ProblemError, startDenoGateway, app.wire].every((one) => typeof one === 'function'));`;
      const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], { cwd: folder });
      expect(stdout.trim()).toBe('true');
      const use = `
      import { loadConfig, type Deps, type GatewayConfig } from 'mosaic-federation';
      import { createClient } from 'mosaic-federation/client';
      import worker from 'mosaic-federation/workerd';
      export const config: GatewayConfig = loadConfig({ env: {} }).config;
      export const nameOf = ({ settings }: Deps): string => settings.gatewayName;
      export const me = createClient({ url: 'https://api.test', token: null }).get<{ readonly name: string }>('/api/me');
      export const { fetch } = worker;
      // @ts-expect-error -- it has types, and this is none of them
      export const wrong: number = config.gatewayName;`;
      await writeFile(path.join(folder, 'use.mts'), use);
      const options = [
        '--noEmit',
        '--strict',
        '--module',
        'nodenext',
        '--target',
        'esnext',
        '--skipLibCheck',
        '--lib',
        'esnext,webworker',
      ];
      const tsc = path.join(ROOT, 'node_modules/.bin/tsc');
      await run(tsc, [...options, '--types', '', 'use.mts'], { cwd: folder });
      expect(files).toEqual(
        expect.arrayContaining(['dist/wrangler.toml', 'dist/deno.json', 'docs/tutorials/try-locally.md']),
      );
      const own = path.join(folder, 'node_modules/mosaic-federation/dist/wrangler.toml');
      const main = /^main = "(.+)"$/m.exec(await readFile(own, 'utf8'))?.[1] ?? '';
      expect(files).toContain(main.replace('node_modules/mosaic-federation/', ''));
    },
  );

  it(
    'F-79 works in Miniflare and on Deno as docs/tutorials/try-locally.md says',
    { timeout: INSTALL_MS },
    async () => {
      const services = await startEdgeServices();
      try {
        const text = await readFile(path.join(ROOT, 'docs/tutorials/try-locally.md'), 'utf8');
        const [script = ''] = [...text.matchAll(/```js\n([\s\S]*?)```/g)].map((block) => block[1] ?? '');
        await writeFile(path.join(folder, 'try.mjs'), script);
        for (const name of ['miniflare', 'esbuild'])
          await symlink(path.join(ROOT, 'node_modules', name), path.join(folder, 'node_modules', name));
        const { DATABASE_URL = '', DATABASE_PEERS_URL = '', MOSAIC_SEALING_KEY = '' } = services.environment;
        const own = { DATABASE_URL, DATABASE_PEERS_URL, MOSAIC_SEALING_KEY, MOSAIC_TIER: 'standalone' };
        const env = { PATH: process.env['PATH'] || '', HOME: folder, ...own };
        const tried = await run(process.execPath, ['try.mjs'], { cwd: folder, env });
        expect(tried.stdout).toMatch(/^200 \{ items: \[\], next_cursor: null[\s\S]*\nok\n$/);
        const command =
          /deno run ([\s\S]*?)\n```/.exec(text)?.[1]?.replaceAll('\\\n', ' ').split(/\s+/) ?? [];
        const socket = path.join(folder, 'federation.sock');
        const deno = spawn(denoBinary(), ['run', ...command], {
          cwd: folder,
          stdio: ['ignore', 'pipe', 'pipe'],
          env: {
            ...env,
            FEDERATION_URL: 'https://federation.test',
            MOSAIC_FEDERATION_SOCKET: socket,
            MOSAIC_PUBLIC_PORT: '0',
            DENO_NO_UPDATE_CHECK: '1',
          },
        });
        try {
          const line = await firstLineOf(deno.stdout);
          const { public_url: url } = JSON.parse(line) as { readonly public_url: string };
          expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: 'ok' });
        } finally {
          const ended = once(deno, 'exit');
          deno.kill('SIGTERM');
          await ended;
        }
      } finally {
        await services.stop();
      }
    },
  );

  it(
    'F-79 works in wrangler dev as docs/tutorials/try-locally.md says',
    { timeout: INSTALL_MS },
    async () => {
      // Links of the test before: what npm does not know of, it removes.
      for (const name of ['miniflare', 'esbuild'])
        await rm(path.join(folder, 'node_modules', name), { force: true });
      const services = await startEdgeServices();
      try {
        const text = await readFile(path.join(ROOT, 'docs/tutorials/try-locally.md'), 'utf8');
        const { DATABASE_URL = '', DATABASE_PEERS_URL = '', MOSAIC_SEALING_KEY = '' } = services.environment;
        const own = { DATABASE_URL, DATABASE_PEERS_URL, MOSAIC_SEALING_KEY };
        const tried = await followWrangler(text, folder, own);
        const [ready = '', scheduled] = tried.text.split(/(?<=\})(?=ok$)/);
        expect(JSON.parse(ready)).toMatchObject({
          status: 'ready',
          services: { database: { status: 'ok' } },
        });
        expect([scheduled, tried.log.includes(MOSAIC_SEALING_KEY)]).toEqual(['ok', false]);
      } finally {
        await services.stop();
      }
    },
  );
});
