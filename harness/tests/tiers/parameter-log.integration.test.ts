import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { probePostgres } from '../../../db/connect/probe.ts';
import { loginsOf, urlsOf, type DatabaseUrls } from '../../devstack/components/postgres.ts';
import { startCluster, type Cluster } from '../migrate/cluster.ts';

let cluster: Cluster;
let owner: string;
let urls: DatabaseUrls;
const LOGINS = Object.values(loginsOf('mosaic'));

/** The server logs every statement, as operators have it who look for a fault. */
const SETTINGS = { log_statement: 'all', log_min_duration_statement: '0' };

const asSuperuser = async (...statements: readonly string[]): Promise<void> => {
  for (const statement of statements) await cluster.underneath(owner, statement);
};

/** A word that a statement was given, by each login in turn. */
const ask = async (word: string): Promise<void> => {
  for (const url of [urls.url, urls.peersUrl, urls.maintenanceUrl]) {
    const client = postgres(url, { max: 1, fetch_types: false });
    await client.unsafe('select $1::text as asked', [word]);
    await client.end();
  }
};

const logged = (): string => {
  const folder = path.join(cluster.folder, 'postgres');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.log'))
    .map((name) => readFileSync(path.join(folder, name), 'utf8'))
    .join('\n');
};

const found = async () => {
  const { url, peersUrl, maintenanceUrl } = urls;
  return (await probePostgres({ url, peersUrl, maintenanceUrl, connectTimeoutMs: 10_000 })).parameterLogging;
};

beforeAll(async () => {
  cluster = await startCluster();
  owner = await cluster.create();
  urls = urlsOf(owner);
  await asSuperuser(
    ...Object.entries(SETTINGS).map(([name, value]) => `alter system set ${name} = '${value}'`),
    'select pg_reload_conf()',
  );
}, 120_000);
afterAll(() => cluster?.close());

it('F-73 where every statement is logged, the words that our logins give are not', async () => {
  await ask('seldomword');
  expect(logged()).toContain('as asked');
  expect(logged()).not.toContain('seldomword');
  expect(await found()).toEqual({});
});

it('F-73 the doctor sees where they would be, by login, with the setting that does it', async () => {
  await asSuperuser(...LOGINS.map((login) => `alter role ${login} reset log_parameter_max_length`));
  await ask('oftenword');
  expect(logged()).toContain("parameters: $1 = 'oftenword'");
  const all = ['log_min_duration_statement = 0', 'log_statement = all'];
  expect(await found()).toEqual({ api: all, peers: all, maintenance: all });
  await asSuperuser(`alter role ${LOGINS[1]} set log_parameter_max_length = 0`);
  expect(Object.keys(await found())).toHaveLength(2);
  await asSuperuser(
    ...Object.keys(SETTINGS).map((name) => `alter system reset ${name}`),
    'select pg_reload_conf()',
    ...LOGINS.map((login) => `alter role ${login} set log_parameter_max_length_on_error = 100`),
  );
  await expect.poll(found).toMatchObject({ peers: ['log_parameter_max_length_on_error = 100'] });
});

it('F-13 the doctor sees that an older setup was run, which left locks to everybody', async () => {
  const { url, peersUrl } = urls;
  const isOutdated = async (): Promise<boolean> =>
    (await probePostgres({ url, peersUrl, connectTimeoutMs: 10_000 })).isSetupOutdated;
  expect(await isOutdated()).toBe(false);
  await asSuperuser('grant execute on function pg_advisory_lock(bigint) to public');
  expect(await isOutdated()).toBe(true);
});
