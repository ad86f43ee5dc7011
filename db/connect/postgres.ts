import postgres from 'postgres';
import type { Storage } from '../../domain/ports/storage.ts';
import { POSTGRES_TYPES, postgresDriver } from '../driver/postgres.ts';
import type { Driver } from '../driver/driver.ts';
import { SERVING_SESSIONS } from '../driver/settled.ts';
import { readFacts, type DatabaseFacts } from '../facts.ts';
import { migrate, pendingMigrations } from '../migrate.ts';
import { createStorage } from '../storage.ts';
import { refuseUnfinishedTransfer } from '../transfer/guard.ts';

export interface PostgresStorageOptions {
  /** `postgres://user:password@host:port/database` of a login role; see docs for what it needs. */
  readonly url: string;
  /** Most connections of this process. */
  readonly maxConnections?: number;
  readonly connectTimeoutSeconds?: number;
  /** Longest a statement runs at the server; on this side it is given up one second later. */
  readonly statementTimeoutMs?: number;
  /** Leave the schema alone (another process migrates). */
  readonly skipMigrations?: boolean;
  /** Told what the server is before anything is changed there; what it throws ends the opening. */
  readonly onFacts?: (facts: DatabaseFacts) => void;
  /** Further options of postgres.js: `ssl`, `socket`, `idle_timeout`, … */
  readonly pool?: postgres.Options<Record<string, never>>;
}

const DEFAULTS = { maxConnections: 10, connectTimeoutSeconds: 5, statementTimeoutMs: 10_000 };

/**
 * A driver whose sessions have a role from their start-up packet on, so that it costs no round trip. Its settings come
 * the same way: `ALTER ROLE … SET` would only act on logins of that very role.
 */
const connect = (options: PostgresStorageOptions, role: string | null, limitMs: number): Driver => {
  const { url, maxConnections, connectTimeoutSeconds, pool } = { ...DEFAULTS, ...options };
  const client = postgres(url, {
    idle_timeout: 60,
    ...pool,
    max: role === null ? 1 : maxConnections,
    connect_timeout: connectTimeoutSeconds,
    fetch_types: false,
    prepare: true,
    types: POSTGRES_TYPES as unknown as Record<string, postgres.PostgresType>,
    onnotice: () => undefined,
    connection: {
      application_name: role === null ? `${SERVING_SESSIONS}-maintenance` : SERVING_SESSIONS,
      ...pool?.connection,
      ...(role === null ? {} : { role }),
      timezone: 'UTC',
      statement_timeout: limitMs,
      idle_in_transaction_session_timeout: limitMs,
      random_page_cost: 1.1,
      jit: 'off',
    },
  });
  return postgresDriver(client, limitMs + 1000);
};

const MIGRATION_LIMIT_MS = 300_000;
const PROBE_LIMIT_MS = 3_000;

/** Moving a large store, or waiting for another process, may take this long between two statements. */
const MAINTENANCE_LIMIT_MS = 3_600_000;

/**
 * One connection of the login role, for work that no gateway does.
 * @param name as the server lists the session
 */
export const openMaintenance = (url: string, name: string): Driver =>
  connect(
    { url, pool: { idle_timeout: 0, max_lifetime: null, connection: { application_name: name } } },
    null,
    MAINTENANCE_LIMIT_MS,
  );

/**
 * Opens a Postgres: brings the schema up to date over a connection of the login role, then serves from sessions of
 * `mosaic_app`.
 * @throws MosaicError `database_unavailable` when it can't be reached in time or gives its sessions another role; whatever `onFacts` throws, `unavailable` for a newer or half a store
 */
export const openPostgresStorage = async (options: PostgresStorageOptions): Promise<Storage> => {
  if (options.skipMigrations !== true) {
    const migrator = connect(options, null, MIGRATION_LIMIT_MS);
    try {
      options.onFacts?.(await readFacts(migrator));
      await migrate(migrator);
    } finally {
      await migrator.close();
    }
  }
  const driver = connect(options, 'mosaic_app', options.statementTimeoutMs ?? DEFAULTS.statementTimeoutMs);
  const storage = createStorage(driver);
  try {
    // Their first statements also show that somebody answers.
    await Promise.all([storage.ping(), refuseUnfinishedTransfer(driver)]);
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
  options: Pick<PostgresStorageOptions, 'url' | 'connectTimeoutSeconds'>,
): Promise<DatabaseProbe> => {
  const driver = connect(options, null, PROBE_LIMIT_MS);
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
