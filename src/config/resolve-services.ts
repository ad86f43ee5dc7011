import { parseDatabaseAddress } from '../../domain/database/address.ts';
import type { DatabaseConfig, GatewayConfig, KvConfig, StepCaPlace } from './config.ts';
import type { Origins } from './environment.ts';
import type { ConfigIssue } from './issues.ts';
import type { ConfigDocument } from './schema.ts';

type Section<K extends keyof ConfigDocument> = NonNullable<ConfigDocument[K]>;
type StepCaSection = NonNullable<Section<'ca'>['next']>;

const kvTypeOf = ({ tier, kv }: ConfigDocument): KvConfig['type'] => {
  if (kv?.type !== undefined) return kv.type;
  if (kv?.url !== undefined) return 'valkey';
  if (kv?.rest_url !== undefined) return 'upstash';
  return tier === 'federated' ? 'valkey' : 'memory';
};

const caTypeOf = ({ tier, ca }: ConfigDocument): 'embedded' | 'step-ca' =>
  ca?.type ?? (ca?.url !== undefined || tier === 'federated' ? 'step-ca' : 'embedded');

/** What a field of another tier means in tier `local`: refused when written for it, told when merely inherited. */
export const checkLocal = (
  document: ConfigDocument,
  origins: Origins,
  issues: ConfigIssue[],
  warnings: string[],
): void => {
  const { database, kv, ca } = document;
  const foreign = [
    { path: 'database.url', present: database?.url !== undefined },
    { path: 'database.peers_url', present: database?.peers_url !== undefined },
    { path: 'database.maintenance_url', present: database?.maintenance_url !== undefined },
    { path: 'kv.url', present: kv?.url !== undefined || kv?.type === 'valkey' },
    { path: 'kv.rest_url', present: kv?.rest_url !== undefined || kv?.type === 'upstash' },
    { path: 'ca.url', present: ca?.url !== undefined || ca?.type === 'step-ca' },
    { path: 'ca.next.url', present: ca?.next?.url !== undefined },
  ];
  for (const { path, present } of foreign) {
    if (!present) continue;
    const variable = origins.get(path);
    if (variable !== undefined)
      warnings.push(`${variable} has no effect in tier local, which brings its own.`);
    else
      issues.push({
        path,
        message: 'does not belong to tier local, which brings its own',
        expected: 'tier standalone or federated, or nothing here',
      });
  }
};

type Need = (present: unknown, path: string, expected: string) => void;

const checkKv = (document: ConfigDocument, need: Need, issues: ConfigIssue[]): void => {
  const { tier, kv } = document;
  const type = kvTypeOf(document);
  if (tier === 'federated' && type === 'memory') {
    issues.push({
      path: 'kv.type',
      message: 'memory is not shared by replicas',
      expected: 'valkey in tier federated',
    });
  }
  if (type === 'valkey') need(kv?.url, 'kv.url', 'valkey://host:port (VALKEY_URL)');
  if (type === 'upstash') {
    need(kv?.rest_url, 'kv.rest_url', 'https://host (UPSTASH_REDIS_REST_URL)');
    need(kv?.rest_token, 'kv.rest_token', 'its token (UPSTASH_REDIS_REST_TOKEN_FILE)');
  }
  if (kv?.password !== undefined && kv.url !== undefined && new URL(kv.url).password !== '') {
    issues.push({
      path: 'kv.password',
      message: 'stands beside a password in kv.url',
      expected: 'one of the two',
    });
  }
};

const checkStepCa = (ca: StepCaSection | undefined, path: string, variable: string, need: Need): void => {
  const fields = [
    ['url', 'https://host:port', 'URL'],
    ['root_cert_path', 'certs/root_ca.crt of step-ca', 'ROOT_CERT_PATH'],
    ['intermediate_cert_path', 'certs/intermediate_ca.crt of step-ca', 'INTERMEDIATE_CERT_PATH'],
    ['root_crl_path', 'crl/root.crl of step-ca', 'ROOT_CRL_PATH'],
    ['provisioner_key', 'the key of mosaic-fed', 'PROVISIONER_KEY_JSON_FILE'],
    ['tls_provisioner_key', 'the key of mosaic-tls', 'TLS_PROVISIONER_KEY_JSON_FILE'],
  ] as const;
  for (const [field, expected, name] of fields)
    need(ca?.[field], `${path}.${field}`, `${expected} (${variable}_${name})`);
};

const checkCa = (document: ConfigDocument, need: Need, issues: ConfigIssue[]): void => {
  const { tier, ca } = document;
  const type = caTypeOf(document);
  if (tier === 'federated' && type === 'embedded') {
    issues.push({
      path: 'ca.type',
      message: 'embedded is for other tiers',
      expected: 'step-ca in tier federated',
    });
  }
  if (type !== 'step-ca') return;
  checkStepCa(ca, 'ca', 'STEP_CA', need);
  if (ca?.next !== undefined) checkStepCa(ca.next, 'ca.next', 'STEP_CA_NEXT', need);
};

