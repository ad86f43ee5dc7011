import type postgres from 'postgres';
import type { Storage } from '../../domain/ports/storage.ts';
import type { Driver } from '../driver/driver.ts';
import { SERVING_SESSIONS } from '../driver/settled.ts';
import { readFacts, type DatabaseFacts } from '../facts.ts';
import { migrate, pendingMigrations } from '../migrate.ts';
import { createStorage, type Drivers } from '../storage.ts';
import { refuseUnfinishedTransfer } from '../transfer/guard.ts';
import { DEFAULT_POOLS, DEFAULTS, PIPELINE, PURPOSES, type PoolSize, type Purpose } from './pools.ts';
import { SERVING_ROLE, type Demand } from '../session-facts.ts';
import { createLease, type Lease } from '../lease.ts';
import { createDatabaseMonitor, type OnDatabaseState } from '../monitor.ts';
import { connectDriver, type Connected } from './driver.ts';

export interface PostgresStorageOptions {
  /** `postgres://user:password@host:port/database` of a login role; see docs for what it needs. */
  readonly url: string;
  /** The same database under the login that serves peers (pools `reads` and `search`). Default: `url`. */
  readonly peersUrl?: string;
  /** The same database under the login that migrates. Default: `url`. */
  readonly maintenanceUrl?: string;
  readonly pools?: Partial<Record<Purpose, PoolSize>>;
  /** One connection for everything, for as long as one request or one command: no pools by purpose. */
  readonly isShortLived?: boolean;
  readonly connectTimeoutMs?: number;
  /** Longest a statement runs at the server, in milliseconds; on this side it is given up one second later. */
  readonly statementTimeoutMs?: number;
  /** Most statements of one purpose that wait for a connection; the next one is refused at once. */
  readonly queueLimit?: number;
  /** Leave the schema alone (another process migrates). */
  readonly skipMigrations?: boolean;
  /** Told what the server is before anything is changed there; what it throws ends the opening. */
  readonly onFacts?: (facts: DatabaseFacts) => void;
  /**
   * How long this process may serve peers after its last commit on the primary, in seconds; shorter than a failover takes.
   * 0: without such a lease, for a process that serves none.
   */
  readonly leaseSeconds?: number;
  /** Told when the database's condition changes. */
  readonly onState?: OnDatabaseState;
  /** Of this host, in milliseconds since the epoch. */
  readonly clock?: () => number;
  /** Further options of postgres.js: `ssl`, `socket`, … */
  readonly client?: postgres.Options<Record<string, never>>;
}

const IDLE_MS = 60_000;
const LIFETIME_MS = 45 * 60_000;

const MIGRATION_LIMIT_MS = 300_000;
const PROBE_LIMIT_MS = 3_000;

/** Moving a large store, or waiting for another process, may take this long between two statements. */
const MAINTENANCE_LIMIT_MS = 3_600_000;

const ONE = { max: 1, pipeline: 1 } as const;

/** One connection of the login role, for work that no gateway does. */
const asLogin = (
  { url, maintenanceUrl, ...options }: PostgresStorageOptions,
  limitMs: number,
  demand: Demand,
  name = `${SERVING_SESSIONS}-maintenance`,
): Driver => {
  const lasting = { idleMs: Infinity, lifetimeMs: Infinity };
  return connectDriver(
    { ...ONE, ...lasting, url: maintenanceUrl ?? url, role: null, name, source: name, demand, limitMs },
    options,
  ).driver;
};

/**
 * One connection of the login role, for work that no gateway does.
 * @param name as the server lists the session
 */
export const openMaintenance = (url: string, name: string): Driver =>
  asLogin({ url }, MAINTENANCE_LIMIT_MS, 'primary', name);

const serving = (limitMs: number) =>
  ({
    role: SERVING_ROLE,
    name: SERVING_SESSIONS,
    demand: 'serving',
    limitMs,
    idleMs: IDLE_MS,
    lifetimeMs: LIFETIME_MS,
  }) as const;

