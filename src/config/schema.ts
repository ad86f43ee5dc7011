import { z } from 'zod';
import {
  DURATION,
  HOST,
  expecting,
  field,
  isBaseUrl,
  isLeafLifetime,
  isUrl,
  section,
  text,
} from './fields.ts';
import { parseSealingKey, parseSealingKeys } from './sealing-key.ts';
import { telemetrySection } from './telemetry-schema.ts';

export const TIERS = ['local', 'standalone', 'federated'] as const;
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
const KV_TYPES = ['memory', 'valkey', 'upstash'] as const;
export const WHEN_DOWN = ['local', 'refuse'] as const;
const CONFIG_VERSION = 2;
/** What fits into a `sockaddr_un` on Linux. */
const SOCKET_PATH_BYTES = 107;

const host = field(text.regex(HOST), 'a host name or an IP address', 'Address to bind.');
const port = (what: string) =>
  field(z.int().min(0).max(65_535), 'a whole number from 0 to 65535', `${what} 0 takes any free port.`);
const poolSize = (what: string, size: number) =>
  field(
    z.int().min(1).max(100),
    'a whole number from 1 to 100',
    `Most connections for ${what}. Default: ${size}.`,
  );
const secretFile = (what: string) => field(text, 'the path of a readable file', `File that holds ${what}.`);

