import postgres from 'postgres';
import { openConnection, type ClientEvents, type Connection } from '../driver/connection.ts';
import type { Driver } from '../driver/driver.ts';
import { createPool, type PoolLimits } from '../driver/pool.ts';
import { POSTGRES_TYPES, postgresDriver } from '../driver/postgres.ts';
import type { DatabaseIdentity } from '../lease.ts';
import type { DatabaseMonitor } from '../monitor.ts';
import type { Demand } from '../session-facts.ts';
import { DEFAULTS } from './pools.ts';
import { checkSession, lostSessions } from './session-check.ts';

/** Where connections lead, and what they are. */
export interface Target extends Pick<PoolLimits, 'max' | 'pipeline' | 'idleMs' | 'lifetimeMs'> {
  readonly url: string;
  /** Taken from the start-up packet on; null: the login's own. */
  readonly role: string | null;
  /** As the server lists the sessions. */
  readonly name: string;
  /** As the monitor calls them. */
  readonly source: string;
  readonly demand: Demand;
  /** Longest a statement runs at the server, in milliseconds. */
  readonly limitMs: number;
}

export interface ConnectOptions {
  readonly connectTimeoutMs?: number;
  readonly queueLimit?: number;
  readonly client?: postgres.Options<Record<string, never>>;
  /** Told how each try to connect went. */
  readonly monitor?: Pick<DatabaseMonitor, 'worked' | 'failed'>;
  /** The primary that this process knows; null: not yet. Absent: whichever it is. */
  readonly expected?: () => DatabaseIdentity | null;
}

export interface Connected {
  readonly driver: Driver;
  /** Destroys the connections that there are; statements go on over new ones. */
  readonly retire: () => void;
}

/** What a caller of ours waits longer than the server may take. */
const GRACE_MS = 1_000;
const KEEP_ALIVE_SECONDS = 10;

/**
 * A client whose session has its role from the start-up packet on, so that it costs no round trip. Its settings come
 * the same way: `ALTER ROLE … SET` would only act on logins of that very role.
 */
const clientOf = (target: Target, options: ConnectOptions, events: ClientEvents) => {
  // Its types do not know of it; `sql.listen` is made of it, and reconnects by rules of its own.
  const notifications = { onnotify: events.onnotify };
  return postgres(target.url, {
    ...options.client,
    ...notifications,
    max: 1,
    // The pool is ours (driver/pool.ts): this is one connection, which is opened once.
    max_lifetime: null,
    backoff: () => 0,
    keep_alive: KEEP_ALIVE_SECONDS,
    connect_timeout: (options.connectTimeoutMs ?? DEFAULTS.connectTimeoutMs) / 1_000,
    fetch_types: false,
    prepare: true,
    types: POSTGRES_TYPES as unknown as Record<string, postgres.PostgresType>,
    onnotice: () => undefined,
    onclose: events.onclose,
    connection: {
      application_name: target.name,
      ...options.client?.connection,
      ...(target.role === null ? {} : { role: target.role }),
      timezone: 'UTC',
      statement_timeout: target.limitMs,
      idle_in_transaction_session_timeout: target.limitMs,
      random_page_cost: 1.1,
      jit: 'off',
    },
  });
};

/** A driver over connections of its own; none is opened before the first statement. */
export const connectDriver = (target: Target, options: ConnectOptions = {}): Connected => {
  const deadlineMs = target.limitMs + GRACE_MS;
  const open = (
    abandoned: readonly string[],
    onOver: () => void,
    onnotify?: (channel: string) => void,
  ): Promise<Connection> =>
    openConnection(
      (events) => clientOf(target, options, events),
      (connection) =>
        checkSession(connection, {
          demand: target.demand,
          abandoned,
          expected: options.expected?.() ?? null,
        }),
      onnotify === undefined ? { onOver } : { onOver, onnotify },
    );
  const pool = createPool({
    ...target,
    deadlineMs,
    queueLimit: options.queueLimit ?? DEFAULTS.queueLimit,
    open: (onOver, abandoned) => open(abandoned, onOver),
    lost: lostSessions,
    onTried: (error) =>
      error === null ? options.monitor?.worked(target.source) : options.monitor?.failed(target.source, error),
  });
  return {
    driver: postgresDriver({ pool, deadlineMs, open: (onOver, onnotify) => open([], onOver, onnotify) }),
    retire: () => pool.retire(),
  };
};
