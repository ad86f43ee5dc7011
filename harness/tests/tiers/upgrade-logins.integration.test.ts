import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectDriver } from '../../../db/connect/driver.ts';
import { openMaintenance } from '../../../db/connect/maintenance.ts';
import { openPostgresStorage } from '../../../db/connect/postgres.ts';
import { setupSql } from '../../../db/logins.ts';
import { migrate } from '../../../db/migrate.ts';
import { MIGRATIONS } from '../../../db/migrations/index.ts';
import { aUser } from '../../../db/testing/world.testkit.ts';
import { loginsOf, urlsOf, type DatabaseUrls } from '../../devstack/components/postgres.ts';
import { startCluster, type Cluster } from '../migrate/cluster.ts';
import { mosaic } from './services.ts';

const CURE = /Run “mosaic database setup-sql”/;
const PASSWORD = 'canary-password';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
}, 60_000);
afterAll(() => cluster.close());

const refused = (detail: RegExp) => ({
  code: 'unavailable',
  detail: expect.stringMatching(detail) as unknown,
});
const open = async (options: Parameters<typeof openPostgresStorage>[0]) => {
  const storage = await openPostgresStorage(options);
  const { items } = await storage.stores.users.list({ limit: 10, after: null });
  await storage.close();
  return items.map(({ name }) => name);
};

describe('F-13 a store of one login', () => {
  it('is refused with the cure until it was followed, and then serves with what was in it', async () => {
    const base = await cluster.create();
    await cluster.underneath(base, `create role legacy login createrole password '${PASSWORD}'`);
    await cluster.underneath(base, 'create database old template base owner legacy');
    const [one, api, peers] = ['legacy', 'legacy_api', 'legacy_peers'].map((login) => {
      const url = new URL(base);
      url.pathname = '/old';
      url.username = login;
      return url.href;
    }) as [string, string, string];
    // As the version before left it: one login that is a member of every role and owns the database.
    await cluster.underneath(
      one,
      'drop table mosaic_migrations; grant mosaic_owner, mosaic_app, mosaic_admin, mosaic_search to legacy; grant temporary on database old to public',
    );
    const before = openMaintenance(one, 'test');
    await migrate(
      before,
      MIGRATIONS.filter(({ name }) => name < '0019'),
    );
    await before.query(
      `insert into users (id, name, is_admin, created_at) values (gen_random_uuid(), 'somebody', true, now())`,
    );
    await before.close();

    await expect(open({ url: one, peersUrl: one })).rejects.toMatchObject(refused(CURE));
    await expect(open({ url: one, peersUrl: one, maintenanceUrl: one })).rejects.toMatchObject(refused(CURE));
    const setup = setupSql({ peers: 'legacy_peers', api: 'legacy_api', maintenance: 'legacy' });
    for (const _twice of [1, 2]) await cluster.underneath(one, setup);
    await cluster.underneath(
      one,
      `alter role legacy_api password '${PASSWORD}'; alter role legacy_peers password '${PASSWORD}'`,
    );
    // Replicas of the version before have one login, and go on opening sessions until they are replaced.
    const ofBefore = connectDriver({
      url: one,
      role: 'mosaic_app',
      name: 'before',
      source: 'before',
      demand: 'primary',
      max: 1,
      pipeline: 1,
      idleMs: 1_000,
      lifetimeMs: 1_000,
      limitMs: 3_000,
    }).driver;
    expect(await ofBefore.query('select current_user::text as role')).toEqual([{ role: 'mosaic_app' }]);
    await ofBefore.close();
    await expect(open({ url: one, peersUrl: peers })).rejects.toMatchObject(refused(CURE));
    expect(await open({ url: api, peersUrl: peers, maintenanceUrl: one })).toEqual(['somebody']);
    expect(await open({ url: api, peersUrl: peers })).toEqual(['somebody']);
  });
});

