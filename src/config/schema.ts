import { z } from 'zod';
import {
  DURATION,
  HOST,
  expectedOf,
  expecting,
  field,
  isBaseUrl,
  isLeafLifetime,
  isUrl,
  section,
  text,
} from './fields.ts';
import { parseSealingKey } from './sealing-key.ts';

export const TIERS = ['local', 'standalone', 'federated'] as const;
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export const CONFIG_VERSION = 2;

const host = field(text.regex(HOST), 'a host name or an IP address', 'Address to bind.');
const port = (what: string) =>
  field(z.int().min(0).max(65_535), 'a whole number from 0 to 65535', `${what} 0 takes any free port.`);
const secretFile = (what: string) => field(text, 'the path of a readable file', `File that holds ${what}.`);

const postgresUrl = text.refine((value) => isUrl(value, ['postgres:', 'postgresql:']));
const valkeyUrl = text.refine((value) => isUrl(value, ['valkey:', 'valkeys:', 'redis:', 'rediss:']));

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
          'Postgres, for the tiers standalone and federated.',
        ),
        url_file: secretFile('that URL'),
        migrate: field(
          z.boolean(),
          'true or false',
          'Whether a start brings the schema up to date. Default: true. With false another process does, and this login needs no right to.',
        ),
      },
      'The database.',
    ),
    kv: section(
      {
        type: field(
          z.enum(['memory', 'valkey']),
          'memory or valkey',
          'Shared short-lived state. Default: valkey when a URL is given, else memory.',
        ),
        url: field(valkeyUrl, 'valkey://user:password@host:port', 'Valkey.'),
        url_file: secretFile('that URL'),
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
        url: field(
          text.refine((value) => isBaseUrl(value, ['https:'])),
          'https://host:port',
          'step-ca.',
        ),
        root_cert_path: field(text, 'the path of a PEM file', 'Root certificate of step-ca.'),
        provisioner_key_json: field(text, 'a JWK as JSON text', 'Key of the step-ca provisioner.'),
        provisioner_key_json_file: secretFile('that key'),
        provisioner_password: field(text, 'text', 'Password of that key, only when it is encrypted.'),
        provisioner_password_file: secretFile('that password'),
      },
      'Who signs certificates.',
    ),
    listen: section(
      {
        public: section(
          { host, port: port('Port of the public API. Default: 8080.') },
          'Public API over HTTP, with bearer tokens. Default: 127.0.0.1.',
        ),
        federation: section(
          {
            host,
            port: port('Port for peers, over mutual TLS. Default: 8443.'),
            socket: field(
              text,
              'the path of a Unix socket, without host and port',
              'Unix socket behind a front that ends TLS, instead of host and port.',
            ),
          },
          'For peers. Default: TLS on 127.0.0.1.',
        ),
      },
      'Where the gateway listens.',
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
      },
      'Sealing at rest. The same key on all replicas; tier local makes one in its data folder.',
    ),
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
  })
  .describe('mosaic.config.json, version 2. Every field has an environment variable, which wins.');

export type ConfigDocument = z.infer<typeof configDocument>;

const inner = (schema: z.ZodType): z.ZodType =>
  schema instanceof z.ZodOptional ? inner(schema.unwrap() as z.ZodType) : schema;

/** What was expected at a path of the document; of the nearest part above it when it names an item of a list. */
export const expectedAt = (path: readonly PropertyKey[]): string | undefined => {
  let schema: z.ZodType = configDocument;
  let expected: string | undefined;
  for (const key of path) {
    const here = inner(schema);
    if (!(here instanceof z.ZodObject)) break;
    const next = (here.shape as Record<PropertyKey, z.ZodType | undefined>)[key];
    if (next === undefined) return undefined;
    expected = expectedOf(next);
    schema = next;
  }
  return expected;
};

/** Keys an object at a path may have, for messages about unknown ones. */
export const keysAt = (path: readonly PropertyKey[]): readonly string[] => {
  let schema: z.ZodType = configDocument;
  for (const key of path) {
    const here = inner(schema);
    if (!(here instanceof z.ZodObject)) return [];
    schema = (here.shape as Record<PropertyKey, z.ZodType | undefined>)[key] ?? configDocument;
  }
  const here = inner(schema);
  return here instanceof z.ZodObject ? Object.keys(here.shape) : [];
};
