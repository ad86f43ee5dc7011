import type { Hindrance } from '../../domain/database/hindrance.ts';
import type { Storage } from '../../domain/ports/storage.ts';
import type { Driver } from '../driver/driver.ts';
import { SERVING_SESSIONS } from '../driver/settled.ts';
import { refuseCaching } from '../caching.ts';
import { readFacts, type DatabaseFacts } from '../facts.ts';
import { SERVING_ROLES } from '../logins.ts';
import { refuseOldSchema, refuseUnfitLogin, withRole } from '../refusals.ts';
import { createStorage, forAll, type Drivers } from '../storage.ts';
import { refuseUnfinishedTransfer } from '../transfer/guard.ts';
import type { TlsSources } from './tls.ts';
import {
  DEFAULT_POOLS,
  DEFAULTS,
  LOCK_TIMEOUT_MS,
  PIPELINE,
  READING,
  type PoolSize,
  type Purpose,
} from './pools.ts';
import { requestsOf, type RequestOptions } from './requests.ts';
import { createLease, type Lease } from '../lease.ts';
import { createDatabaseMonitor, type OnDatabaseState } from '../monitor.ts';
import { connectDriver, type Connected, type UrlSource } from './driver.ts';
import { migratePostgres } from './maintenance.ts';

export interface PostgresStorageOptions extends TlsSources, RequestOptions {
  /**
   * `postgres://user:password@host:port/database` of the login for the public and admin API (docs/reference/database-roles.md). A function
   * is asked for each connection, so that a password may change.
   */
  readonly url: UrlSource;
  /** The same database under the login that answers peers. Absent only for what answers none. */
  readonly peersUrl?: UrlSource;
  /** The same database under the login for maintenance. Absent: the schema is left alone, and has to be current. */
  readonly maintenanceUrl?: UrlSource;
  readonly pools?: Partial<Record<Purpose, PoolSize>>;
  /** One connection of a login, for as long as one request or one command: no pools by purpose. */
  readonly isShortLived?: boolean;
  /** Logins and schema were looked at a moment ago, by an opening like this one: each session is looked at all the same. */
  readonly isKnownFit?: boolean;
  readonly connectTimeoutMs?: number;
  /** Connects, where the library's own way is not good enough: see `ConnectOptions`. */
  readonly openSocket?: (host: string, port: number, isTls: boolean) => Promise<object>;
  /** Longest a statement runs at the server, in milliseconds; on this side it is given up one second later. */
  readonly statementTimeoutMs?: number;
  /** Most statements of one purpose that wait for a connection; the next one is refused at once. */
  readonly queueLimit?: number;
  /** Told what the server is before anything is changed there; what it throws ends the opening. */
  readonly onFacts?: (facts: DatabaseFacts) => void;
  /**
   * How long this process may serve peers after its last commit on the primary, in seconds; shorter than a failover takes.
   * 0: without such a lease, for a process that serves none.
   */
  readonly leaseSeconds?: number;
  /** Told when the database's condition changes. */
  readonly onState?: OnDatabaseState;
  /** Told of each statement that met what only an operator can mend, at a database that can be served from otherwise. */
  readonly onHindered?: (met: Hindrance) => void;
  /** Of this host, in milliseconds since the epoch. */
  readonly clock?: () => number;
}

const IDLE_MS = 60_000;
const LIFETIME_MS = 45 * 60_000;

const ONE = { max: 1, pipeline: 1 } as const;

/** Sessions of one of the logins that serve, in its role. */
const serving = (kind: 'api' | 'peers', url: UrlSource, limitMs: number) =>
  ({
    url,
    role: SERVING_ROLES[kind],
    demand: kind,
    name: SERVING_SESSIONS,
    limitMs,
    idleMs: IDLE_MS,
    lifetimeMs: LIFETIME_MS,
  }) as const;

/** One connection of each login, the peers' only when it is used, and nothing that goes on in the background. */
const openShortLived = (options: PostgresStorageOptions, limitMs: number): Opened => {
  const { url, peersUrl } = options;
  const monitor = createDatabaseMonitor(options.onState);
  const requests = requestsOf(options);
  const { budgets } = requests;
  const connect = (kind: 'api' | 'peers', address: UrlSource, source: string): Driver =>
    connectDriver({ ...serving(kind, address, limitMs), ...ONE, source, budgets }, { ...options, monitor })
      .driver;
  const only = connect('api', url, 'writes');
  const ofPeers = peersUrl === undefined ? only : connect('peers', peersUrl, 'peer reads');
  const drivers = { ...forAll(only), peerReads: ofPeers, peerSearch: ofPeers };
  return { storage: createStorage(drivers, { monitor, requests }), drivers, lease: null };
};

