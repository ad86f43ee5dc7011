import type postgres from 'postgres';
import type { Storage } from '../../domain/ports/storage.ts';
import type { Driver } from '../driver/driver.ts';
import { SERVING_SESSIONS } from '../driver/settled.ts';
import { readFacts, type DatabaseFacts } from '../facts.ts';
import { migrate, pendingMigrations } from '../migrate.ts';
import { loginFault, SERVING_ROLES, type LoginKind } from '../logins.ts';
import { refuseOldSchema, refuseUnfitLogin, withRole } from '../refusals.ts';
import { createStorage, forAll, type Drivers } from '../storage.ts';
import { refuseUnfinishedTransfer } from '../transfer/guard.ts';
import type { Demand } from '../session-facts.ts';
import { DEFAULT_POOLS, DEFAULTS, PIPELINE, type PoolSize, type Purpose } from './pools.ts';
import { connectDriver } from './driver.ts';

export interface PostgresStorageOptions {
  /** `postgres://user:password@host:port/database` of the login for the public and admin API (docs/database-roles.md). */
  readonly url: string;
  /** The same database under the login that answers peers. Absent only for what answers none. */
  readonly peersUrl?: string;
  /** The same database under the login for maintenance. Absent: the schema is left alone, and has to be current. */
  readonly maintenanceUrl?: string;
  readonly pools?: Partial<Record<Purpose, PoolSize>>;
  /** One connection of a login, for as long as one request or one command: no pools by purpose. */
  readonly isShortLived?: boolean;
  readonly connectTimeoutMs?: number;
  /** Longest a statement runs at the server, in milliseconds; on this side it is given up one second later. */
  readonly statementTimeoutMs?: number;
  /** Most statements of one purpose that wait for a connection; the next one is refused at once. */
  readonly queueLimit?: number;
  /** Told what the server is before anything is changed there; what it throws ends the opening. */
  readonly onFacts?: (facts: DatabaseFacts) => void;
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

/** One connection of a login under no role but its own, for work that no gateway does. */
const asLogin = (
  url: string,
  options: Omit<PostgresStorageOptions, 'url'>,
  limitMs: number,
  demand: Demand,
  name = `${SERVING_SESSIONS}-maintenance`,
): Driver => {
  const lasting = { idleMs: Infinity, lifetimeMs: Infinity };
  return connectDriver({ ...ONE, ...lasting, url, role: null, name, demand, limitMs }, options);
};

/**
 * One connection of the login for maintenance.
 * @param name as the server lists the session
 */
export const openMaintenance = (url: string, name: string): Driver =>
  asLogin(url, {}, MAINTENANCE_LIMIT_MS, 'primary', name);

/** Brings the schema up to date. @param url of the login for maintenance @returns names of what was applied @throws MosaicError */
export const migratePostgres = async (
  url: string,
  options: Omit<PostgresStorageOptions, 'url'> = {},
): Promise<readonly string[]> => {
  const migrator = asLogin(url, options, MIGRATION_LIMIT_MS, 'primary');
  try {
    options.onFacts?.(await readFacts(migrator));
    return await migrate(migrator);
  } finally {
    await migrator.close();
  }
};

const driversOf = (options: PostgresStorageOptions): Drivers => {
  const { url, peersUrl, statementTimeoutMs: limitMs = DEFAULTS.statementTimeoutMs } = options;
  const serving = { name: SERVING_SESSIONS, limitMs, idleMs: IDLE_MS, lifetimeMs: LIFETIME_MS } as const;
  const api = { ...serving, url, role: SERVING_ROLES.api, demand: 'api' } as const;
  const peers =
    peersUrl === undefined
      ? api
      : ({ ...serving, url: peersUrl, role: SERVING_ROLES.peers, demand: 'peers' } as const);
  if (options.isShortLived === true) {
    const only = connectDriver({ ...api, ...ONE }, options);
    const ofPeers = peers === api ? only : connectDriver({ ...peers, ...ONE }, options);
    return { ...forAll(only), peerReads: ofPeers, peerSearch: ofPeers };
  }
  const driverOf = (purpose: Purpose, target: typeof api | typeof peers = api): Driver => {
    const { max } = options.pools?.[purpose] ?? DEFAULT_POOLS[purpose];
    return connectDriver({ ...target, max, pipeline: PIPELINE[purpose] }, options);
  };
  const [reads, search] = [driverOf('reads'), driverOf('search')];
  return {
    reads,
    search,
    // A pool of each size for peers besides: none is opened where nobody asks.
    peerReads: peers === api ? reads : driverOf('reads', peers),
    peerSearch: peers === api ? search : driverOf('search', peers),
    writes: driverOf('writes'),
    background: driverOf('background'),
  };
};

/** Whether the logins are fit, the schema is current and whole: said before anybody is served. */
const assertFit = async (
  { writes, peerReads }: Drivers,
  { peersUrl, maintenanceUrl }: PostgresStorageOptions,
): Promise<void> => {
  await Promise.all([
    refuseUnfitLogin(writes, 'api'),
    ...(peersUrl === undefined ? [] : [refuseUnfitLogin(peerReads, 'peers')]),
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
  const { maintenanceUrl } = options;
  if (maintenanceUrl !== undefined) await migratePostgres(maintenanceUrl, options);
  const drivers = driversOf(options);
  const storage = createStorage(drivers);
  try {
    // Their first statements also show that somebody answers.
    await withRole(() => storage.ping());
    if (maintenanceUrl === undefined) options.onFacts?.(await readFacts(drivers.writes));
    await assertFit(drivers, options);
  } catch (error) {
    await storage.close();
    throw error;
  }
  return storage;
};

export interface DatabaseProbe {
  readonly facts: DatabaseFacts;
  /** Migrations it lacks; null when nothing was ever set up there, or the login can't tell. */
  readonly pending: readonly string[] | null;
  /** What is wrong with each login, in words that go on after "The login …", or null. */
  readonly logins: Readonly<Partial<Record<LoginKind, string | null>>>;
}

type ProbeOptions = Pick<PostgresStorageOptions, 'url' | 'peersUrl' | 'maintenanceUrl' | 'connectTimeoutMs'>;

const probeLogin = async (
  kind: LoginKind,
  url: string | undefined,
  options: ProbeOptions,
): Promise<DatabaseProbe['logins']> => {
  if (url === undefined) return {};
  const driver = asLogin(url, options, PROBE_LIMIT_MS, 'any');
  try {
    return { [kind]: await loginFault(driver, kind) };
  } finally {
    await driver.close();
  }
};

/** Looks at a Postgres over connections of its own and changes nothing. @throws MosaicError */
export const probePostgres = async (options: ProbeOptions): Promise<DatabaseProbe> => {
  const { url, peersUrl, maintenanceUrl } = options;
  const driver = asLogin(url, options, PROBE_LIMIT_MS, 'any');
  try {
    const facts = await readFacts(driver);
    const [row] = await driver.query<{ there: boolean }>(
      // Readable for who serves since there was anything to serve.
      `select exists (select from pg_class c cross join aclexplode(c.relacl) a join pg_roles r on r.oid = a.grantee
        where c.oid = to_regclass('public.mosaic_migrations') and r.rolname = '${SERVING_ROLES.api}') as there`,
    );
    const api = await loginFault(driver, 'api');
    const [peers, maintenance] = await Promise.all([
      probeLogin('peers', peersUrl, options),
      probeLogin('maintenance', maintenanceUrl, options),
    ]);
    const pending =
      row?.there === true && api === null
        ? await driver.transaction(async (transaction) => {
            await transaction.script(`set local role ${SERVING_ROLES.api}`);
            return pendingMigrations(transaction);
          })
        : null;
    return { facts, pending, logins: { api, ...peers, ...maintenance } };
  } finally {
    await driver.close();
  }
};
