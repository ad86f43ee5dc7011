import { setTimeout as wait } from 'node:timers/promises';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openPostgresStorage } from '../../db/connect/postgres.ts';
import type { Storage } from '../../domain/ports/storage.ts';
import { startCluster, type Cluster } from '../migrate/cluster.ts';

/** A statement of this gateway may run as long; the barrier gives it a second more, and the ending of a session another. */
const STATEMENT_MS = 1_000;
const LIMIT_MS = STATEMENT_MS + 1_000;
const SERVING = 'mosaic-federation';

describe('the barrier of a revocation, on a Postgres', () => {
  let cluster: Cluster;
  let url: string;
  let storage: Storage;
  const clients: postgres.Sql[] = [];

  beforeAll(async () => {
    cluster = await startCluster();
    url = await cluster.create();
    storage = await openPostgresStorage({ url, statementTimeoutMs: STATEMENT_MS });
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.end({ timeout: 0 });
  });
  afterAll(async () => {
    await storage.close();
    await cluster.close();
  });

  const session = (application: string, address = url): postgres.Sql => {
    const client = postgres(address, {
      max: 1,
      connection: { application_name: application },
      fetch_types: false,
    });
    clients.push(client);
    return client;
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
      .poll(async () => (await cluster.underneath<{ n: number }>(url, isActive))[0]?.n, { interval: 20 })
      .toBe(1);
    return { state, work };
  };
  const settled = async (): Promise<{ readonly ms: number; readonly at: number }> => {
    const from = performance.now();
    await storage.settled();
    const at = performance.now();
    return { ms: at - from, at };
  };

  it('X-52 is over at once when nothing runs, and does not wait for other programs', async () => {
    await running(session('psql'), 60);
    expect((await settled()).ms).toBeLessThan(LIMIT_MS / 2);
  });

  it('X-52 waits for a statement of any gateway that began before, and for none that began after', async () => {
    const before = await running(session(SERVING), 0.9);
    const waiting = settled();
    await wait(100);
    const after = await running(session(SERVING), 60);
    const { at } = await waiting;
    await before.work;
    expect(before.state.error).toBeNull();
    expect(at).toBeGreaterThan((before.state.endedAt ?? Infinity) - 100);
    expect(after.state.endedAt).toBeNull();
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
      url,
      `select pid from pg_stat_activity where pid in (${state.pid}, ${idlePid})`,
    );
    expect(left).toEqual([]);
    expect(ms).toBeGreaterThan(LIMIT_MS - 100);
  });

  it('X-52 a session of another login role, which can not be looked into, is waited for as long as a statement may take', async () => {
    await cluster.underneath(url, `create role stranger login superuser password 'stranger'`);
    const address = new URL(url);
    address.username = 'stranger';
    address.password = 'stranger';
    const { state } = await running(session(SERVING, address.href), 60);
    const { ms } = await settled();
    expect(ms).toBeGreaterThan(LIMIT_MS - 100);
    expect(state.endedAt).toBeNull();
  });
});
