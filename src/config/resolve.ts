import type { GatewayConfig, SocketListener, TcpListener } from './config.ts';
import type { Origins } from './environment.ts';
import { durationSeconds } from './fields.ts';
import type { ConfigIssue } from './issues.ts';
import { parseSealingKey } from './sealing-key.ts';
import type { ConfigDocument } from './schema.ts';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;
const DEFAULTS = {
  tier: 'local',
  name: 'mosaic',
  dataDir: './data',
  host: '127.0.0.1',
  publicPort: 8080,
  federationPort: 8443,
  leafLifetime: '30d',
  peerTimeoutMs: 5000,
  rateLimitPerMinute: 60,
} as const;

interface Resolved {
  readonly config: GatewayConfig;
  readonly issues: readonly ConfigIssue[];
  readonly warnings: readonly string[];
}

const federationListener = (
  document: ConfigDocument,
  issues: ConfigIssue[],
): TcpListener | SocketListener => {
  const { host, port, socket } = document.listen?.federation ?? {};
  if (socket === undefined)
    return { kind: 'tcp', host: host ?? DEFAULTS.host, port: port ?? DEFAULTS.federationPort };
  if (host !== undefined || port !== undefined) {
    issues.push({
      path: 'listen.federation',
      message: 'names a socket beside a host or port',
      expected: 'one of the two',
    });
  }
  return { kind: 'socket', path: socket };
};

const checkUrls = ({ federation, listen }: ConfigDocument, issues: ConfigIssue[]): void => {
  const base = federation?.enrollment_base_url;
  if (base?.startsWith('http:') === true) {
    if (!LOOPBACK.test(new URL(base).hostname) || federation?.allow_loopback_http !== true) {
      issues.push({
        path: 'federation.enrollment_base_url',
        message: 'is plain HTTP',
        expected: 'https://host:port, or a loopback address together with federation.allow_loopback_http',
      });
    }
  }
  if (listen?.federation?.socket !== undefined && federation?.url === undefined) {
    issues.push({
      path: 'federation.url',
      message: 'is missing, and nobody can guess it behind a front',
      expected: 'https://host:port as peers reach the front',
    });
  }
};

/** What a field of another tier means in tier `local`: refused when written for it, told when merely inherited. */
const checkLocal = (
  document: ConfigDocument,
  origins: Origins,
  issues: ConfigIssue[],
  warnings: string[],
): void => {
  const foreign = [
    { path: 'database.url', present: document.database?.url !== undefined },
    { path: 'kv.url', present: document.kv?.url !== undefined || document.kv?.type === 'valkey' },
    { path: 'ca.url', present: document.ca?.url !== undefined || document.ca?.type === 'step-ca' },
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

const checkServices = (document: ConfigDocument, issues: ConfigIssue[]): void => {
  const { tier, database, kv, ca } = document;
  const need = (path: string, expected: string) =>
    issues.push({ path, message: `is missing; tier ${tier} needs it`, expected });
  if (database?.url === undefined)
    need('database.url', 'postgres://user:password@host:port/database (DATABASE_URL)');
  const valkey = kv?.type === 'valkey' || tier === 'federated';
  if (valkey && kv?.url === undefined) need('kv.url', 'valkey://host:port (VALKEY_URL)');
  const stepCa = ca?.type === 'step-ca' || tier === 'federated';
  if (stepCa && ca?.url === undefined) need('ca.url', 'https://host:port (STEP_CA_URL)');
  if (document.sealing?.key === undefined) {
    need(
      'sealing.key',
      'the key all replicas share (MOSAIC_SEALING_KEY_FILE); make one with: openssl rand -base64 32',
    );
  }
};

const servicesOf = ({
  tier,
  database,
  kv,
  ca,
}: ConfigDocument): Pick<GatewayConfig, 'databaseUrl' | 'kv' | 'ca'> => {
  if (tier === undefined || tier === 'local') {
    return { databaseUrl: null, kv: { type: 'memory', url: null }, ca: { type: 'embedded', url: null } };
  }
  return {
    databaseUrl: database?.url ?? null,
    kv: { type: kv?.type ?? (kv?.url === undefined ? 'memory' : 'valkey'), url: kv?.url ?? null },
    ca: { type: ca?.type ?? (ca?.url === undefined ? 'embedded' : 'step-ca'), url: ca?.url ?? null },
  };
};

const withoutSlash = (url: string | undefined): string | null => url?.replace(/\/$/, '') ?? null;

/** Fills in defaults and checks what no single field can tell. */
export const resolveConfig = (document: ConfigDocument, origins: Origins): Resolved => {
  const issues: ConfigIssue[] = [];
  const warnings: string[] = [];
  const { federation, listen } = document;
  const tier = document.tier ?? DEFAULTS.tier;
  const listener = federationListener(document, issues);
  checkUrls(document, issues);
  if (tier === 'local') checkLocal(document, origins, issues, warnings);
  else checkServices(document, issues);
  const config: GatewayConfig = {
    tier,
    gatewayName: document.gateway?.name ?? DEFAULTS.name,
    dataDir: document.data_dir ?? DEFAULTS.dataDir,
    ...servicesOf(document),
    isMigrating: document.database?.migrate ?? true,
    publicListener: {
      kind: 'tcp',
      host: listen?.public?.host ?? DEFAULTS.host,
      port: listen?.public?.port ?? DEFAULTS.publicPort,
    },
    federationListener: listener,
    federation: {
      url: withoutSlash(federation?.url),
      enrollmentBaseUrl: withoutSlash(federation?.enrollment_base_url),
      serverNames: federation?.server_names ?? [],
      allowPrivateAddresses: federation?.allow_private_addresses ?? false,
      allowLoopbackHttp: federation?.allow_loopback_http ?? false,
      leafLifetimeSeconds: durationSeconds(federation?.leaf_lifetime ?? DEFAULTS.leafLifetime) ?? 0,
      peerTimeoutMs: federation?.peer_timeout_ms ?? DEFAULTS.peerTimeoutMs,
      defaultRateLimitPerMinute: federation?.default_rate_limit_per_minute ?? DEFAULTS.rateLimitPerMinute,
    },
    sealingKey: document.sealing?.key === undefined ? null : parseSealingKey(document.sealing.key),
    logLevel: document.log?.level ?? 'info',
  };
  return { config, issues, warnings };
};
