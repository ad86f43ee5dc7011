import { setTimeout as wait } from 'node:timers/promises';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openPostgresStorage } from '../../../db/connect/postgres.ts';
import type { Storage } from '../../../domain/ports/storage.ts';
import { urlsOf, type DatabaseUrls } from '../../devstack/components/postgres.ts';
import { startCluster, type Cluster } from '../migrate/cluster.ts';

/** A statement of this gateway may run as long; the barrier gives it a second more, and the ending of a session another. */
const STATEMENT_MS = 1_000;
const LIMIT_MS = STATEMENT_MS + 1_000;
const SERVING = 'mosaic-federation';
const LOGINS = ['url', 'peersUrl', 'maintenanceUrl'] as const;

describe('the barrier of a revocation, on a Postgres', () => {
  let cluster: Cluster;
  let urls: DatabaseUrls;
  let storage: Storage;
  const clients: postgres.Sql[] = [];

  beforeAll(async () => {
    cluster = await startCluster();
    urls = urlsOf(await cluster.create());
    storage = await openPostgresStorage({ ...urls, statementTimeoutMs: STATEMENT_MS });
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.end({ timeout: 0 });
  });
  afterAll(async () => {
    await storage.close();
    await cluster.close();
  });

  const session = (application: string, address = urls.url): postgres.Sql => {
    const client = postgres(address, {
      max: 1,
      connection: { application_name: application },
      fetch_types: false,
    });
    clients.push(client);
    return client;
  };
  const urlOf = (login: string): string => {
    const address = new URL(urls.url);
    address.username = login;
    address.password = login;
    return address.href;
  };
  /** A statement that takes that long, begun when this returns. */
  const running = async (client: postgres.Sql, seconds: number) => {
    const [{ pid } = { pid: 0 }] = await client.unsafe<{ pid: number }[]>('select pg_backend_pid() as pid');
    const state = { pid, endedAt: null as number | null, error: null as string | null };
    const work = client
      .unsafe(`select pg_sleep(${seconds})`)
      .catch((error: Error) => void (state.error = error.message))
      .finally(() => (state.endedAt = performance.now()));
    const isActive = `select count(*)::int as n from pg_stat_activity where pid = ${pid} and state = 'active'`;
    await expect
      .poll(async () => (await cluster.underneath<{ n: number }>(urls.url, isActive))[0]?.n, { interval: 20 })
      .toBe(1);
    return { state, work };
  };
  /** As the server sees it: a busy machine may hear of an end late. */
  const isRunning = async ({ pid }: { readonly pid: number }): Promise<boolean> => {
    const active = `select pid from pg_stat_activity where pid = ${pid} and state = 'active'`;
    return (await cluster.underneath(urls.url, active)).length > 0;
  };
  const settled = async (): Promise<{ readonly ms: number }> => {
    const from = performance.now();
    await storage.settled();
    return { ms: performance.now() - from };
  };
  const serverTime = async (): Promise<string> => {
    const [row] = await cluster.underneath<{ now: string }>(
      urls.url,
      'select clock_timestamp()::text as now',
    );
    return row?.now ?? '';
  };
  /** Resolves when the barrier has looked at who is there: from then on it waits for these alone. */
  const hasLooked = async (since: string): Promise<void> => {
    const looked = `select pid from pg_stat_activity where query like '%open_transactions%' and state = 'idle'
      and pid <> pg_backend_pid() and query_start > '${since}'`;
    await expect
      .poll(() => cluster.underneath(urls.url, looked), { interval: 10, timeout: 10_000 })
      .not.toHaveLength(0);
  };

  it('X-52 is over at once when nothing runs, and does not wait for other programs', async () => {
    await cluster.underneath(urls.url, `create role reporting login password 'reporting'`);
    await running(session('psql', urlOf('reporting')), 60);
    expect((await settled()).ms).toBeLessThan(LIMIT_MS / 2);
  });

  it.each(LOGINS)(
    'F-26 waits for a session of the login of %s, whatever it calls itself in the URL or later',
    async (login) => {
      const named = new URL(urls[login]);
      named.searchParams.set('application_name', 'reporting');
      const client = session('something else', named.href);
      await client.unsafe(`set application_name = ''`);
      const { state, work } = await running(client, 0.9);
      await settled();
      expect(await isRunning(state)).toBe(false);
      await work;
      expect(state.error).toBeNull();
    },
  );

  it.each(['url', 'peersUrl'] as const)(
    'F-26 a session of the login of %s under another name is ended when it outlives every time-out',
    async (login) => {
      const endless = session('psql', urls[login]);
      await endless.unsafe('set statement_timeout = 0');
      const { state, work } = await running(endless, 60);
      const { ms } = await settled();
      await work;
      expect(state.error).toMatch(/terminating connection|CONNECTION_CLOSED|closed/);
      expect(ms).toBeGreaterThan(LIMIT_MS - 100);
    },
  );

  it('F-26 maintenance is waited for as long as a statement may take, and not ended', async () => {
    const { state } = await running(session('pg_dump', urls.maintenanceUrl), 60);
    const { ms } = await settled();
    expect(ms).toBeGreaterThan(LIMIT_MS - 100);
    expect(state.endedAt).toBeNull();
    await cluster.underneath(urls.url, `select pg_terminate_backend(${state.pid})`);
  });

  it('X-52 waits for a statement of any gateway that began before, and for none that began after', async () => {
    const before = await running(session(SERVING), 0.9);
    const late = session(SERVING);
    await late.unsafe('select 1');
    const since = await serverTime();
    const waiting = settled();
    await hasLooked(since);
    const after = await running(late, 60);
    await waiting;
    expect(await isRunning(before.state)).toBe(false);
    expect(await isRunning(after.state)).toBe(true);
    await before.work;
    expect(before.state.error).toBeNull();
  });

  it('X-52 a session that outlives every time-out is ended by the server, and only then the revocation returns', async () => {
    const endless = session(SERVING);
    await endless.unsafe('set statement_timeout = 0');
    const { state, work } = await running(endless, 60);
    // And one that does nothing within a transaction.
    const idle = session(SERVING);
    const pidOf = (sql: Pick<postgres.Sql, 'unsafe'>) =>
      sql.unsafe<{ pid: number }[]>('select pg_backend_pid() as pid').then(([row]) => Number(row?.pid));
    const idlePid = await new Promise<number>((resolve, reject) => {
      idle
        .begin(async (sql) => {
          await sql.unsafe('set local idle_in_transaction_session_timeout = 0');
          resolve(await pidOf(sql));
          await wait(60_000, undefined, { ref: false });
        })
        .catch(reject);
    });
    const { ms } = await settled();
    await work;
    expect(state.error).toMatch(/terminating connection|CONNECTION_CLOSED|closed/);
    const left = await cluster.underneath(
      urls.url,
      `select pid from pg_stat_activity where pid in (${state.pid}, ${idlePid})`,
    );
    expect(left).toEqual([]);
    expect(ms).toBeGreaterThan(LIMIT_MS - 100);
  });

  it('X-52 a superuser’s session that calls itself a gateway’s is waited for as long as a statement may take', async () => {
    await cluster.underneath(urls.url, `create role stranger login superuser password 'stranger'`);
    const { state } = await running(session(SERVING, urlOf('stranger')), 60);
    const { ms } = await settled();
    expect(ms).toBeGreaterThan(LIMIT_MS - 100);
    expect(state.endedAt).toBeNull();
  });
});
