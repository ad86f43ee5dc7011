import type { Driver } from '../driver/driver.ts';
import { SERVING_SESSIONS } from '../driver/settled.ts';
import { readFacts, type DatabaseFacts } from '../facts.ts';
import { isCurrent, migrate } from '../migrate.ts';
import type { Demand } from '../session-facts.ts';
import { connectDriver, type ConnectOptions, type UrlSource } from './driver.ts';
import { DEFAULTS } from './pools.ts';
import type { TlsSources } from './tls.ts';

const MAINTENANCE = `${SERVING_SESSIONS}-maintenance`;

/** A migration that rewrites a large table takes as long as the table is large: cut off, it would never get through. */
const MIGRATION_LIMIT_MS = 86_400_000;

/** A migrator that hangs between two statements keeps its locks for so long. */
const MIGRATION_IDLE_MS = 60_000;

/**
 * How often the server looks whether a migrator that waits for a statement is still there. The statement of one that was killed would
 * otherwise run to its end, in vain, and lock tables for as long.
 */
const PRESENCE = `select set_config('client_connection_check_interval', '2s', false)`;

/** Moving a large store, or waiting for another process, may take this long between two statements. */
const MAINTENANCE_LIMIT_MS = 3_600_000;

/** One connection of a login under no role but its own, for work that no gateway does. */
export const asLogin = (
  url: UrlSource,
  options: ConnectOptions,
  limitMs: number,
  demand: Demand,
  name = MAINTENANCE,
  idleLimitMs = limitMs,
): Driver => {
  const lasting = { max: 1, pipeline: 1, idleMs: Infinity, lifetimeMs: Infinity };
  const limits = { limitMs, idleLimitMs };
  return connectDriver({ ...lasting, ...limits, url, role: null, name, source: name, demand }, options)
    .driver;
};

/**
 * One connection of the login for maintenance.
 * @param name as the server lists the session
 */
export const openMaintenance = (url: UrlSource, name: string, tls: TlsSources = {}): Driver =>
  asLogin(url, tls, MAINTENANCE_LIMIT_MS, 'primary', name);

interface MigrationOptions extends ConnectOptions {
  /** Told what the server is before anything is changed there; what it throws ends the migrating. */
  readonly onFacts?: (facts: DatabaseFacts) => void;
}

/** Looks with little time first, so that a server that hangs is found out. */
const needsMigrating = async (url: UrlSource, options: MigrationOptions): Promise<boolean> => {
  const looking = asLogin(url, options, DEFAULTS.statementTimeoutMs, 'primary');
  try {
    options.onFacts?.(await readFacts(looking));
    return !(await isCurrent(looking));
  } finally {
    await looking.close();
  }
};

/** Brings the schema up to date. @param url of the login for maintenance @returns names of what was applied @throws MosaicError */
export const migratePostgres = async (
  url: UrlSource,
  options: MigrationOptions = {},
): Promise<readonly string[]> => {
  if (!(await needsMigrating(url, options))) return [];
  const migrator = asLogin(url, options, MIGRATION_LIMIT_MS, 'primary', MAINTENANCE, MIGRATION_IDLE_MS);
  try {
    // Some systems cannot look, and refuse the setting.
    await migrator.query(PRESENCE).catch(() => undefined);
    return await migrate(migrator);
  } finally {
    await migrator.close();
  }
};
