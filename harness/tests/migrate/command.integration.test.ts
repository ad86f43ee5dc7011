import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openPgliteStorage } from '../../../db/connect/pglite.ts';
import { urlsOf } from '../../devstack/components/postgres.ts';
import { openPostgresStorage } from '../../../db/connect/postgres.ts';
import { createSealer, sealedUnder, sealingKey } from '../../../db/sealing/seal.ts';
import { populate } from '../../../db/testing/population.testkit.ts';
import { launchGateway } from '../../../src/cli/demo/launch.ts';
import { MAIN } from '../../../src/runtimes/node/boot/place.ts';
import { errorOf, runCli, startCli, type Finished } from '../../../src/cli/testing/process.testkit.ts';
import { freePort } from '../../devstack/components/sockets.ts';
import { startCluster, type Cluster } from './cluster.ts';
import { LINES } from './moving.ts';

const ROWS = 6_000;
const key = crypto.getRandomValues(new Uint8Array(32));
const keyText = Buffer.from(key).toString('base64');
let cluster: Cluster;
let dataDir: string;
let expected: readonly string[];

interface Summary {
  readonly status: string;
  readonly copied: number;
  readonly rows: number;
  readonly resumed: boolean;
  readonly target: string;
  readonly next: readonly string[];
}

beforeAll(async () => {
  cluster = await startCluster();
  dataDir = path.join(cluster.folder, 'local');
  mkdirSync(dataDir, { mode: 0o700 });
  const store = await openPgliteStorage({ dataDir: path.join(dataDir, 'database') });
  await populate(store, ROWS, { key });
  await store.client.exec('reset role');
  expected = (await store.client.query<{ line: string }>(LINES)).rows.map(({ line }) => line);
  await store.close();
  writeFileSync(path.join(dataDir, 'sealing.key'), `${keyText}\n`, { mode: 0o600 });
});
afterAll(() => cluster.close());

const linesOf = async (url: string) =>
  (await cluster.underneath<{ line: string }>(url, LINES)).map(({ line }) => line);

const tablesOf = (url: string) =>
  cluster.underneath(url, `select relname from pg_class where relnamespace = 'public'::regnamespace`);

const command = (url: string, ...args: readonly string[]) =>
  [
    ['storage', 'migrate-tier', '--data-dir', dataDir, ...args],
    { env: { MOSAIC_TARGET_DATABASE_URL: url }, cwd: cluster.folder },
  ] as const;

const summaryOf = (finished: Finished): Summary => {
  expect({ code: finished.code, err: finished.err }).toEqual({ code: 0, err: '' });
  return JSON.parse(finished.out) as Summary;
};

it('M1-4 --dry-run counts and changes nothing; without --yes and a person nothing is done either', async () => {
  const url = await cluster.create();
  const before = await tablesOf(url);
  const dry = await runCli(...command(url, '--dry-run'));
  expect(dry).toMatchObject({ code: 0, err: '' });
  expect(dry.out).toMatch(/^federation_audit_log +6000$/m);
  expect(dry.out).toContain('Nothing was changed');
  expect(summaryOf(await runCli(...command(url, '--dry-run', '--json')))).toMatchObject({
    status: 'planned',
    rows: expected.length,
  });
  const unasked = await runCli(...command(url));
  expect(unasked).toMatchObject({ code: 2, out: '' });
  expect(unasked.err).toContain('--yes');
  expect(await tablesOf(url)).toEqual(before);
  expect(`${dry.out}${dry.err}${unasked.err}`).not.toContain('canary-password');
});

it('M1-4 moves a data folder, tells each table, and the second run is a no-op', async () => {
  const url = await cluster.create();
  const first = await runCli(...command(url, '--yes'));
  expect(first).toMatchObject({ code: 0 });
  expect(first.err).toMatch(/^Copying tasks$[\s\S]*^Comparing tasks$/m);
  expect(first.out).toContain(`${expected.length} rows copied`);
  expect(first.out).toContain('sealing.key');
  expect(await linesOf(url)).toEqual(expected);
  const again = summaryOf(await runCli(...command(url, '--yes', '--json')));
  expect(again).toMatchObject({ status: 'already_complete', copied: 0 });
  expect(await linesOf(url)).toEqual(expected);
});

