import postgres from 'postgres';
import {
  isSocketFolder,
  parseDatabaseAddress,
  type DatabaseAddress,
  type DatabaseHost,
} from '../../domain/database/address.ts';
import { hindranceOf, type Hindrance } from '../../domain/database/hindrance.ts';
import { conditionOf } from '../../domain/database/state.ts';
import { MosaicError } from '../../domain/errors.ts';
import { openConnection, type ClientEvents, type Connection } from '../driver/connection.ts';
import type { Driver } from '../driver/driver.ts';
import { DatabaseFault, toMosaicError } from '../driver/errors.ts';
import type { RequestBudgets } from '../driver/budget.ts';
import type { Pool, PoolLimits } from '../driver/pool-parts.ts';
import { createPool } from '../driver/pool.ts';
import { POSTGRES_TYPES, postgresDriver } from '../driver/postgres.ts';
import { requestPool } from '../driver/request-pool.ts';
import type { DatabaseIdentity } from '../lease.ts';
import type { DatabaseMonitor } from '../monitor.ts';
import type { Demand } from '../session-facts.ts';
import { DEFAULTS } from './pools.ts';
import { checkSession, lostSessions } from './session-check.ts';
import { tlsOf, type TlsSources } from './tls.ts';

/** Where connections lead, and what they are. */
export interface Target extends Pick<PoolLimits, 'max' | 'pipeline' | 'idleMs' | 'lifetimeMs'> {
  /** Where it comes from a file, it is read again for each connection. */
  readonly url: UrlSource;
  /** Taken from the start-up packet on; null: the login's own. */
  readonly role: string | null;
  /** As the server lists the sessions. */
  readonly name: string;
  /** As the monitor calls them. */
  readonly source: string;
  readonly demand: Demand;
  /** Longest a statement runs at the server, in milliseconds. */
  readonly limitMs: number;
  /** Longest a transaction waits for its next statement, in milliseconds; absent: as long as one may run. */
  readonly idleLimitMs?: number;
  /** Longest a statement waits for a lock, in milliseconds; absent: as long as it may run. */
  readonly lockLimitMs?: number;
  /** Whether a session without that limit is refused: all that lasts leans on it. */
  readonly isLimitDemanded?: boolean;
  /** Of the requests that these connections are for; absent: they work for none. */
  readonly budgets?: RequestBudgets;
  /** Whether nothing is written on them. */
  readonly isReading?: boolean;
}

export type UrlSource = string | (() => string);

export interface ConnectOptions extends TlsSources {
  readonly connectTimeoutMs?: number;
  readonly queueLimit?: number;
  /** Told how each try to connect went. */
  readonly monitor?: DatabaseMonitor;
  /** Connects, where the library's own way is not good enough; TLS is begun over it afterwards. */
  readonly openSocket?: (host: string, port: number, isTls: boolean) => Promise<object>;
  /** The primary that this process knows; null: not yet. Absent: whichever it is. */
  readonly expected?: () => DatabaseIdentity | null;
  /** Told of each statement that met what only an operator can mend. */
  readonly onHindered?: (met: Hindrance) => void;
  /** Told when a connection leads to a primary that came after that one. */
  readonly onLater?: (timeline: string) => void;
}

export interface Connected {
  readonly driver: Driver;
  /** Destroys the connections that there are; statements go on over new ones. */
  readonly retire: () => void;
}

/** What a caller of ours waits longer than the server may take. */
const GRACE_MS = 1_000;
const KEEP_ALIVE_SECONDS = 10;

/** @throws MosaicError `database_unavailable` for an address that cannot be read or understood */
const addressOf = (url: UrlSource): DatabaseAddress => {
  try {
    const parsed = parseDatabaseAddress(typeof url === 'string' ? url : url().trim());
    if (parsed.ok) return parsed.value;
    throw new DatabaseFault('ADDRESS', `the address ${parsed.error}`);
  } catch (error) {
    const cause =
      error instanceof DatabaseFault ? error : new DatabaseFault('ADDRESS', 'its file cannot be read');
    throw new MosaicError('database_unavailable', { cause });
  }
};

type Place = Pick<
  postgres.Options<Record<string, never>>,
  'path' | 'host' | 'port' | 'username' | 'database' | 'password' | 'ssl' | 'connect_timeout'
>;

/** Where one client leads. postgres.js would take what is not given here from `PG…` variables. */
const placeOf = (address: DatabaseAddress, { host, port }: DatabaseHost, options: ConnectOptions): Place => ({
  ...(isSocketFolder(host)
    ? { path: `${host}/.s.PGSQL.${port}` }
    : {
        // Lists, which its types do not know: of a text it would take an IPv6 address apart at its colons.
        host: [host] as unknown as string,
        port: [port] as unknown as number,
      }),
  ...(address.user === null ? {} : { username: address.user }),
  ...(address.database === null ? {} : { database: address.database }),
  password: address.password ?? '',
  ssl: tlsOf(address, host, options),
  connect_timeout:
    address.connectTimeoutSeconds ?? (options.connectTimeoutMs ?? DEFAULTS.connectTimeoutMs) / 1_000,
});