/** A pool for each purpose, and the lease on a connection of its own. */
const openLasting = (options: PostgresStorageOptions, limitMs: number): Opened => {
  const { url, peersUrl, leaseSeconds = DEFAULTS.leaseSeconds } = options;
  const monitor = createDatabaseMonitor(options.onState);
  const requests = requestsOf(options);
  const pools = new Map<string, Connected>();
  let lease: Lease | null = null;
  const known = {
    expected: () => lease?.identity ?? null,
    onLater: (timeline: string) => lease?.leave(timeline),
  };
  const connect = (purpose: Purpose, kind: 'api' | 'peers' = 'api', address = url): Driver => {
    const { max } = options.pools?.[purpose] ?? DEFAULT_POOLS[purpose];
    const source = kind === 'api' ? purpose : `peer ${purpose}`;
    const asked = { ...serving(kind, address, limitMs), isLimitDemanded: true };
    const locks = READING.has(purpose) ? { lockLimitMs: LOCK_TIMEOUT_MS } : {};
    // What goes on in the background is of no request, whoever set it going.
    const { budgets } = purpose === 'background' ? {} : requests;
    const isReading = READING.has(purpose);
    const shared = { max, pipeline: PIPELINE[purpose], source, isReading };
    const target = { ...asked, ...locks, ...shared, ...(budgets === undefined ? {} : { budgets }) };
    const connected = connectDriver(target, { ...options, monitor, ...known });
    pools.set(source, connected);
    return connected.driver;
  };
  const [reads, search] = [connect('reads'), connect('search')];
  const drivers: Drivers = {
    reads,
    search,
    // A pool of the same size for peers besides: none is opened where nobody asks.
    peerReads: peersUrl === undefined ? reads : connect('reads', 'peers', peersUrl),
    peerSearch: peersUrl === undefined ? search : connect('search', 'peers', peersUrl),
    writes: connect('writes'),
    background: connect('background'),
  };
  /** A statement opens a connection, and how that goes is told to the monitor. */
  const look = (names: Iterable<string>): void => {
    for (const name of names)
      void pools
        .get(name)
        ?.driver.query('select 1')
        .catch(() => undefined);
  };
  if (leaseSeconds > 0) {
    // A lease that hangs is given up while the one before still holds.
    const leaseLimit = { ...serving('api', url, Math.min(limitMs, (leaseSeconds * 1_000) / 5)), ...ONE };
    const own = connectDriver({ ...leaseLimit, source: 'lease connection' }, { ...options, monitor });
    // Opened anew each time. That it cannot be, for want of a slot for example, says nothing of the connections there are.
    const scout = connectDriver({ ...leaseLimit, source: 'scout', idleMs: 0 }, { ...options, ...known });
    lease = createLease({
      driver: own.driver,
      onAstray: own.retire,
      seconds: leaseSeconds,
      monitor,
      clock: options.clock ?? (() => Date.now()),
      onMoved: () => {
        for (const { retire } of pools.values()) retire();
        look(pools.keys());
      },
      retry: look,
      scout: scout.driver,
    });
  }
  const parts = { monitor, requests, ...(lease === null ? {} : { lease }) };
  return { storage: createStorage(drivers, parts), drivers, lease };
};

interface Opened {
  readonly storage: Storage;
  readonly drivers: Drivers;
  readonly lease: Lease | null;
}

/** Whether the logins are fit, the schema is current and whole: said before anybody is served. */
const assertFit = async (
  { writes, peerReads }: Drivers,
  { peersUrl, maintenanceUrl }: PostgresStorageOptions,
): Promise<void> => {
  await Promise.all([
    refuseUnfitLogin(writes, 'api'),
    refuseCaching(writes),
    ...(peersUrl === undefined ? [] : [refuseUnfitLogin(peerReads, 'peers'), refuseCaching(peerReads)]),
  ]);
  if (maintenanceUrl === undefined) await refuseOldSchema(writes);
  await refuseUnfinishedTransfer(writes);
};

/**
 * Opens a Postgres: brings the schema up to date over the login for maintenance, where it is given, then serves from sessions of
 * the other two, a few for each purpose.
 * @throws MosaicError `database_unavailable` when it can't be reached in time, is no primary or gives its sessions another role; whatever `onFacts` throws, `unavailable` for a login that is not fit, an older, newer or half a store
 */
export const openPostgresStorage = async (options: PostgresStorageOptions): Promise<Storage> => {
  const { maintenanceUrl, statementTimeoutMs: limitMs = DEFAULTS.statementTimeoutMs } = options;
  if (maintenanceUrl !== undefined) await migratePostgres(maintenanceUrl, options);
  const open = options.isShortLived === true ? openShortLived : openLasting;
  const { storage, drivers, lease } = open(options, limitMs);
  try {
    // Their first statements also show that somebody answers.
    await withRole(async () => {
      if (maintenanceUrl === undefined) options.onFacts?.(await readFacts(drivers.writes));
      if (options.isKnownFit !== true) await assertFit(drivers, options);
      await lease?.start();
      await storage.ping();
    });
  } catch (error) {
    await storage.close();
    throw error;
  }
  return storage;
};