it(
  'M1-4 X-73 killed with SIGKILL in the middle, again and again, it ends correct',
  { timeout: 120_000 },
  async () => {
    const url = await cluster.create();
    let killed = 0;
    for (const patience of [0, 30, 80, 150]) {
      const running = startCli(...command(url, '--yes'));
      while (!/^Copying/m.test(running.err()) && running.child.exitCode === null) await sleep(5);
      await sleep(patience);
      running.child.kill('SIGKILL');
      if ((await running.finished).signal === 'SIGKILL') killed += 1;
    }
    expect(killed).toBeGreaterThan(0);
    summaryOf(await runCli(...command(url, '--yes', '--json')));
    expect(await linesOf(url)).toEqual(expected);
  },
);

it('M1-4 two at once: the folder is in use, and so is the target', async () => {
  const url = await cluster.create();
  const runs = await Promise.all([
    runCli(...command(url, '--yes', '--json')),
    runCli(...command(url, '--yes', '--json')),
  ]);
  const lost = runs.filter(({ code }) => code !== 0);
  expect(lost).toHaveLength(1);
  expect(lost.map(errorOf)).toMatchObject([{ code: 'data_folder', exit_code: 1 }]);
  expect(await linesOf(url)).toEqual(expected);
});

it('a gateway is told when it may not be moved, and why', async () => {
  const cases: readonly (readonly [string, readonly string[], Record<string, string>, number])[] = [
    ['usage', [], { MOSAIC_TARGET_DATABASE_URL: '' }, 2],
    ['usage', [], { MOSAIC_TARGET_DATABASE_URL: 'mysql://u:canary-password@h/d' }, 2],
    [
      'database_unavailable',
      [],
      { MOSAIC_TARGET_DATABASE_URL: `postgres://u:canary-password@127.0.0.1:${await freePort()}/d` },
      3,
    ],
    ['source_missing', ['--data-dir', path.join(cluster.folder, 'nowhere')], {}, 1],
    ['source_key', [], { MOSAIC_SEALING_KEY: Buffer.from(key.toReversed()).toString('base64') }, 1],
  ];
  const url = await cluster.create();
  for (const [code, args, env, exit] of cases) {
    const [base, options] = command(url, '--yes', '--json', ...args);
    const finished = await runCli(base, { ...options, env: { ...options.env, ...env } });
    expect(errorOf(finished)).toMatchObject({ code, exit_code: exit });
    expect(finished.err).not.toContain('canary-password');
  }
  expect(existsSync(path.join(cluster.folder, 'nowhere'))).toBe(false);
});

/** A standalone store, and how to move it. */
/** The three logins, as a gateway is told of them. */
const loginsIn = (of: string) => {
  const { url, peersUrl, maintenanceUrl } = urlsOf(of);
  return { DATABASE_URL: url, DATABASE_PEERS_URL: peersUrl, DATABASE_MAINTENANCE_URL: maintenanceUrl };
};

const standalone = async () => {
  const from = await cluster.create();
  summaryOf(await runCli(...command(from, '--yes', '--json')));
  const env = { MOSAIC_TIER: 'standalone', ...loginsIn(from), MOSAIC_SEALING_KEY: keyText };
  const move = (target: string) =>
    runCli(['storage', 'migrate-tier', '--to', target, '--yes', '--json'], { env, cwd: cluster.folder });
  return { from, move };
};

it('M1-4 moves a standalone store, not while its gateway runs', async () => {
  const { from, move } = await standalone();
  const to = await cluster.create();
  expect(errorOf(await move(from))).toMatchObject({ code: 'target_is_source' });
  const gateway = await openPostgresStorage(urlsOf(from));
  expect(errorOf(await move(to))).toMatchObject({ code: 'source_busy' });
  await gateway.close();
  expect(summaryOf(await move(to))).toMatchObject({ status: 'complete', rows: expected.length });
  expect(await linesOf(to)).toEqual(expected);
});