/** What is wrong with its parts is told by `checkServices`, which can say why. */
const postgresUrl = text.refine((value) => /^postgres(ql)?:\/\//.test(value));
const valkeyUrl = text.refine((value) => isUrl(value, ['valkey:', 'valkeys:', 'redis:', 'rediss:']));
const pemFile = (what: string) => field(text, 'the path of a PEM file', what);
const socketPath = (what: string) =>
  field(
    text.refine((path) => new TextEncoder().encode(path).length <= SOCKET_PATH_BYTES),
    `the path of a Unix socket, at most ${SOCKET_PATH_BYTES} bytes, without host and port`,
    what,
  );

/** What a gateway must know of a step-ca. */
const stepCaFields = {
  url: field(
    text.refine((value) => isBaseUrl(value, ['https:'])),
    'https://host:port',
    'step-ca.',
  ),
  root_cert_path: pemFile('Root certificate of step-ca.'),
  intermediate_cert_path: pemFile('Intermediate certificate of step-ca, which signs.'),
  root_crl_path: pemFile('Revocation list of the root, made by infra/step-ca/provision.sh.'),
  provisioner_key: field(text, 'a JWK or JWE as text', 'Key of the provisioner mosaic-fed.'),
  provisioner_key_file: secretFile('that key'),
  tls_provisioner_key: field(text, 'a JWK or JWE as text', 'Key of the provisioner mosaic-tls.'),
  tls_provisioner_key_file: secretFile('that key'),
  provisioner_password: field(text, 'text', 'Password of both keys, only when they are encrypted.'),
  provisioner_password_file: secretFile('that password'),
};

export const configDocument = z
  .strictObject({
    $schema: field(z.string(), 'text', 'Where an editor finds this schema.'),
    version: expecting(
      z.literal(CONFIG_VERSION).describe('Version of this format.'),
      `the number ${CONFIG_VERSION}`,
    ),
    tier: field(z.enum(TIERS), `one of ${TIERS.join(', ')}`, 'What the gateway is made of. Default: local.'),
    data_dir: field(
      text,
      'the path of a folder',
      'Folder of the embedded database, its key and the lock. Default: ./data.',
    ),
    gateway: section(
      {
        name: field(
          z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/),
          '1 to 63 characters of a-z, 0-9, ".", "_", "-"',
          'What this gateway calls itself to peers. Default: mosaic.',
        ),
      },
      'Who this gateway is.',
    ),
    database: section(
      {
        url: field(
          postgresUrl,
          'postgres://user:password@host:port/database',
          'Postgres, for the tiers standalone and federated: the login of the public and admin API.',
        ),
        url_file: secretFile('that URL'),
        peers_url: field(
          postgresUrl,
          'postgres://user:password@host:port/database',
          'The same database by the login that answers peers: it reads within a grant, and can do nothing else.',
        ),
        peers_url_file: secretFile('that URL'),
        maintenance_url: field(
          postgresUrl,
          'postgres://user:password@host:port/database',
          'The same database by the login that owns it. Without it a start leaves the schema alone, and mosaic database migrate has to be run.',
        ),
        maintenance_url_file: secretFile('that URL'),
        migrate: field(
          z.boolean(),
          'true or false',
          'Whether a start brings the schema up to date. Default: true where maintenance_url is given.',
        ),
        pools: section(
          {
            reads: poolSize('lists of up to 64 rows and single rows', 3),
            search: poolSize('searches and longer lists', 3),
            writes: poolSize('changes and the admin API', 3),
            background: poolSize('the audit log and the watches; one more listens', 3),
          },
          'Connections of one process to Postgres, by what they are for.',
        ),
        statement_timeout_ms: field(
          z.int().min(100).max(300_000),
          'a whole number from 100 to 300000',
          'Longest a statement runs at Postgres; the gateway waits a second longer, then ends the session. Default: 10000.',
        ),
        request_timeout_ms: field(
          z.int().min(100).max(300_000),
          'a whole number from 100 to 300000',
          'Longest that all statements of one request of a person wait and run together; then it is answered 503. Default: 15000.',
        ),
        peer_request_timeout_ms: field(
          z.int().min(100).max(300_000),
          'a whole number from 100 to 300000',
          'The same for one request of a peer; shorter than its federation.peer_timeout_ms. Default: 4000.',
        ),
        connect_timeout_ms: field(
          z.int().min(100).max(60_000),
          'a whole number from 100 to 60000',
          'Longest a new connection to Postgres may take. Default: 3000.',
        ),
        queue_limit: field(
          z.int().min(1).max(100_000),
          'a whole number from 1 to 100000',
          'Most statements that wait for a connection of one pool; the next is answered 503 at once. Default: 512.',
        ),
        ca_path: pemFile('Authorities to trust for TLS to Postgres, in place of the system’s.'),
        lease_seconds: field(
          z.int().min(3).max(300),
          'a whole number from 3 to 300',
          'How long a process serves peers after its last commit on the primary; shorter than a failover of Postgres takes. Default: 10.',
        ),
      },
      'The database.',
    ),
    kv: section(
      {
        type: field(
          z.enum(KV_TYPES),
          `one of ${KV_TYPES.join(', ')}`,
          'Shared short-lived state. Default: valkey or upstash when its URL is given, else memory.',
        ),
        url: field(valkeyUrl, 'valkey://user:password@host:port (valkeys: for TLS)', 'Valkey.'),
        url_file: secretFile('that URL'),
        password: field(text, 'text', 'Password for Valkey, when the URL holds none.'),
        password_file: secretFile('that password; read anew at each connection'),
        ca_path: pemFile('Authorities to trust for valkeys:, in place of the system’s.'),
        rest_url: field(
          text.refine((value) => isBaseUrl(value, ['https:', 'http:'])),
          'https://host',
          'Upstash, or the bridge over a Valkey (docs/reference/key-value.md).',
        ),
        rest_token: field(text, 'text', 'Bearer token for that.'),
        rest_token_file: secretFile('that token'),
        when_down: field(
          z.enum(WHEN_DOWN),
          'local or refuse',
          'Rate limits while Valkey is away: a strict bucket in each process (local), or 503 (refuse). Default: local.',
        ),
        local_share_percent: field(
          z.int().min(1).max(100),
          'a whole number from 1 to 100',
          'What part of each rate limit one process gives out then: 100 over the number of replicas. Default: 50.',
        ),
      },
      'Rate limits and caches.',
    ),
    ca: section(
      {
        type: field(
          z.enum(['embedded', 'step-ca']),
          'embedded or step-ca',
          'Certificate authority. Default: step-ca when a URL is given, else embedded.',
        ),
        ...stepCaFields,
        next: section(
          {
            ...stepCaFields,
            link_path: pemFile(
              'Certificate over the name and key of its root, signed by the present root: infra/step-ca/cross-sign.sh. Not for one of the same root.',
            ),
          },
          'Another step-ca, which takes the place of this one in a rollover of the root (mosaic ca roll).',
        ),
      },
      'Who signs certificates.',
    ),
    listen: section(
      {
        public: section(
          {
            host,
            port: port('Port of the public API. Default: 8080.'),
            socket: socketPath('Unix socket behind a front, instead of host and port.'),
            connections_per_address: field(
              z.int().min(1).max(100_000),
              'a whole number from 1 to 100000',
              'Most connections of one address (IPv6: its /64) to host and port; raise it for a proxy on another machine. This machine’s own programs are not bounded so. Default: 1024.',
            ),
          },
          'Public API over HTTP, with bearer tokens. Default: 127.0.0.1.',
        ),
        federation: section(
          {
            host,
            port: port('Port for peers, over mutual TLS. Default: 8443.'),
            socket: socketPath('Unix socket behind a front that ends TLS, instead of host and port.'),
            front_secret: field(
              z.string().regex(/^[\w-]{32,128}$/),
              '32 to 128 characters of letters, digits, _ and -',
              'Believes a front only with this in Mosaic-Front-Proof; for a front whose files the gateway does not keep. Prefer front_secret_file.',
            ),
            front_secret_file: field(text, 'the path of a readable file', 'File that holds that secret.'),
          },
          'For peers. Default: TLS on 127.0.0.1.',
        ),
      },
      'Where the gateway listens.',
    ),
    front: section(
      {
        directory: field(
          text,
          'the path of a folder',
          'Folder where the gateway keeps server.pem, server.key, client-ca.pem, crl.pem and front-proof.conf for nginx.',
        ),
        nginx_config: field(
          text,
          'the path of nginx.conf',
          'Tested with `nginx -t` after every change of those files. Absent: nginx is reloaded by somebody else.',
        ),
        nginx_pid_file: field(text, 'the path of a file', 'Holds the process id that is sent SIGHUP then.'),
        nginx_binary: field(text, 'the path of a program', 'Default: nginx.'),
        refused_log: field(
          text,
          'the path of a file',
          'Where nginx logs the requests it refuses (refused.log); each becomes an audit entry.',
        ),
        require_proof: field(
          z.boolean(),
          'true or false',
          'Whether a request on the sockets counts as the front’s only with the secret of front-proof.conf. Default: true.',
        ),
      },
      'The nginx in front, with listen.federation.socket.',
    ),
    federation: section(
      {
        url: field(
          text.refine((value) => isBaseUrl(value, ['https:'])),
          'https://host:port with nothing after it',
          'The federation listener as peers reach it. Default: made of listen.federation.',
        ),
        enrollment_base_url: field(
          text.refine((value) => isBaseUrl(value, ['https:', 'http:'])),
          'https://host:port with nothing after it (http only on loopback, with allow_loopback_http)',
          'Base of enrollment URLs. Default: federation.url.',
        ),
        server_names: field(
          z.array(text.regex(HOST)).min(1).max(32),
          'a list of 1 to 32 host names or IP addresses',
          'More names for the server certificate, beside the hosts of both URLs.',
        ),
        allow_private_addresses: field(
          z.boolean(),
          'true or false',
          'Whether peers may have private and loopback addresses. Default: false.',
        ),
        allow_loopback_http: field(
          z.boolean(),
          'true or false',
          'Whether an enrollment URL may be plain HTTP on loopback. Default: false.',
        ),
        leaf_lifetime: field(
          z.string().regex(DURATION).refine(isLeafLifetime),
          'a duration from 5m to 365d, for example 30d, 12h or 45m',
          'Lifetime of a peer’s certificate. Default: 30d.',
        ),
        peer_timeout_ms: field(
          z.int().min(100).max(60_000),
          'a whole number from 100 to 60000',
          'How long a peer may take to answer, in milliseconds. Default: 5000.',
        ),
        circuit_failures: field(
          z.int().min(1).max(100),
          'a whole number from 1 to 100',
          'Failed calls in a row after which a peer is not asked for a while. Default: 5.',
        ),
        circuit_cooldown_ms: field(
          z.int().min(100).max(600_000),
          'a whole number from 100 to 600000',
          'How long a peer is not asked then, in milliseconds; one call tries afterwards. Default: 5000.',
        ),
        peer_retries: field(
          z.int().min(0).max(3),
          'a whole number from 0 to 3',
          'How often a call that could not be made is tried again, within peer_timeout_ms. Default: 1.',
        ),
        cache_ttl_seconds: field(
          z.int().min(0).max(300),
          'a whole number from 0 to 300',
          'How long a peer’s answer may be kept in memory, at most; the peer may say less. 0: not at all. Default: 30.',
        ),
        crl_poll_seconds: field(
          z.int().min(1).max(60),
          'a whole number from 1 to 60',
          'How often the revocation list of each gateway that we ask is read, whether anybody asks it or not. Default: 45.',
        ),
        front_poll_seconds: field(
          z.int().min(1).max(60),
          'a whole number from 1 to 60',
          'How often a front’s revocation list and certificate are looked after, should the news of a revocation get lost. Default: 15.',
        ),
        default_rate_limit_per_minute: field(
          z.int().min(1).max(1_000_000),
          'a whole number from 1 to 1000000',
          'Requests a minute of a grant without a limit of its own. Default: 60.',
        ),
      },
      'Other gateways.',
    ),
    sealing: section(
      {
        key: field(
          text.refine((value) => parseSealingKey(value) !== null),
          '32 bytes as base64 or 64 hexadecimal characters',
          'Key that seals secrets at rest; prefer key_file.',
        ),
        key_file: secretFile('that key'),
        older_keys: field(
          text.refine((value) => parseSealingKeys(value) !== null),
          '1 to 8 keys as in key, separated by blanks, lines or commas',
          'Keys that open and never seal: for a rotation (mosaic keys rotate); prefer older_keys_file.',
        ),
        older_keys_file: secretFile('those keys'),
      },
      'Sealing at rest. The same key on all replicas; tier local makes one in its data folder.',
    ),
    alerts: section(
      {
        webhook_url: field(
          text.refine((value) => isUrl(value, ['https:']) && URL.parse(value)?.username === ''),
          'https://host/path without user and password',
          'Receives alerts as JSON, by POST. Default: alerts are log lines only.',
        ),
        webhook_url_file: secretFile('that URL'),
      },
      'Where an operator hears of what needs a person.',
    ),
    telemetry: telemetrySection,
    log: section(
      {
        level: field(
          z.enum(LOG_LEVELS),
          `one of ${LOG_LEVELS.join(', ')}`,
          'Least severe lines to write. Default: info.',
        ),
      },
      'Logs, as JSON lines on stderr.',
    ),
    shutdown: section(
      {
        seconds: field(
          z.int().min(1).max(300),
          'a whole number, 1 to 300',
          'Longest a graceful stop takes: answers under way, the audit log, then the rest. Default: 8.',
        ),
      },
      'What happens when the gateway is asked to stop.',
    ),
  })
  .describe('mosaic.config.json, version 2. Every field has an environment variable, which wins.');

export type ConfigDocument = z.infer<typeof configDocument>;
