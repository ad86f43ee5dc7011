import { err, ok, type Result } from '../result.ts';

/** libpq's names (PostgreSQL documentation, 34.1.2 and 34.19). `allow` is kept as `prefer`, which is safer and as willing. */
const SSL_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof SSL_MODES)[number];

export interface DatabaseHost {
  /** A name, an IP address without brackets, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
}

/** A `postgres://` address, as libpq understands it. */
export interface DatabaseAddress {
  /** Tried in this order; at least one. */
  readonly hosts: readonly DatabaseHost[];
  readonly user: string | null;
  readonly password: string | null;
  readonly database: string | null;
  /** null: not said. */
  readonly sslMode: SslMode | null;
  /** Paths of PEM files; `system` for the authorities of the host. */
  readonly sslRootCert: string | null;
  readonly sslCert: string | null;
  readonly sslKey: string | null;
  readonly connectTimeoutSeconds: number | null;
}

const ADDRESS =
  /^postgres(?:ql)?:\/\/(?:(?<login>[^/?#]*)@)?(?<hosts>[^/?#@]*)(?:\/(?<database>[^?#]*))?(?:\?(?<query>[^#]*))?$/;
const HOST = /^(?:\[(?<v6>[0-9a-fA-F:.%]+)\]|(?<name>[^:[\]]*))(?::(?<port>\d{1,5}))?$/;
const DEFAULT_PORT = 5432;

/** Parameters that the gateway or its driver settles in another way, and that are safe to pass over. */
const PASSED_OVER =
  /^(keepalives(_idle|_interval|_count)?|tcp_user_timeout|sslcompression|sslsni|fallback_application_name|client_encoding|load_balance_hosts)$/;

const REFUSED: Readonly<Record<string, string>> = {
  application_name: 'is set by the gateway: the barrier of a revocation finds its sessions by it',
  options: 'is set by the gateway',
  role: 'is set by the gateway',
  hostaddr: 'is not known; name the address as host',
  service: 'is not known; write the address out',
  passfile: 'is not known; use DATABASE_URL_FILE',
  sslpassword: 'is not known; use a key without a password, which only the gateway can read',
  sslcrl: 'is not known',
};

class AddressError extends Error {}
const refuse = (reason: string): never => {
  throw new AddressError(reason);
};

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return refuse('holds a % that is not followed by two hexadecimal digits');
  }
};

const portOf = (text: string | undefined): number => {
  if (text === undefined || text === '') return DEFAULT_PORT;
  const port = Number(text);
  return Number.isInteger(port) && port > 0 && port <= 65_535
    ? port
    : refuse('names no port from 1 to 65535');
};

/** `h1:5432,[::1]:5433`, or folders of sockets, percent-encoded. */
const hostsOf = (text: string): readonly DatabaseHost[] =>
  text.split(',').map((one) => {
    const groups = HOST.exec(one)?.groups;
    if (groups === undefined) return refuse('names an invalid host; write an IPv6 address in brackets');
    const host = groups['v6'] ?? decoded(groups['name'] ?? '');
    return { host: host === '' ? 'localhost' : host, port: portOf(groups['port']) };
  });

/** `host=` and `port=` of the query, which win; one port may stand for all hosts. */
const hostsByQuery = (hosts: string, ports: string | undefined): readonly DatabaseHost[] => {
  const names = hosts.split(',');
  const numbers = ports?.split(',') ?? [];
  if (numbers.length > 1 && numbers.length !== names.length) refuse('names more or fewer ports than hosts');
  return names.map((name, index) => ({
    host: name === '' ? 'localhost' : name.replace(/^\[(.*)\]$/, '$1'),
    port: portOf(numbers[index] ?? numbers[0]),
  }));
};

const sslModeOf = (text: string | undefined): SslMode | null => {
  if (text === undefined) return null;
  if (text === 'allow') return 'prefer';
  return (
    SSL_MODES.find((mode) => mode === text) ??
    refuse(`has an sslmode other than allow, ${SSL_MODES.join(', ')}`)
  );
};

const checkParameters = (query: ReadonlyMap<string, string>): void => {
  const known = new Set([
    'host',
    'port',
    'user',
    'password',
    'dbname',
    'sslmode',
    'sslrootcert',
    'sslcert',
    'sslkey',
  ]);
  for (const [name, value] of query) {
    if (known.has(name) || PASSED_OVER.test(name)) continue;
    if (name === 'connect_timeout') {
      if (!/^\d{1,4}$/.test(value)) refuse('has a connect_timeout that is not a number of seconds');
    } else if (name === 'channel_binding') {
      if (value === 'require')
        refuse('demands channel_binding, which the driver lacks; use sslmode=verify-full');
    } else if (name === 'gssencmode') {
      if (value === 'require') refuse('demands gssencmode, which the driver lacks; use sslmode=verify-full');
    } else if (name === 'target_session_attrs') {
      if (!['any', 'read-write', 'primary'].includes(value))
        refuse('has target_session_attrs other than primary: a gateway serves from a primary alone');
    } else refuse(`has the parameter ${name.slice(0, 40)}, which ${REFUSED[name] ?? 'is not known'}`);
  }
};

const queryOf = (text: string | undefined): ReadonlyMap<string, string> =>
  new Map(
    (text ?? '')
      .split('&')
      .filter((pair) => pair !== '')
      .map((pair) => {
        const at = pair.indexOf('=');
        return [
          decoded(at < 0 ? pair : pair.slice(0, at)),
          at < 0 ? '' : decoded(pair.slice(at + 1)),
        ] as const;
      }),
  );

const parse = (text: string): DatabaseAddress => {
  const groups = ADDRESS.exec(text)?.groups ?? refuse('is not postgres://user:password@host:port/database');
  const query = queryOf(groups['query']);
  checkParameters(query);
  const login = groups['login'] ?? '';
  const colon = login.indexOf(':');
  const named = query.get('host');
  const own = (name: string, otherwise: string): string | null => {
    const value = query.get(name) ?? decoded(otherwise);
    return value === '' ? null : value;
  };
  const timeout = query.get('connect_timeout');
  return {
    hosts: named === undefined ? hostsOf(groups['hosts'] ?? '') : hostsByQuery(named, query.get('port')),
    user: own('user', colon < 0 ? login : login.slice(0, colon)),
    password: own('password', colon < 0 ? '' : login.slice(colon + 1)),
    database: own('dbname', groups['database'] ?? ''),
    sslMode: sslModeOf(query.get('sslmode')),
    sslRootCert: own('sslrootcert', ''),
    sslCert: own('sslcert', ''),
    sslKey: own('sslkey', ''),
    connectTimeoutSeconds: timeout === undefined || timeout === '0' ? null : Number(timeout),
  };
};

/** @returns what libpq would understand, or why it is refused, in words that go on from "The address …" and hold no secret */
export const parseDatabaseAddress = (text: string): Result<DatabaseAddress, string> => {
  try {
    return ok(parse(text));
  } catch (error) {
    if (error instanceof AddressError) return err(error.message);
    throw error;
  }
};

export const isSocketFolder = (host: string): boolean => host.startsWith('/') || host.startsWith('@');

/** Whether nobody can listen in between: this host, its sockets, and what Workers connect to inside. */
export const isLocalHost = (host: string): boolean =>
  isSocketFolder(host) ||
  /^(localhost|127(\.\d{1,3}){3}|::1|0:0:0:0:0:0:0:1)$/i.test(host) ||
  host.endsWith('.hyperdrive.local');

/** `host:port` of each, and nothing that may not be shown. */
export const placeOfDatabase = (text: string): string => {
  const parsed = parseDatabaseAddress(text);
  if (!parsed.ok) return '(not an address)';
  return parsed.value.hosts
    .map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`)
    .join(',');
};