it('M1-4 a store whose sealing key is half rotated is not moved: at the target it would never open again', async () => {
  const { from, move } = await standalone();
  const to = await cluster.create();
  const before = await tablesOf(to);
  const old = await createSealer({
    current: await sealingKey(crypto.getRandomValues(new Uint8Array(32))),
  }).seal(new TextEncoder().encode('secret'), 'row');
  await cluster.underneath(
    from,
    `update credentials set secret_sealed = '${old}' where id = (select min(id::text)::uuid from credentials)`,
  );
  const refused = await move(to);
  expect(errorOf(refused)).toMatchObject({ code: 'source_key', exit_code: 1 });
  expect(refused.err + refused.out).toContain(`credentials (1 under key ${sealedUnder(old)})`);
  expect(await tablesOf(to)).toEqual(before);
});

it(
  'M1-4 a gateway goes on where it was: same people, tokens, rows and authority',
  { timeout: 120_000 },
  async () => {
    const folder = path.join(cluster.folder, 'lived');
    mkdirSync(folder);
    const before = launchGateway({ name: 'lived', dataDir: folder });
    const ask = async (base: string, token: string | null, method: string, where: string, body?: unknown) => {
      const answer = await fetch(`${base}${where}`, {
        method,
        headers: {
          'content-type': 'application/json',
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return answer.json() as Promise<{ token: { text: string }; items: readonly { id: string }[] }>;
    };
    const { publicUrl } = await before.ready;
    const { token } = await ask(publicUrl, null, 'POST', '/api/bootstrap/setup', { name: 'admin' });
    await ask(publicUrl, token.text, 'POST', '/api/resources/tasks', { title: 'Move house' });
    const tasks = await ask(publicUrl, token.text, 'GET', '/api/resources/tasks');
    expect(tasks.items).toHaveLength(1);
    const root = await (await fetch(`${publicUrl}/pki/root.pem`)).text();
    const url = await cluster.create();
    const args = ['storage', 'migrate-tier', '--data-dir', folder, '--to', url, '--yes', '--json'];
    // Not while it runs: its folder is locked.
    expect(errorOf(await runCli(args, { cwd: cluster.folder }))).toMatchObject({ code: 'data_folder' });
    await before.stop();
    summaryOf(await runCli(args, { cwd: cluster.folder }));

    const after = launchGateway({
      name: 'lived',
      dataDir: folder,
      env: {
        MOSAIC_TIER: 'standalone',
        ...loginsIn(url),
        MOSAIC_SEALING_KEY_FILE: path.join(folder, 'sealing.key'),
      },
    });
    const moved = await after.ready;
    expect(await ask(moved.publicUrl, token.text, 'GET', '/api/resources/tasks')).toEqual(tasks);
    expect(await (await fetch(`${moved.publicUrl}/pki/root.pem`)).text()).toBe(root);
    await after.stop();
    expect(statSync(path.join(folder, 'sealing.key')).mode & 0o077).toBe(0);
  },
);

it('asks a person at a terminal, with a bar', { timeout: 60_000 }, async () => {
  const url = await cluster.create();
  const inTerminal = (answer: string): Promise<{ code: number | null; screen: string }> =>
    new Promise((resolve, reject) => {
      const [args, { env, cwd }] = command(url);
      const line = [process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(' ');
      const child = spawn('script', ['-qec', line, '/dev/null'], {
        cwd,
        env: { PATH: process.env['PATH'], ...env },
      });
      let screen = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        screen += text;
        if (text.includes('[y/N]')) child.stdin.write(`${answer}\n`);
      });
      child.once('error', reject).once('close', (code) => resolve({ code, screen }));
    });
  const no = await inTerminal('n');
  expect(no.screen).toContain('Nothing was changed.');
  expect(await tablesOf(url)).not.toContainEqual({ relname: 'users' });
  const yes = await inTerminal('yes');
  expect(yes).toMatchObject({ code: 0 });
  expect(yes.screen).toMatch(/Copying +█+ 100 %/);
  expect(yes.screen).toContain('equal.');
  expect(await linesOf(url)).toEqual(expected);
});