const checkAddresses = ({ database = {} }: ConfigDocument, issues: ConfigIssue[]): void => {
  for (const name of ['url', 'peers_url', 'maintenance_url'] as const) {
    const text = database[name];
    const parsed = text === undefined ? null : parseDatabaseAddress(text);
    if (parsed?.ok === false)
      issues.push({
        path: `database.${name}`,
        message: parsed.error,
        expected: 'postgres://user:password@host:port/database, with parameters as libpq knows them',
      });
  }
};

/** What the tiers `standalone` and `federated` need. */
export const checkServices = (document: ConfigDocument, issues: ConfigIssue[]): void => {
  const need: Need = (present, path, expected) => {
    if (present === undefined)
      issues.push({ path, message: `is missing; tier ${document.tier} needs it`, expected });
  };
  const { database } = document;
  need(database?.url, 'database.url', 'postgres://user:password@host:port/database (DATABASE_URL)');
  need(
    database?.peers_url,
    'database.peers_url',
    'the same database by the login that answers peers (DATABASE_PEERS_URL); mosaic database setup-sql makes the logins',
  );
  if (database?.migrate === true)
    need(
      database.maintenance_url,
      'database.maintenance_url',
      'the same database by the login for maintenance (DATABASE_MAINTENANCE_URL), to migrate with',
    );
  checkAddresses(document, issues);
  checkKv(document, need, issues);
  checkCa(document, need, issues);
  need(
    document.sealing?.key,
    'sealing.key',
    'the key all replicas share (MOSAIC_SEALING_KEY_FILE); make one with: openssl rand -base64 32',
  );
};

const withPassword = ({ url = '', password }: Section<'kv'>): string => {
  if (password === undefined || !URL.canParse(url)) return url;
  const whole = new URL(url);
  whole.password = encodeURIComponent(password);
  return whole.href;
};

const kvOf = (document: ConfigDocument): KvConfig => {
  const { kv = {} } = document;
  const type = kvTypeOf(document);
  if (type === 'memory') return { type };
  if (type === 'upstash') return { type, url: kv.rest_url ?? '', token: kv.rest_token ?? '' };
  const passwordFile = kv.password_file ?? null;
  const url = passwordFile === null ? withPassword(kv) : (kv.url ?? '');
  return { type, url, passwordFile, caPath: kv.ca_path ?? null };
};

const placeOf = (ca: StepCaSection): StepCaPlace => ({
  url: (ca.url ?? '').replace(/\/$/, ''),
  rootCertPath: ca.root_cert_path ?? '',
  intermediateCertPath: ca.intermediate_cert_path ?? '',
  rootCrlPath: ca.root_crl_path ?? '',
  provisionerKey: ca.provisioner_key ?? '',
  tlsProvisionerKey: ca.tls_provisioner_key ?? '',
  provisionerPassword: ca.provisioner_password ?? null,
});

const caOf = (document: ConfigDocument): GatewayConfig['ca'] => {
  const { ca = {} } = document;
  const type = caTypeOf(document);
  if (type === 'embedded') return { type };
  const next = ca.next === undefined ? null : { ...placeOf(ca.next), linkPath: ca.next.link_path ?? null };
  return { type, ...placeOf(ca), next };
};

const POOL = 3;

/** What is set beside the address of a Postgres; docs/reference/configuration.md has the same defaults. */
export const databaseOf = ({ database = {} }: ConfigDocument): DatabaseConfig => {
  const { pools = {} } = database;
  return {
    pools: {
      reads: { max: pools.reads ?? POOL },
      search: { max: pools.search ?? POOL },
      writes: { max: pools.writes ?? POOL },
      background: { max: pools.background ?? POOL },
    },
    statementTimeoutMs: database.statement_timeout_ms ?? 10_000,
    requestTimeoutMs: database.request_timeout_ms ?? 15_000,
    peerRequestTimeoutMs: database.peer_request_timeout_ms ?? 4_000,
    connectTimeoutMs: database.connect_timeout_ms ?? 3_000,
    queueLimit: database.queue_limit ?? 512,
    leaseSeconds: database.lease_seconds ?? 10,
    caPath: database.ca_path ?? null,
    urlFiles: {
      url: database.url_file ?? null,
      peersUrl: database.peers_url_file ?? null,
      maintenanceUrl: database.maintenance_url_file ?? null,
    },
  };
};

/** Database, key-value store and authority; empty where `checkServices` has named what is missing. */
export const servicesOf = (
  document: ConfigDocument,
): Pick<
  GatewayConfig,
  'databaseUrl' | 'peersDatabaseUrl' | 'maintenanceDatabaseUrl' | 'isMigrating' | 'kv' | 'ca'
> => {
  if (document.tier === undefined || document.tier === 'local')
    return {
      databaseUrl: null,
      peersDatabaseUrl: null,
      maintenanceDatabaseUrl: null,
      isMigrating: true,
      kv: { type: 'memory' },
      ca: { type: 'embedded' },
    };
  const { url, peers_url: peersUrl, maintenance_url: maintenanceUrl, migrate } = document.database ?? {};
  return {
    databaseUrl: url ?? null,
    peersDatabaseUrl: peersUrl ?? null,
    maintenanceDatabaseUrl: maintenanceUrl ?? null,
    isMigrating: migrate ?? maintenanceUrl !== undefined,
    kv: kvOf(document),
    ca: caOf(document),
  };
};
