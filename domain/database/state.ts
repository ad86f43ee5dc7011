import { MosaicError } from '../errors.ts';

/**
 * How the database stands for one replica. All but `ok` are answered 503 `database_unavailable`: the database is away, or is
 * not the one that this gateway may serve from, and neither is anybody's fault who asks. The gravest first:
 *
 * `not_ours` another cluster than before, or one from before a failover · `standby` follows another server: what it says may be
 * old · `cached` is answered for by a cache in between · `wrong_role` sessions of another role than row-level security binds, or without the settings that were asked for · `read_only` takes no writes · `refused` answers, and
 * refuses the login, the database or a right · `untrusted` shows no certificate, or none that may be trusted · `away` does not answer, or has no connection to give · `clock_skew` its clock and
 * this process's are too far apart.
 */
export const DATABASE_CONDITIONS = [
  'not_ours',
  'standby',
  'cached',
  'wrong_role',
  'read_only',
  'refused',
  'untrusted',
  'away',
  'clock_skew',
  'ok',
] as const;
export type DatabaseCondition = (typeof DATABASE_CONDITIONS)[number];

export interface DatabaseState {
  readonly condition: DatabaseCondition;
  /** Since when it is so. */
  readonly since: Date;
  /** What an operator does about it; null: nothing is to be done. */
  readonly cure: string | null;
}

export const DATABASE_CURES: Readonly<Record<DatabaseCondition, string | null>> = {
  ok: null,
  away: 'Check whether Postgres runs, answers at the addresses (database.url, database.peers_url), has connections left (max_connections) and takes commits (locks, a synchronous standby, its disk), and look at its log.',
  refused:
    'Check the user, the password and the database in the addresses (database.url, database.peers_url), and pg_hba.conf.',
  read_only:
    'Check default_transaction_read_only of the server, the database and the login, and the disk of the server.',
  untrusted:
    'Set database.ca_path (or sslrootcert) to the CA of the server, and use a host name that its certificate lists. Otherwise set another sslmode in database.url: verify-full is the default for other hosts, and sslmode=disable turns TLS off.',
  standby: 'Point database.url at the primary, or promote this server.',
  not_ours:
    'The address leads to another cluster, or to a server from before a failover. Correct the address. If the database was moved on purpose, restart the gateway.',
  cached:
    'Turn off the cache between this gateway and Postgres (Hyperdrive: wrangler hyperdrive update <id> --caching-disabled). With it, a revoked token, certificate or grant stays valid for as long as the cache keeps an answer.',
  wrong_role:
    'Point the addresses at Postgres itself, not at a pooler. Sessions must have the role mosaic_app (those of database.peers_url: mosaic_peer_reader) and the statement_timeout that the gateway asks for.',
  clock_skew:
    'Synchronize the clocks of this host and of the database host with NTP. They differ by more than 5 seconds.',
};

/** Which of several is told: the gravest. */
export const gravestOf = (conditions: Iterable<DatabaseCondition>): DatabaseCondition => {
  const all = new Set(conditions);
  return DATABASE_CONDITIONS.find((condition) => all.has(condition)) ?? 'ok';
};

/** SQLSTATE, or the name that our driver gives to what is none; null for errors of anything but the database. */
export const databaseCodeOf = (error: unknown): string | null => {
  const cause: unknown = error instanceof MosaicError ? error.cause : error;
  if (!(cause instanceof Error) || cause.name !== 'DatabaseFault') return null;
  const code: unknown = Reflect.get(cause, 'code');
  return typeof code === 'string' ? code : null;
};

/** Codes of our own for what a session turned out to be. */
export const SESSION_CODES = {
  STANDBY: 'standby',
  READ_ONLY: 'read_only',
  CACHED: 'cached',
  WRONG_ROLE: 'wrong_role',
  SETTINGS: 'wrong_role',
  OTHER_CLUSTER: 'not_ours',
  CLOCK_SKEW: 'clock_skew',
} as const satisfies Record<string, DatabaseCondition>;

/** Names of Node's and OpenSSL's for a server that cannot be trusted; NO_TLS is ours, for one that has no TLS. */
export const isTlsCode = (code: string): boolean =>
  /^(NO_TLS|ERR_TLS|ERR_SSL|EPROTO|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE)/.test(
    code,
  );

/** What an error of the database's says of it. */
export const conditionOf = (error: unknown): DatabaseCondition => {
  const code = databaseCodeOf(error) ?? '';
  const own = Object.entries(SESSION_CODES).find(([name]) => name === code)?.[1];
  if (own !== undefined) return own;
  if (code === '25006') return 'read_only';
  if (/^(28|3D000|3F000|42|ADDRESS)/.test(code)) return 'refused';
  return isTlsCode(code) ? 'untrusted' : 'away';
};

/**
 * Whether the database looked at the data and will never take it: bad values (22), broken constraints (23), limits (54). All
 * else says something of the database or of the connection, and the same data may be taken later.
 */
export const isDataRefused = (error: unknown): boolean => /^(22|23|54)/.test(databaseCodeOf(error) ?? '');
