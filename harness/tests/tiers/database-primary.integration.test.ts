import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openPostgresStorage, type PostgresStorageOptions } from '../../../db/connect/postgres.ts';
import { aUser, anActiveGrant, anEntry, must, T0, type Enrolled } from '../../../db/testing/world.testkit.ts';
import { decide, decideNative } from '../../../domain/access/decide.ts';
import { decideWrite } from '../../../domain/access/write.ts';
import type { DatabaseState } from '../../../domain/database/state.ts';
import type { Storage } from '../../../domain/ports/storage.ts';
import { createAuditChains } from '../../../src/audit/audit-chains.ts';
import { createAuditQueue } from '../../../src/audit/audit-queue.ts';
import { sha256 } from '../../../src/kernel/mac.ts';
import { ensureInstalled } from '../../devstack/components/installed.ts';
import { openLink, type Link } from '../../devstack/components/link.ts';
import { startPostgres, urlsOf, type Postgres } from '../../devstack/components/postgres.ts';
import { stop } from '../../devstack/components/process.ts';
import { freePort } from '../../devstack/components/sockets.ts';
import { startStandby, type Standby } from './standby.ts';

const LEASE_SECONDS = 3;
const SOON = { timeout: 15_000, interval: 50 };

describe('a database that is not the primary', () => {
  let folder: string;
  let server: Postgres;
  let underneath: postgres.Sql;
  let port: number;
  let url: string;
  const closers: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    ensureInstalled();
    folder = mkdtempSync(path.join(tmpdir(), 'mosaic-primary-'));
    chmodSync(folder, 0o711);
    port = await freePort();
    server = await startPostgres({
      folder: path.join(folder, 'postgres'),
      port,
      database: 'base',
      user: 'mosaic',
      password: 'canary-password',
    });
    url = server.url;
    underneath = postgres({
      path: path.join(folder, 'postgres', `.s.PGSQL.${port}`),
      username: 'postgres',
      database: 'base',
      max: 1,
      onnotice: () => undefined,
    } as postgres.Options<Record<string, never>>);
    await (await openPostgresStorage(urlsOf(url))).close();
  });
  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  });
  afterAll(async () => {
    await underneath.end({ timeout: 1 });
    await stop(server);
    rmSync(folder, { recursive: true, force: true });
  });

  const opened = async (options: Partial<PostgresStorageOptions> = {}): Promise<Storage> => {
    const storage = await openPostgresStorage({
      url,
      statementTimeoutMs: 2_000,
      leaseSeconds: LEASE_SECONDS,
      ...options,
      // On the same address, where none of its own is given.
      peersUrl: urlsOf(String(options.peersUrl ?? options.url ?? url)).peersUrl,
    });
    closers.push(() => storage.close());
    return storage;
  };
  const link = async (): Promise<Link> => {
    const made = await openLink(port);
    closers.push(() => made.close());
    return made;
  };
  const via = ({ port: at }: Link): string => url.replace(`:${port}/`, `:${at}/`);
  const standby = async (name: string): Promise<Standby> => {
    const made = await startStandby(server, path.join(folder, 'postgres'), path.join(folder, name));
    closers.push(() => stop(made));
    return made;
  };

  /** A grant whose subject has one task. */
  const granted = async (storage: Storage): Promise<Enrolled> => {
    const userId = await aUser(storage, false, crypto.randomUUID().slice(0, 8));
    const write = must(decideWrite({ userId, isAdmin: false, access: 'write' }, 'tasks', 'create'));
    await storage.stores.resources.insert(write, {
      id: crypto.randomUUID(),
      teamId: null,
      fields: { title: 'canary' },
      secretSealed: null,
      createdAt: T0,
    });
    return anActiveGrant(storage, userId);
  };
  const rowsFor = async (storage: Storage, { grant, identity }: Enrolled): Promise<number | 'refused'> => {
    const query = { resource: 'tasks', limit: 10, after: null } as const;
    const page = await storage.reader.list(must(decide.list(grant, identity, query, T0)));
    return page.admitted ? page.value.items.length : 'refused';
  };
  const answer = (storage: Storage, enrolled: Enrolled): Promise<string> =>
    rowsFor(storage, enrolled).then(String, (error: unknown) => String((error as { code?: unknown }).code));
  const revoke = (grantId: string) => underneath`
    update federation_grants set status = 'revoked', version = version + 1, revoked_at = now() where id = ${grantId}`;

  it('F-20 a hot standby is refused at the start, and told by name', async () => {
    const replica = await standby('refused');
    await expect(opened({ url: replica.url })).rejects.toMatchObject({
      code: 'database_unavailable',
      cause: { code: 'STANDBY', message: expect.stringContaining('primary') as unknown },
    });
  });

  it('F-20 connections that come to lead to a standby give no row, a revocation that it lacks included', async () => {
    const replica = await standby('led-to');
    const path_ = await link();
    const states: DatabaseState[] = [];
    const storage = await opened({ url: via(path_), onState: (state) => states.push(state) });
    const enrolled = await granted(storage);
    expect(await answer(storage, enrolled)).toBe('1');
    path_.retarget(replica.port);
    path_.set('reset');
    path_.set('through');
    await expect.poll(() => answer(storage, enrolled), SOON).toBe('database_unavailable');
    await expect(storage.ping()).rejects.toMatchObject({ code: 'database_unavailable' });
    await expect.poll(() => storage.state().condition, SOON).toBe('standby');
    expect(storage.state().cure).toContain('primary');
    await revoke(enrolled.grant.id);
    for (let round = 0; round < 20; round += 1)
      expect(await answer(storage, enrolled)).toBe('database_unavailable');
    path_.retarget(port);
    await expect.poll(() => answer(storage, enrolled), SOON).toBe('refused');
    await expect.poll(() => storage.state().condition, SOON).toBe('ok');
    expect(states.map(({ condition }) => condition)).toContain('standby');
  });

  it('H-3 F-20 a process that cannot commit on the primary gives no row after its lease, however well reading goes', async () => {
    const writing = await link();
    const storage = await opened({ url: via(writing), peersUrl: url });
    const enrolled = await granted(storage);
    expect(await answer(storage, enrolled)).toBe('1');
    writing.set('reset');
    const from = performance.now();
    let lastRow = from;
    while (performance.now() - from < (LEASE_SECONDS + 1) * 1_000) {
      const given = await answer(storage, enrolled);
      if (given === '1') lastRow = performance.now();
      else expect(given).toBe('database_unavailable');
    }
    expect(lastRow - from).toBeLessThan(LEASE_SECONDS * 1_000 + 100);
    writing.set('through');
    await expect.poll(() => answer(storage, enrolled), SOON).toBe('1');
  });

  it('H-3 F-20 after a failover the old primary is not read from, although it still takes connections and writes', async () => {
    const replica = await standby('promoted');
    const [writing, reading] = [await link(), await link()];
    const storage = await opened({ url: via(writing), peersUrl: via(reading) });
    const enrolled = await granted(storage);
    await expect.poll(() => answer(storage, enrolled), SOON).toBe('1');
    await replica.promote();
    const moved = postgres(urlsOf(replica.url).maintenanceUrl, { max: 1 });
    closers.push(() => moved.end({ timeout: 1 }));
    writing.retarget(replica.port);
    writing.set('reset');
    writing.set('through');
    await expect.poll(() => storage.state().condition, SOON).toBe('not_ours');
    await moved`update federation_grants set status = 'revoked', version = version + 1 where id = ${enrolled.grant.id}`;
    for (let round = 0; round < 20; round += 1)
      expect(await answer(storage, enrolled)).toBe('database_unavailable');
    reading.retarget(replica.port);
    await expect.poll(() => answer(storage, enrolled), SOON).toBe('refused');
  });

  it('H-3 F-20 a process that was led back to the old primary leaves it as soon as the address leads to the new one', async () => {
    const replica = await standby('led-back');
    const path_ = await link();
    const storage = await opened({ url: via(path_) });
    const enrolled = await granted(storage);
    await expect.poll(() => answer(storage, enrolled), SOON).toBe('1');
    const leadTo = (to: number): void => {
      path_.retarget(to);
      path_.set('reset');
      path_.set('through');
    };
    await replica.promote();
    const moved = postgres(urlsOf(replica.url).maintenanceUrl, { max: 1 });
    closers.push(() => moved.end({ timeout: 1 }));
    await moved`delete from gateway_leases`;
    leadTo(replica.port);
    // Over a lease that was taken there.
    await expect.poll(() => answer(storage, enrolled), SOON).toBe('1');
    leadTo(port);
    await expect.poll(() => storage.state().condition, SOON).toBe('not_ours');
    // Connections that are open stay where they are.
    path_.retarget(replica.port);
    await expect.poll(() => answer(storage, enrolled), SOON).toBe('1');
    await expect.poll(() => storage.state().condition, SOON).toBe('ok');
  });

  it('H-3 F-20 an old primary that lives on is left although no connection to it breaks', async () => {
    const replica = await standby('lives-on');
    const path_ = await link();
    const storage = await opened({ url: via(path_) });
    const enrolled = await granted(storage);
    await expect.poll(() => answer(storage, enrolled), SOON).toBe('1');
    await expect
      .poll(() => underneath`select from pg_stat_replication where replay_lsn = pg_current_wal_lsn()`, SOON)
      .toHaveLength(1);
    await replica.promote();
    const moved = postgres(urlsOf(replica.url).maintenanceUrl, { max: 1 });
    closers.push(() => moved.end({ timeout: 1 }));
    await moved`update federation_grants set status = 'revoked', version = version + 1, revoked_at = now() where id = ${enrolled.grant.id}`;
    // New connections lead to the new primary; the lease, and all that is open, is with the old one.
    path_.retarget(replica.port);
    await expect.poll(() => answer(storage, enrolled), SOON).toBe('refused');
    await expect.poll(() => storage.state().condition, SOON).toBe('ok');
    // Who was with the new one once is never led back.
    path_.retarget(port);
    path_.set('reset');
    path_.set('through');
    await expect.poll(() => storage.state().condition, SOON).toBe('not_ours');
    for (let round = 0; round < 20; round += 1)
      expect(await answer(storage, enrolled)).toBe('database_unavailable');
  });

  it('H-3 F-20 one connection that has seen the new primary takes the whole process there', async () => {
    const replica = await standby('seen');
    const [writing, reading] = [await link(), await link()];
    const storage = await opened({ url: via(writing), peersUrl: via(reading), leaseSeconds: 60 });
    const enrolled = await granted(storage);
    await expect.poll(() => answer(storage, enrolled), SOON).toBe('1');
    await replica.promote();
    for (const one of [writing, reading]) one.retarget(replica.port);
    // The lease's own connection stays open.
    reading.set('reset');
    reading.set('through');
    await expect.poll(() => answer(storage, enrolled), SOON).toBe('1');
    await expect
      .poll(
        () =>
          storage.ping().then(
            () => 'fit',
            () => 'unfit',
          ),
        SOON,
      )
      .toBe('fit');
    expect(await answer(storage, enrolled)).toBe('1');
    const left = () =>
      underneath`select from pg_stat_activity where usename like 'mosaic%' and datname = current_database()`;
    await expect.poll(left, SOON).toHaveLength(0);
  });

  it('H-3 a server that was frozen holds no lease when it goes on', async () => {
    const storage = await opened();
    const enrolled = await granted(storage);
    expect(await answer(storage, enrolled)).toBe('1');
    await underneath`update gateway_leases set expires_at = clock_timestamp() - interval '1 ms'`;
    const outcomes = new Set<string>();
    await expect
      .poll(async () => outcomes.add(await answer(storage, enrolled)).size, SOON)
      .toBeGreaterThanOrEqual(2);
    // Told as the database's state, and never as the grant's.
    expect(outcomes).toEqual(new Set(['database_unavailable', '1']));
  });

  it('H-7 a host whose clock is more than five seconds away serves no peer, and says so', async () => {
    let skewMs = 0;
    const storage = await opened({ clock: () => Date.now() + skewMs });
    const enrolled = await granted(storage);
    expect(await answer(storage, enrolled)).toBe('1');
    skewMs = 6_000;
    await expect.poll(() => answer(storage, enrolled), SOON).toBe('database_unavailable');
    expect(storage.state()).toMatchObject({ condition: 'clock_skew' });
    expect(storage.state().cure).toContain('NTP');
    await expect(storage.ping()).rejects.toMatchObject({ code: 'database_unavailable' });
    // People read at their own gateway all the same.
    const own = decideNative.list(
      { userId: enrolled.grant.subjectUserId, isAdmin: false, access: 'read' },
      { resource: 'tasks', limit: 10, after: null },
    );
    expect(await storage.reader.list(own)).toMatchObject({ admitted: true });
    skewMs = 0;
    await expect.poll(() => answer(storage, enrolled), SOON).toBe('1');
    expect(storage.state().condition).toBe('ok');
  });

  it('F-21 a database that turned read-only is 503 and told, and loses no entry of the audit log', async () => {
    const storage = await opened();
    const { audit: store, auditChain: chainStore } = storage.stores;
    const chains = createAuditChains({ writerId: crypto.randomUUID(), hash: sha256 });
    const silent = () => undefined;
    const queue = createAuditQueue({
      store,
      chainStore,
      chains,
      signer: {
        publicKey: '',
        sign: async (text) => text.padEnd(128, '0').slice(0, 128),
        verify: async () => false,
      },
      clock: { now: () => new Date() },
      log: { debug: silent, info: silent, warn: silent, error: silent },
      capacity: 1_000,
      flushMs: 10,
      batch: 20,
      strictMs: 1_000,
    });
    const { id: _id, writerId: _writer, seq: _seq, head: _head, ...draft } = anEntry();
    const readOnly = async (isOn: boolean): Promise<void> => {
      await underneath.unsafe(`alter system set default_transaction_read_only = ${isOn ? 'on' : 'off'}`);
      await underneath`select pg_reload_conf()`;
    };
    closers.push(async () => {
      await underneath`set default_transaction_read_only = off`;
      await readOnly(false);
    });
    await readOnly(true);
    await underneath`set default_transaction_read_only = off`;
    const write = () =>
      storage.stores.users.insert({
        id: crypto.randomUUID(),
        name: crypto.randomUUID().slice(0, 8),
        isAdmin: false,
        createdAt: new Date(),
      });
    await expect
      .poll(
        async () =>
          write().then(
            () => null,
            (error: unknown) => (error as { code: string }).code,
          ),
        SOON,
      )
      .toBe('database_unavailable');
    for (let entry = 0; entry < 50; entry += 1) queue.record(draft);
    await expect.poll(() => storage.state().condition, SOON).toBe('read_only');
    await expect(storage.ping()).rejects.toMatchObject({ code: 'database_unavailable' });
    expect(queue.counters).toMatchObject({ accepted: 50, written: 0, dropped: 0 });
    await readOnly(false);
    await queue.flush();
    expect(queue.counters).toMatchObject({ accepted: 50, written: 50, dropped: 0 });
    await expect.poll(() => storage.state().condition, SOON).toBe('ok');
    await queue.stop(1_000);
    const [row] = await underneath<{ n: number }[]>`
      select count(*)::int as n from federation_audit_log where writer_id = ${chains.writerId}`;
    expect(row?.n).toBe(50);
  });
});
