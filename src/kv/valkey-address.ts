import { isIPv6 } from 'node:net';

export interface ValkeyAddress {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  /** Host and port: the only form in which an address may be written to a log. */
  readonly name: string;
}

const SCHEMES: Readonly<Record<string, boolean>> = {
  'valkey:': false,
  'redis:': false,
  'valkeys:': true,
  'rediss:': true,
};

const DEFAULT_PORT = 6379;

const parsed = (text: string): URL => {
  // A URL that failed to parse must not be quoted: it may hold a password.
  if (!URL.canParse(text)) throw new TypeError('the address of Valkey is not a URL');
  return new URL(text);
};

const decoded = (text: string): string | undefined => {
  try {
    return text === '' ? undefined : decodeURIComponent(text);
  } catch {
    throw new TypeError(
      'the user name or password in the address of Valkey is not percent-encoded correctly',
    );
  }
};

/**
 * Reads `valkey://user:password@host:port/database` (or `redis:`); `valkeys:` and `rediss:` mean TLS.
 *
 * @throws TypeError without the address, which may hold a password
 */
export const parseValkeyUrl = (text: string): ValkeyAddress => {
  const url = parsed(text);
  const tls = SCHEMES[url.protocol];
  if (tls === undefined) throw new TypeError('the address of Valkey starts with valkey:// or valkeys://');
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (host === '') throw new TypeError('the address of Valkey names no host');
  const database = /^\/?(\d{0,4})$/.exec(url.pathname)?.[1];
  if (database === undefined || url.search !== '' || url.hash !== '') {
    throw new TypeError('after the port, the address of Valkey may only have /<database number>');
  }
  const port = url.port === '' ? DEFAULT_PORT : Number(url.port);
  return {
    host,
    port,
    tls,
    username: decoded(url.username),
    password: decoded(url.password),
    database: Number(database),
    name: `Valkey at ${isIPv6(host) ? `[${host}]` : host}:${port}`,
  };
};
