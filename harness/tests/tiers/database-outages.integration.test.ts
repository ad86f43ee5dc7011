import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connectDriver } from '../../../db/connect/driver.ts';
import { openPostgresStorage, type PostgresStorageOptions } from '../../../db/connect/postgres.ts';
import { aUser } from '../../../db/testing/world.testkit.ts';
import type { Storage } from '../../../domain/ports/storage.ts';
import { ensureInstalled } from '../../devstack/components/installed.ts';
import { openLink } from '../../devstack/components/link.ts';
import { startPostgres, urlsOf, type Postgres } from '../../devstack/components/postgres.ts';
import { stop } from '../../devstack/components/process.ts';
import { freePort } from '../../devstack/components/sockets.ts';

const STATEMENT_MS = 1_000;
/** The gateway's own deadline is a second after the server's. */
const DEADLINE_MS = STATEMENT_MS + 1_000;
const AT_ONCE_MS = 700;
const HEALING = { timeout: 10_000, interval: 50 };

const SIGTERM_BIT = 1n << 14n;
/** Whether a frozen process has been told to end, which it does as soon as it goes on, before all else. */
const isToEnd = (pid: number): boolean => {
  const pending = /^ShdPnd:\s*([0-9a-f]+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
  return (BigInt(`0x${pending}`) & SIGTERM_BIT) !== 0n;
};

interface Outcome {
  readonly ok: boolean;
  readonly code: string | null;
  readonly ms: number;
}

const outcome = async (work: () => Promise<unknown>): Promise<Outcome> => {
  const from = performance.now();
  const ended = await work().then(
    () => ({ ok: true, code: null }),
    (error: unknown) => ({ ok: false, code: String((error as { code?: unknown }).code) }),
  );
  return { ...ended, ms: performance.now() - from };
};

describe('a Postgres that hangs, refuses or is gone', () => {
  let folder: string;
  let server: Postgres;
  let underneath: postgres.Sql;
  let storage: Storage;
  const closers: (() => Promise<unknown>)[] = [];

  const plan = async () => ({
    folder: path.join(folder, 'postgres'),
    port,
    database: 'base',
    user: 'mosaic',
    password: 'canary-password',
  });
  let port: number;

  const opened = async (options: Partial<PostgresStorageOptions> = {}): Promise<Storage> => {
    storage = await openPostgresStorage({
      ...urlsOf(server.url),
      statementTimeoutMs: STATEMENT_MS,
      ...options,
    });
    closers.push(() => storage.close());
    return storage;
  };
  const admin = (): postgres.Sql =>
    postgres({
      path: path.join(folder, 'postgres', `.s.PGSQL.${port}`),
      username: 'postgres',
      database: 'base',
      max: 1,
      onnotice: () => undefined,
    } as postgres.Options<Record<string, never>>);

  beforeAll(async () => {
    ensureInstalled();
    folder = mkdtempSync(path.join(tmpdir(), 'mosaic-outages-'));
    chmodSync(folder, 0o711);
    port = await freePort();
    server = await startPostgres(await plan());
    underneath = admin();
    await (await openPostgresStorage(urlsOf(server.url))).close();
  });
  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  });
  afterAll(async () => {
    await underneath.end({ timeout: 1 });
    await stop(server);
    rmSync(folder, { recursive: true, force: true });
  });

  /** Freezes the sessions of the gateway, as a server that hangs does. @returns those that have inserted users, and what thaws all */
  const freeze = async (): Promise<{ readonly pids: readonly number[]; readonly thaw: () => void }> => {
    // None that is at work or about to end: it would be frozen with a lock of the server's own.
    const isAtRest = async () =>
      (
        await underneath`select from pg_stat_activity
          where application_name = 'mosaic-federation' and wait_event is distinct from 'ClientRead'`
      ).length;
    await expect.poll(isAtRest, HEALING).toBe(0);
    const rows = await underneath<{ pid: number; writes: boolean }[]>`
      select pid, query ilike 'insert into%users%' as writes from pg_stat_activity where application_name = 'mosaic-federation' and wait_event = 'ClientRead'`;
    const pids = rows.map(({ pid }) => pid);
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    let isFrozen = true;
    const thaw = (): void => {
      if (isFrozen) for (const pid of pids) process.kill(pid, 'SIGCONT');
      isFrozen = false;
    };
    closers.push(async () => thaw());
    return { pids: rows.flatMap(({ pid, writes }) => (writes ? [pid] : [])), thaw };
  };
  const insertUser = (name: string) =>
    storage.stores.users.insert({ id: crypto.randomUUID(), name, isAdmin: false, createdAt: new Date() });
  const usersCalled = async (prefix: string): Promise<number> => {
    const [row] = await underneath<{ n: number }[]>`
      select count(*)::int as n from users where name like ${`${prefix}%`}`;
    return row?.n ?? -1;
  };

  it('F-22 F-19 what a caller was told had failed does not run when a hung server goes on, and the queue is bounded', async () => {
    await opened({ queueLimit: 100 });
    await Promise.all([insertUser('warm-1'), insertUser('warm-2'), insertUser('warm-3')]);
    const { pids, thaw } = await freeze();
    const outcomes = await Promise.all(
      Array.from({ length: 500 }, (_, index) => outcome(() => insertUser(`hung-${index}`))),
    );
    const refused = outcomes.filter(({ ms }) => ms < AT_ONCE_MS);
    expect(refused.length).toBeGreaterThanOrEqual(390);
    expect(outcomes.every(({ ok, code }) => ok || code === 'database_unavailable')).toBe(true);
    expect(Math.max(...outcomes.map(({ ms }) => ms))).toBeLessThan(DEADLINE_MS + 3_000);
    // The server answers on other connections, and the first of them ends what hangs.
    await expect
      .poll(async () => (await outcome(() => insertUser(`after-${Date.now()}`))).ok, HEALING)
      .toBe(true);
    expect(pids.length).toBeGreaterThan(0);
    await expect.poll(() => pids.every(isToEnd), HEALING).toBe(true);
    thaw();
    const told = outcomes.filter(({ ok }) => ok).length;
    await expect
      .poll(async () => {
        const rows =
          await underneath`select from pg_stat_activity where application_name = 'mosaic-federation' and state = 'active'`;
        return rows.length;
      }, HEALING)
      .toBe(0);
    expect(await usersCalled('hung-')).toBe(told);
  });

  it('F-20 F-22 a connection that the server ends takes along what was not sent on it: nothing goes over another one, unchecked', async () => {
    const { driver } = connectDriver({
      url: server.url,
      role: null,
      name: 'ended',
      source: 'ended',
      demand: 'any',
      limitMs: 5_000,
      max: 1,
      pipeline: 8,
      idleMs: 60_000,
      lifetimeMs: 60_000,
    });
    closers.push(() => driver.close());
    await driver.query('select 1');
    const asked = Array.from({ length: 6 }, (_, index) =>
      outcome(() => driver.query(`select pg_sleep(0.4), ${index}, $1::text`, ['a'])),
    );
    const all = () => underneath<{ pid: number; state: string }[]>`
      select pid, state from pg_stat_activity where application_name = 'ended'`;
    await expect.poll(async () => (await all()).map(({ state }) => state), HEALING).toEqual(['active']);
    await underneath`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'ended'`;
    expect((await Promise.all(asked)).map(({ code }) => code)).toEqual(
      asked.map(() => 'database_unavailable'),
    );
    await expect.poll(all, HEALING).toEqual([]);
  });

  it('H-1 a connection that falls silent between its start and its first answer is given up', async () => {
    let isSilent = true;
    const proxy = net.createServer((client) => {
      const upstream = net.connect(port, '127.0.0.1');
      let isStarted = false;
      client.pipe(upstream).on('error', () => client.destroy());
      upstream.on('data', (chunk: Buffer) => {
        if (!isSilent || !isStarted) client.write(chunk);
        // ReadyForQuery, outside of a transaction.
        isStarted ||= chunk.subarray(-6).equals(Buffer.from([0x5a, 0, 0, 0, 5, 0x49]));
      });
      client.on('error', () => upstream.destroy()).on('close', () => upstream.destroy());
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const { driver } = connectDriver({
      url: server.url.replace(`:${port}/`, `:${(proxy.address() as net.AddressInfo).port}/`),
      role: null,
      name: 'silent',
      source: 'silent',
      demand: 'any',
      limitMs: STATEMENT_MS,
      max: 1,
      pipeline: 8,
      idleMs: 60_000,
      lifetimeMs: 60_000,
    });
    closers.push(
      async () => proxy.close(),
      () => driver.close(),
    );
    expect(await outcome(() => driver.query('select 1'))).toMatchObject({ code: 'database_unavailable' });
    isSilent = false;
    await expect.poll(async () => (await outcome(() => driver.query('select 1'))).ok, HEALING).toBe(true);
  });

  it('F-22 a transaction that hangs at its commit is given up, and its connection with it', async () => {
    await opened();
    let thaw = (): void => undefined;
    let pids: readonly number[] = [];
    const work = outcome(() =>
      storage.transaction(async ({ users }) => {
        await users.insert({
          id: crypto.randomUUID(),
          name: 'commit-1',
          isAdmin: false,
          createdAt: new Date(),
        });
        ({ pids, thaw } = await freeze());
      }),
    );
    expect(await work).toMatchObject({ ok: false, code: 'database_unavailable' });
    await expect
      .poll(async () => (await outcome(() => insertUser(`c-${Date.now()}`))).ok, HEALING)
      .toBe(true);
    expect(pids.length).toBeGreaterThan(0);
    await expect.poll(() => pids.every(isToEnd), HEALING).toBe(true);
    thaw();
    // What the server had of them it has done or dropped once they are gone.
    const left = () => underneath`select 1 from pg_stat_activity where pid = any (${[...pids]}::int[])`;
    await expect.poll(async () => (await left()).length, HEALING).toBe(0);
    expect(await usersCalled('commit-1')).toBe(0);
  });

  it('H-4 writes that wait for a standby hold up no list', { timeout: 60_000 }, async () => {
    await opened();
    const userId = await aUser(storage);
    await underneath`alter system set synchronous_standby_names = 'nobody'`;
    await underneath`select pg_reload_conf()`;
    closers.push(async () => {
      await underneath`alter system reset synchronous_standby_names`;
      await underneath`select pg_reload_conf()`;
    });
    const standby = async () => {
      const [row] = await underneath<{ names: string }[]>`
        select current_setting('synchronous_standby_names') as names`;
      return row?.names;
    };
    await expect.poll(standby, HEALING).toBe('nobody');
    const writes = Promise.all(
      Array.from({ length: 45 }, (_, index) => outcome(() => insertUser(`stalled-${index}`))),
    );
    const stalled = () => underneath`select 1 from pg_stat_activity where wait_event = 'SyncRep'`;
    await expect.poll(async () => (await stalled()).length, HEALING).toBeGreaterThan(0);
    const reads = await Promise.all(
      Array.from({ length: 20 }, () => outcome(() => storage.stores.grants.byId(userId))),
    );
    expect(reads.every(({ ok, ms }) => ok && ms < DEADLINE_MS)).toBe(true);
    // A session that had not heard of the standby yet waits for none.
    const outcomes = (await writes).map(({ ok, code }) => (ok ? 'written' : code));
    expect(new Set(outcomes)).toContain('database_unavailable');
    expect(outcomes.filter((it) => it !== 'written' && it !== 'database_unavailable')).toEqual([]);
    const waiting = () => underneath`
      select pid from pg_stat_activity where application_name = 'mosaic-federation' and wait_event = 'SyncRep'`;
    // Sessions that were given up do not pile up at the server.
    await expect.poll(async () => (await waiting()).length, HEALING).toBeLessThanOrEqual(6);
  });

  it('H-1 connections that a dead host swallowed are replaced within five seconds of the address answering', async () => {
    const link = await openLink(port);
    closers.push(() => link.close());
    const through = server.url.replace(`:${port}/`, `:${link.port}/`);
    // The server's own limit is far away: the gateway finds out by itself.
    await opened({ ...urlsOf(through), statementTimeoutMs: 30_000 });
    await Promise.all(Array.from({ length: 30 }, () => storage.ping()));
    const late = (): Promise<never> => wait(500).then(() => Promise.reject(new Error('late')));
    const soon = (): Promise<void> => Promise.race([storage.ping(), late()]);
    link.swallow();
    const from = performance.now();
    await expect.poll(async () => (await outcome(soon)).ok, HEALING).toBe(true);
    expect(performance.now() - from).toBeLessThan(5_000);
  });

  it('F-23 a Postgres that refuses is 503 at once, every time, and serves within two seconds of its return', async () => {
    await opened();
    await underneath.end({ timeout: 1 });
    await stop(server);
    const outcomes: Outcome[] = [];
    for (let round = 0; round < 40; round += 1) {
      outcomes.push(await outcome(() => storage.ping()));
      await wait(50);
    }
    const isServing = startPostgres(await plan());
    server = await isServing;
    const from = performance.now();
    underneath = admin();
    expect(
      outcomes.every(({ ok, code, ms }) => !ok && code === 'database_unavailable' && ms < AT_ONCE_MS),
    ).toBe(true);
    await expect.poll(async () => (await outcome(() => storage.ping())).ok, { interval: 50 }).toBe(true);
    expect(performance.now() - from).toBeLessThan(2_000);
  });
});