describe('F-13 a login that is not fit', () => {
  let urls: DatabaseUrls;
  beforeAll(async () => {
    urls = urlsOf(await cluster.create());
    const storage = await openPostgresStorage(urls);
    await aUser(storage);
    await storage.close();
  });

  it.each([
    ['API', 'alter role mosaic createdb', 'alter role mosaic nocreatedb', /may create roles or databases/],
    ['API', 'alter role mosaic bypassrls', 'alter role mosaic nobypassrls', /pass by row-level security/],
    ['API', 'grant mosaic_owner to mosaic', 'revoke mosaic_owner from mosaic', /is a member of mosaic_owner/],
    [
      'API',
      'create role between; grant mosaic_barrier to between; grant between to mosaic',
      'drop role between',
      /is a member of mosaic_barrier/,
    ],
    [
      'API',
      'grant pg_write_all_data to mosaic',
      'revoke pg_write_all_data from mosaic',
      /is a member of pg_write_all_data/,
    ],
    [
      'API',
      'alter table notes owner to mosaic',
      'alter table notes owner to mosaic_owner',
      /owns the database or tables/,
    ],
    [
      'API',
      'grant create on schema public to public',
      'revoke create on schema public from public',
      /may create objects/,
    ],
    [
      'API',
      'revoke pg_read_all_stats from mosaic_barrier',
      'grant pg_read_all_stats to mosaic_barrier',
      /mosaic_barrier, which is no member/,
    ],
    [
      'API',
      'revoke mosaic_admin from mosaic',
      'grant mosaic_admin to mosaic',
      /is no member of mosaic_admin/,
    ],
    [
      'peers',
      'grant mosaic_app to mosaic_peers',
      'revoke mosaic_app from mosaic_peers',
      /is a member of mosaic_app/,
    ],
    [
      'peers',
      'grant insert on notes to mosaic_peer_reader',
      'revoke insert on notes from mosaic_peer_reader',
      /may write/,
    ],
    [
      'peers',
      'grant update (title) on notes to mosaic_peers',
      'revoke update (title) on notes from mosaic_peers',
      /may write/,
    ],
    [
      'peers',
      'do $$ begin execute format($f$grant temporary on database %I to mosaic_peers$f$, current_database()); end $$',
      'do $$ begin execute format($f$revoke temporary on database %I from mosaic_peers$f$, current_database()); end $$',
      /temporary tables/,
    ],
  ] as const)('of %s is refused at a start: %s', async (_whose, spoil, mend, words) => {
    await cluster.underneath(urls.url, spoil);
    try {
      await expect(open({ url: urls.url, peersUrl: urls.peersUrl })).rejects.toMatchObject(refused(words));
    } finally {
      await cluster.underneath(urls.url, mend);
    }
    expect(await open({ url: urls.url, peersUrl: urls.peersUrl })).toHaveLength(1);
  });

  it('is one that serves in the place of another', async () => {
    const { url, peersUrl, maintenanceUrl } = urls;
    await expect(open({ url, peersUrl: url })).rejects.toMatchObject(refused(CURE));
    await expect(open({ url: peersUrl, peersUrl })).rejects.toMatchObject(refused(CURE));
    await expect(open({ url, peersUrl: maintenanceUrl })).rejects.toMatchObject(refused(CURE));
    await expect(open({ url: maintenanceUrl, peersUrl })).rejects.toMatchObject(refused(CURE));
  });
});

describe('H-11 migrations by themselves', () => {
  it('a gateway without the login for maintenance waits for them, and mosaic database migrate needs nothing else', async () => {
    const { url, peersUrl, maintenanceUrl } = urlsOf(await cluster.create());
    await cluster.underneath(url, setupSql(loginsOf('mosaic')));
    await expect(open({ url, peersUrl })).rejects.toMatchObject(refused(/mosaic database migrate/));
    const file = path.join(cluster.folder, 'maintenance-url');
    writeFileSync(file, `${maintenanceUrl}\n`);
    const first = await mosaic(['database', 'migrate', '--url-file', file, '--json'], {}).ended;
    expect([first.code, first.err]).toEqual([0, '']);
    expect(JSON.parse(first.out)).toMatchObject({ applied: MIGRATIONS.map(({ name }) => name) });
    expect(first.out).not.toContain(PASSWORD);
    const again = await mosaic(['database', 'migrate'], { DATABASE_MAINTENANCE_URL_FILE: file }).ended;
    expect([again.code, again.out]).toEqual([0, expect.stringContaining('has the schema of this version')]);
    expect(await open({ url, peersUrl })).toEqual([]);
  });

  it('says what is missing, and shows no password', async () => {
    const { peersUrl } = urlsOf(await cluster.create());
    for (const [env, code] of [
      [{}, 2],
      [{ DATABASE_MAINTENANCE_URL: 'mysql://u:canary-password@h/d' }, 2],
      [{ DATABASE_MAINTENANCE_URL: peersUrl }, 3],
    ] as const) {
      const { code: ended, out, err } = await mosaic(['database', 'migrate'], env).ended;
      expect([ended, out]).toEqual([code, '']);
      expect(err).not.toContain(PASSWORD);
    }
  });
});
