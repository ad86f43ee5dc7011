import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { Redis, type RedisOptions } from 'iovalkey';
import type { Log } from '../../domain/ports/basics.ts';
import { IS_CLUSTER, IS_REPLICA, unavailable } from './commands.ts';
import { parseValkeyUrl } from './valkey-address.ts';
import { reasonOf } from './valkey-reason.ts';

export interface ValkeyTls {
  /** PEM of the authorities to trust, in place of the system's. */
  readonly ca?: string;
  /** Our own certificate and its key, PEM, where the server wants one. */
  readonly certificate?: string;
  readonly key?: string;
  /** Name to find in the server's certificate. Default: the host. */
  readonly serverName?: string;
}

export interface ValkeyOptions {
  /** `valkey://user:password@host:port/database`; `valkeys://` for TLS. */
  readonly url: string;
  /** File that holds the password, read at every connection, so that it can change under a running gateway. */
  readonly passwordFile?: string;
  readonly tls?: ValkeyTls;
  /** Longest a connection may take, TLS included, in milliseconds. Default: 2000. */
  readonly connectTimeoutMs?: number;
  /** Longest a command may take, in milliseconds. Default: 1000. */
  readonly commandTimeoutMs?: number;
  readonly log: Log;
}

export interface ValkeyConnection {
  readonly redis: Redis;
  /** Host and port. */
  readonly name: string;
  /** Fails at once, before a command is sent, while there is no usable connection. @throws MosaicError `unavailable` */
  assertReady(): void;
  close(): Promise<void>;
}

/** Longest pause between two attempts; well under the 10 s in which a gateway has to be healthy again. */
const MAX_BACKOFF_MS = 1_000;
const FIRST_BACKOFF_MS = 50;
const KEEP_ALIVE_MS = 30_000;
/** How long a closing connection may take before it is cut. */
const DISCONNECT_MS = 250;

/** Doubles from 50 ms to 1 s, half of it by chance, so that replicas do not come back in one wave. */
const backoff = (attempt: number): number => {
  const full = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(attempt, 10));
  return Math.round(full / 2 + (Math.random() * full) / 2);
};

const readPassword = (path: string): string => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    throw new TypeError('the password file of Valkey cannot be read');
  }
};

const tlsOptions = (host: string, tls: ValkeyTls): NonNullable<RedisOptions['tls']> => ({
  minVersion: 'TLSv1.2',
  // An IP address is no server name (RFC 6066); it is compared with the certificate all the same.
  ...(tls.serverName === undefined && isIP(host) !== 0 ? {} : { servername: tls.serverName ?? host }),
  ...(tls.ca === undefined ? {} : { ca: tls.ca }),
  ...(tls.certificate === undefined ? {} : { cert: tls.certificate }),
  ...(tls.key === undefined ? {} : { key: tls.key }),
});

/** Fail fast, and never run a command twice: `take` is not idempotent. */
const driverOptions = (options: ValkeyOptions): RedisOptions & { name: string } => {
  const { host, port, tls, username, password, database, name } = parseValkeyUrl(options.url);
  const { connectTimeoutMs = 2_000, commandTimeoutMs = 1_000, passwordFile } = options;
  const secret = passwordFile === undefined ? password : readPassword(passwordFile);
  return {
    name,
    host,
    port,
    db: database,
    // Node tries both families by itself.
    family: 0,
    familyFallback: { enabled: false },
    ...(username === undefined ? {} : { username }),
    ...(secret === undefined ? {} : { password: secret }),
    ...(tls ? { tls: tlsOptions(host, options.tls ?? {}) } : {}),
    lazyConnect: true,
    connectTimeout: connectTimeoutMs,
    commandTimeout: commandTimeoutMs,
    // A server that took a command and fell silent is given up a little later, and connected to anew.
    socketTimeout: commandTimeoutMs + 500,
    disconnectTimeout: DISCONNECT_MS,
    keepAlive: KEEP_ALIVE_MS,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // 0: what waits for an answer when the connection breaks fails then, and not at its timeout.
    maxRetriesPerRequest: 0,
  };
};

/**
 * What a server says that is not, or not yet, the primary of its data. The address may lead to another one by now, by DNS or a
 * proxy, and a connection that stays where it is would never find out.
 */
const NOT_THE_PRIMARY = /^(READONLY|LOADING|MASTERDOWN)\b/;

/** Makes the driver's client and keeps the reason of its last failure; connects only when told. */
const createClient = (options: ValkeyOptions): ValkeyConnection & { reason(): string } => {
  const { name, ...driver } = driverOptions(options);
  const { log, passwordFile } = options;
  let reason = 'there is no connection yet';
  let state: 'new' | 'up' | 'lost' | 'closed' = 'new';

  const retryStrategy = (attempt: number): number => {
    if (passwordFile !== undefined) {
      try {
        redis.options.password = readPassword(passwordFile);
      } catch {
        log.warn('the password file of Valkey cannot be read', { server: name });
      }
    }
    return backoff(attempt);
  };
  // The refused command is not sent again; the next one goes where the address leads then.
  const reconnectOnError = (error: Error): boolean => NOT_THE_PRIMARY.test(error.message);
  const redis = new Redis({ ...driver, retryStrategy, reconnectOnError });
  redis.on('error', (error: unknown) => {
    reason = reasonOf(error);
  });
  redis.on('ready', () => {
    if (state === 'lost') log.info('valkey is back', { server: name });
    state = 'up';
    reason = 'the connection was closed';
  });
  redis.on('reconnecting', () => {
    if (state === 'up') {
      log.warn('valkey is lost', { server: name, reason });
      state = 'lost';
    }
  });

  const close = async (): Promise<void> => {
    if (state === 'closed') return;
    state = 'closed';
    const connected = ['connecting', 'connect', 'ready'].includes(redis.status);
    const ended = connected ? once(redis, 'end').catch(() => undefined) : undefined;
    redis.disconnect();
    await ended;
  };
  return {
    redis,
    name,
    reason: () => reason,
    assertReady: () => {
      if (state === 'closed' || redis.status !== 'ready') throw unavailable(`${name}: ${reason}.`);
    },
    close,
  };
};

/** What the server is that cannot be used, or null. One that does not tell (its account may not ask) is tried. */
const unfitness = async (redis: Redis): Promise<string | null> => {
  const info = await redis.info().catch(() => '');
  if (/^cluster_enabled:1\r?$/m.test(info)) return IS_CLUSTER;
  return /^role:(slave|replica)\r?$/m.test(info) ? IS_REPLICA : null;
};

/**
 * Connects once, in bounded time. From then on the connection heals by itself.
 *
 * @throws MosaicError `unavailable` whose cause names host, port and what to do; also for a cluster or a replica
 * @throws TypeError for an address or a password file that can't be used
 */
export const connectValkey = async (options: ValkeyOptions): Promise<ValkeyConnection> => {
  const connection = createClient(options);
  const { redis, name } = connection;
  try {
    await redis.connect();
  } catch {
    const reason = connection.reason();
    await connection.close();
    throw unavailable(`${name}: ${reason}.`);
  }
  const unfit = await unfitness(redis);
  if (unfit === null) return connection;
  await connection.close();
  throw unavailable(`${name}: ${unfit}.`);
};