/** A server without TLS ends the handshake in the middle of it. */
const orNoTls = (error: unknown): unknown =>
  error instanceof Error && error.message.includes('before secure TLS connection')
    ? new MosaicError('database_unavailable', { cause: new DatabaseFault('NO_TLS', 'it does not speak TLS') })
    : error;

/**
 * A client whose session has its role from the start-up packet on, so that it costs no round trip. Its settings come
 * the same way: `ALTER ROLE … SET` would only act on logins of that very role.
 */
const clientOf = (
  target: Target,
  place: Place,
  events: ClientEvents,
  socket: (() => Promise<object>) | null,
) => {
  // Its types do not know of it; `sql.listen` is made of it, and reconnects by rules of its own.
  const notifications = { onnotify: events.onnotify };
  return postgres({
    ...place,
    ...notifications,
    ...(socket === null ? {} : { socket }),
    max: 1,
    // The pool is ours (driver/pool.ts): this is one connection, which is opened once.
    max_lifetime: null,
    backoff: () => 0,
    keep_alive: KEEP_ALIVE_SECONDS,
    fetch_types: false,
    prepare: true,
    types: POSTGRES_TYPES as unknown as Record<string, postgres.PostgresType>,
    onnotice: () => undefined,
    onclose: events.onclose,
    connection: {
      application_name: target.name,
      ...(target.role === null ? {} : { role: target.role }),
      timezone: 'UTC',
      statement_timeout: target.limitMs,
      idle_in_transaction_session_timeout: target.idleLimitMs ?? target.limitMs,
      ...(target.lockLimitMs === undefined ? {} : { lock_timeout: target.lockLimitMs }),
      random_page_cost: 1.1,
      jit: 'off',
    },
  });
};

const socketOf = (
  { host, port }: DatabaseHost,
  { ssl }: Place,
  { openSocket }: ConnectOptions,
): (() => Promise<object>) | null =>
  openSocket === undefined ? null : () => openSocket(host, port, ssl !== undefined && ssl !== false);

/** Tells of what statements meet, and is the same pool otherwise. */
const telling = (pool: Pool, onHindered: (met: Hindrance) => void): Pool => {
  const tell = (error: unknown): never => {
    const met = hindranceOf(toMosaicError(error));
    if (met !== null) onHindered(met);
    throw error;
  };
  return {
    ...pool,
    run: (...statement) => pool.run(...statement).catch(tell),
    hold: async (within) => {
      const held = await pool.hold(within);
      return { ...held, run: (...statement) => held.run(...statement).catch(tell) };
    },
  };
};

/** A driver over connections of its own; none is opened before the first statement. */
export const connectDriver = (target: Target, options: ConnectOptions = {}): Connected => {
  const deadlineMs = target.limitMs + GRACE_MS;
  let preferred = 0;
  const open = async (
    abandoned: readonly string[],
    onOver: () => void,
    onnotify?: (channel: string) => void,
  ): Promise<Connection> => {
    const address = addressOf(target.url);
    const { hosts } = address;
    let failure: unknown = null;
    for (const offset of hosts.keys()) {
      const index = (preferred + offset) % hosts.length;
      const host = hosts[index];
      if (host === undefined) continue;
      try {
        const place = placeOf(address, host, options);
        const connection = await openConnection(
          (events) => clientOf(target, place, events, socketOf(host, place, options)),
          (opened) =>
            checkSession(opened, {
              demand: target.demand,
              limitMs: target.isLimitDemanded === true ? target.limitMs : null,
              abandoned,
              expected: options.expected?.() ?? null,
              onLater: options.onLater,
            }),
          {
            onOver,
            ...(onnotify === undefined ? {} : { onnotify }),
            limitMs: deadlineMs + (place.connect_timeout ?? 0) * 1_000,
          },
        );
        preferred = index;
        return connection;
      } catch (error) {
        // That one is a standby says more than that another does not answer.
        const told = toMosaicError(orNoTls(error));
        if (failure === null || conditionOf(told) !== 'away') failure = told;
      }
    }
    throw failure;
  };
  const pool = createPool({
    ...target,
    deadlineMs,
    queueLimit: options.queueLimit ?? DEFAULTS.queueLimit,
    open: (onOver, abandoned) => open(abandoned, onOver),
    lost: lostSessions,
    onTried: (error) =>
      error === null ? options.monitor?.worked(target.source) : options.monitor?.failed(target.source, error),
  });
  const told = options.onHindered === undefined ? pool : telling(pool, options.onHindered);
  const { budgets, isReading = false } = target;
  const isFit = (): boolean => options.monitor?.state.condition === 'ok';
  return {
    driver: postgresDriver({
      pool: budgets === undefined ? told : requestPool(told, { budgets, isReading, isFit }),
      deadlineMs,
      open: (onOver, onnotify) => open([], onOver, onnotify),
    }),
    retire: () => pool.retire(),
  };
};