/** One connection for everything, and nothing that goes on in the background. */
const openShortLived = (options: PostgresStorageOptions, limitMs: number): Opened => {
  const monitor = createDatabaseMonitor(options.onState);
  const target = { ...serving(limitMs), ...ONE, url: options.url, source: 'writes' };
  const { driver } = connectDriver(target, { ...options, monitor });
  return { storage: createStorage(driver, { monitor }), writes: driver, lease: null };
};

/** A pool for each purpose, and the lease on a connection of its own. */
const openLasting = (options: PostgresStorageOptions, limitMs: number): Opened => {
  const { url, peersUrl = url, leaseSeconds = DEFAULTS.leaseSeconds } = options;
  const monitor = createDatabaseMonitor(options.onState);
  const pools = new Map<string, Connected>();
  let lease: Lease | null = null;
  const connect = (purpose: Purpose): Driver => {
    const isOfPeers = purpose === 'reads' || purpose === 'search';
    const { max } = options.pools?.[purpose] ?? DEFAULT_POOLS[purpose];
    const size = { max, pipeline: PIPELINE[purpose] };
    const target = { ...serving(limitMs), ...size, url: isOfPeers ? peersUrl : url, source: purpose };
    const connected = connectDriver(target, { ...options, monitor, expected: () => lease?.identity ?? null });
    pools.set(purpose, connected);
    return connected.driver;
  };
  const drivers = Object.fromEntries(
    PURPOSES.map((purpose) => [purpose, connect(purpose)]),
  ) as unknown as Drivers;
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
    const leaseLimit = { ...serving(Math.min(limitMs, (leaseSeconds * 1_000) / 5)), ...ONE, url };
    lease = createLease({
      driver: connectDriver({ ...leaseLimit, source: 'lease connection' }, { ...options, monitor }).driver,
      seconds: leaseSeconds,
      monitor,
      clock: options.clock ?? (() => Date.now()),
      onMoved: () => {
        for (const { retire } of pools.values()) retire();
        look(pools.keys());
      },
      retry: look,
    });
  }
  const parts = lease === null ? { monitor } : { monitor, lease };
  return { storage: createStorage(drivers, parts), writes: drivers.writes, lease };
};

interface Opened {
  readonly storage: Storage;
  readonly writes: Driver;
  readonly lease: Lease | null;
}

/**
 * Opens a Postgres: brings the schema up to date over a connection of the login role, then serves from sessions of
 * `mosaic_app`, a few for each purpose.
 * @throws MosaicError `database_unavailable` when it can't be reached in time, is no primary or gives its sessions another role; whatever `onFacts` throws, `unavailable` for a newer or half a store
 */
export const openPostgresStorage = async (options: PostgresStorageOptions): Promise<Storage> => {
  if (options.skipMigrations !== true) {
    const migrator = asLogin(options, MIGRATION_LIMIT_MS, 'primary');
    try {
      options.onFacts?.(await readFacts(migrator));
      await migrate(migrator);
    } finally {
      await migrator.close();
    }
  }
  const limitMs = options.statementTimeoutMs ?? DEFAULTS.statementTimeoutMs;
  const open = options.isShortLived === true ? openShortLived : openLasting;
  const { storage, writes, lease } = open(options, limitMs);
  try {
    await lease?.start();
    // Their first statements also show that somebody answers.
    await Promise.all([storage.ping(), refuseUnfinishedTransfer(writes)]);
  } catch (error) {
    await storage.close();
    throw error;
  }
  return storage;
};

export interface DatabaseProbe {
  readonly facts: DatabaseFacts;
  /** Migrations it lacks; null when nothing was ever set up there. */
  readonly pending: readonly string[] | null;
}

/** Looks at a Postgres over a connection of its own and changes nothing. @throws MosaicError */
export const probePostgres = async (
  options: Pick<PostgresStorageOptions, 'url' | 'connectTimeoutMs'>,
): Promise<DatabaseProbe> => {
  const driver = asLogin(options, PROBE_LIMIT_MS, 'any');
  try {
    const facts = await readFacts(driver);
    const [row] = await driver.query<{ there: boolean }>(
      `select to_regclass('public.mosaic_migrations') is not null as there`,
    );
    return { facts, pending: row?.there === true ? await pendingMigrations(driver) : null };
  } finally {
    await driver.close();
  }
};
