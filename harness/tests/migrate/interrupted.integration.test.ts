import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openMaintenance } from '../../../db/connect/maintenance.ts';
import { migrate } from '../../../db/migrate.ts';
import { MIGRATIONS } from '../../../db/migrations/index.ts';
import { urlsOf } from '../../devstack/components/postgres.ts';
import { mosaic } from '../tiers/services.ts';
import { startCluster, type Cluster } from './cluster.ts';

/** The newest migration that rewrites tables. */
const REWRITES = '0030_search_sharp_s';
const SOON = { timeout: 20_000, interval: 100 };

describe('X-73 mosaic database migrate in the middle of a long migration', () => {
  let cluster: Cluster;
  let url: string;

  beforeAll(async () => {
    cluster = await startCluster();
  }, 120_000);
  afterAll(() => cluster.close());

  const underneath = <Row>(text: string): Promise<Row[]> => cluster.underneath<Row>(url, text);
  const run = () => mosaic(['database', 'migrate'], { DATABASE_MAINTENANCE_URL: urlsOf(url).maintenanceUrl });
  const newest = async (): Promise<string | undefined> =>
    (await underneath<{ name: string }>('select name from mosaic_migrations order by name desc limit 1'))[0]
      ?.name;
  const migrators = () =>
    underneath<{ pid: number }>(
      `select pid from pg_stat_activity where datname = current_database() and application_name like 'mosaic%'`,
    );
  /** Each change of a table takes as long as on a large one, or does what the statements say. */
  const slowed = (statements = 'perform pg_sleep(90);'): Promise<unknown> =>
    underneath(`create function slow() returns event_trigger language plpgsql as $$ begin ${statements} end $$;
      create event trigger slow on ddl_command_start when tag in ('ALTER TABLE') execute function slow()`);
  const atSpeed = (): Promise<unknown> =>
    underneath('drop event trigger if exists slow; drop function if exists slow()');

  beforeEach(async () => {
    url = await cluster.create();
    const driver = openMaintenance(url, 'test');
    await migrate(
      driver,
      MIGRATIONS.filter(({ name }) => name < REWRITES),
    );
    await driver.close();
  });
  afterEach(atSpeed);

  it('killed: its statement does not go on without it, and the next one completes', async () => {
    await slowed();
    const killed = run();
    const asleep = () => underneath(`select 1 from pg_stat_activity where wait_event = 'PgSleep'`);
    await expect.poll(asleep, SOON).toHaveLength(1);
    killed.child.kill('SIGKILL');
    await killed.ended;
    await expect.poll(migrators, SOON).toEqual([]);
    await atSpeed();
    expect(await newest()).not.toBe(REWRITES);
    expect(await run().ended).toMatchObject({ code: 0, out: expect.stringContaining(REWRITES) as string });
    expect(await newest()).toBe(REWRITES);
  });

  it('is not cut off for taking long, and says what a full disk asks for', async () => {
    await slowed(`raise exception 'at most %, and % idle', current_setting('statement_timeout'),
      current_setting('idle_in_transaction_session_timeout') using errcode = 'P0001';`);
    expect((await run().ended).err).toContain('at most 1d, and 1min idle');
    await atSpeed();
    await slowed(`raise exception 'no room' using errcode = '53100';`);
    const { code, err } = await run().ended;
    expect([code, err]).toEqual([3, expect.stringContaining('its disk is full')]);
    await atSpeed();
    expect((await run().ended).code).toBe(0);
  });

  it('F-22 waits for who reads a table, as a backup does, and lets others read it meanwhile', async () => {
    const backup = cluster.underneath(
      url,
      `begin; lock table tasks in access share mode; select pg_sleep(60); commit`,
    );
    backup.catch(() => undefined);
    const backups = () =>
      underneath<{ pid: number }>(`select pid from pg_stat_activity where wait_event = 'PgSleep'`);
    await expect.poll(backups, SOON).toHaveLength(1);
    const migrating = run();
    const waits = () =>
      underneath(`select 1 from pg_locks where relation = 'tasks'::regclass and not granted`);
    await expect.poll(waits, SOON).toHaveLength(1);
    const from = performance.now();
    await underneath('select count(*) from tasks');
    expect(performance.now() - from).toBeLessThan(5_000);
    const [{ pid }] = (await backups()) as [{ pid: number }];
    await underneath(`select pg_cancel_backend(${pid})`);
    expect((await migrating.ended).code).toBe(0);
    expect(await newest()).toBe(REWRITES);
  });

  it('F-22 gives up on a table that stays in use, changes nothing, and says so', async () => {
    const backup = cluster.underneath(
      url,
      `begin; lock table tasks in access share mode; select pg_sleep(60)`,
    );
    backup.catch(() => undefined);
    await expect
      .poll(() => underneath(`select 1 from pg_stat_activity where wait_event = 'PgSleep'`), SOON)
      .toHaveLength(1);
    const driver = openMaintenance(url, 'test');
    try {
      await expect(migrate(driver, MIGRATIONS, { tries: 2, pauseMs: 1 })).rejects.toMatchObject({
        code: 'database_unavailable',
        cause: { code: '55P03' },
      });
    } finally {
      await driver.close();
    }
    expect(await newest()).not.toBe(REWRITES);
    await underneath(`select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'`);
  });
});
