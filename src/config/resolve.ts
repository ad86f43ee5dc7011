import type { FrontConfig, GatewayConfig, TcpListener } from './config.ts';
import type { Origins } from './environment.ts';
import { checkListeners } from './check-listeners.ts';
import { bareHost, durationSeconds } from './fields.ts';
import type { ConfigIssue } from './issues.ts';
import { parseSealingKey, parseSealingKeys } from './sealing-key.ts';
import { checkLocal, checkServices, databaseOf, servicesOf } from './resolve-services.ts';
import type { ConfigDocument } from './schema.ts';
import { telemetryOf } from './telemetry.ts';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;
const DEFAULTS = {
  kvWhenDown: 'local',
  kvSharePercent: 50,
  tier: 'local',
  name: 'mosaic',
  dataDir: './data',
  host: '127.0.0.1',
  port: { public: 8080, federation: 8443 },
  connectionsPerAddress: 1_024,
  nginx: 'nginx',
  leafLifetime: '30d',
  peerTimeoutMs: 5000,
  circuitFailures: 5,
  circuitCooldownMs: 5000,
  peerRetries: 1,
  cacheTtlSeconds: 30,
  crlPollSeconds: 45,
  frontPollSeconds: 15,
  rateLimitPerMinute: 60,
  shutdownSeconds: 8,
} as const;

interface Resolved {
  readonly config: GatewayConfig;
  readonly issues: readonly ConfigIssue[];
  readonly warnings: readonly string[];
}

const socketOf = (
  document: ConfigDocument,
  name: 'public' | 'federation',
  issues: ConfigIssue[],
): string | null => {
  const { host, port, socket } = document.listen?.[name] ?? {};
  if (socket !== undefined && (host !== undefined || port !== undefined)) {
    issues.push({
      path: `listen.${name}`,
      message: 'names a socket beside a host or port',
      expected: 'one of the two',
    });
  }
  return socket ?? null;
};

const tcpOf = (document: ConfigDocument, name: 'public' | 'federation'): TcpListener => {
  const { host = DEFAULTS.host, port = DEFAULTS.port[name] } = document.listen?.[name] ?? {};
  return { kind: 'tcp', host: bareHost(host), port };
};

const frontOf = ({ front, listen }: ConfigDocument, issues: ConfigIssue[]): FrontConfig | null => {
  const { directory, nginx_config: config, nginx_pid_file: pidFile, nginx_binary: binary } = front ?? {};
  const { socket, front_secret: secret } = listen?.federation ?? {};
  const isKept = front !== undefined && Object.keys(front).length > 0;
  if (secret !== undefined && (socket === undefined || isKept)) {
    issues.push({
      path: 'listen.federation.front_secret',
      message: isKept
        ? 'stands beside front.directory, where the gateway keeps a secret of its own'
        : 'needs a socket',
      expected: 'listen.federation.socket, and a front whose files the gateway does not keep',
    });
  }
  if (front === undefined || Object.keys(front).length === 0) return null;
  const need = (path: string, expected: string): void =>
    void issues.push({ path, message: 'is missing beside the rest of front', expected });
  if (listen?.federation?.socket === undefined)
    need('listen.federation.socket', 'the Unix socket that nginx passes peers to (MOSAIC_FEDERATION_SOCKET)');
  if (directory === undefined) need('front.directory', 'the path of a folder (MOSAIC_FRONT_DIRECTORY)');
  if ((config === undefined) !== (pidFile === undefined)) {
    const missing = config === undefined ? 'nginx_config' : 'nginx_pid_file';
    need(`front.${missing}`, 'nginx_config and nginx_pid_file together, or neither');
  }
  const nginx =
    config === undefined || pidFile === undefined
      ? null
      : { config, pidFile, binary: binary ?? DEFAULTS.nginx };
  return {
    directory: directory ?? '',
    nginx,
    refusedLog: front.refused_log ?? null,
    requiresProof: front.require_proof ?? true,
  };
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
  if (listen?.public?.socket !== undefined && base === undefined) {
    issues.push({
      path: 'federation.enrollment_base_url',
      message: 'is missing, and nobody can guess it behind a front',
      expected: 'https://host:port as people reach the public API through the front',
    });
  }
};

const withoutSlash = (url: string | undefined): string | null => url?.replace(/\/$/, '') ?? null;

/** Fills in defaults and checks what no single field can tell. */
export const resolveConfig = (document: ConfigDocument, origins: Origins): Resolved => {
  const issues: ConfigIssue[] = [];
  const warnings: string[] = [];
  const { federation } = document;
  const tier = document.tier ?? DEFAULTS.tier;
  const publicSocket = socketOf(document, 'public', issues);
  const socket = socketOf(document, 'federation', issues);
  const front = frontOf(document, issues);
  checkUrls(document, issues);
  const metrics = document.telemetry?.metrics;
  checkListeners(
    [
      publicSocket === null && { setting: 'listen.public', ...tcpOf(document, 'public') },
      socket === null && { setting: 'listen.federation', ...tcpOf(document, 'federation') },
      metrics?.port !== undefined && {
        setting: 'telemetry.metrics',
        host: bareHost(metrics.host ?? DEFAULTS.host),
        port: metrics.port,
      },
    ],
    [publicSocket, socket],
    issues,
  );
  if (tier === 'local') checkLocal(document, origins, issues, warnings);
  else checkServices(document, issues);
  const config: GatewayConfig = {
    tier,
    gatewayName: document.gateway?.name ?? DEFAULTS.name,
    dataDir: document.data_dir ?? DEFAULTS.dataDir,
    ...servicesOf(document),
    kvOutage: {
      whenDown: document.kv?.when_down ?? DEFAULTS.kvWhenDown,
      share: (document.kv?.local_share_percent ?? DEFAULTS.kvSharePercent) / 100,
    },
    database: databaseOf(document),
    publicListener: tcpOf(document, 'public'),
    publicConnectionsPerAddress:
      document.listen?.public?.connections_per_address ?? DEFAULTS.connectionsPerAddress,
    publicSocket,
    federationListener:
      socket === null
        ? tcpOf(document, 'federation')
        : { kind: 'socket', path: socket, frontSecret: document.listen?.federation?.front_secret ?? null },
    front,
    federation: {
      url: withoutSlash(federation?.url),
      enrollmentBaseUrl: withoutSlash(federation?.enrollment_base_url),
      serverNames: federation?.server_names ?? [],
      allowPrivateAddresses: federation?.allow_private_addresses ?? false,
      allowLoopbackHttp: federation?.allow_loopback_http ?? false,
      leafLifetimeSeconds: durationSeconds(federation?.leaf_lifetime ?? DEFAULTS.leafLifetime) ?? 0,
      peerTimeoutMs: federation?.peer_timeout_ms ?? DEFAULTS.peerTimeoutMs,
      circuitFailures: federation?.circuit_failures ?? DEFAULTS.circuitFailures,
      circuitCooldownMs: federation?.circuit_cooldown_ms ?? DEFAULTS.circuitCooldownMs,
      peerRetries: federation?.peer_retries ?? DEFAULTS.peerRetries,
      cacheTtlSeconds: federation?.cache_ttl_seconds ?? DEFAULTS.cacheTtlSeconds,
      crlPollSeconds: federation?.crl_poll_seconds ?? DEFAULTS.crlPollSeconds,
      frontPollSeconds: federation?.front_poll_seconds ?? DEFAULTS.frontPollSeconds,
      defaultRateLimitPerMinute: federation?.default_rate_limit_per_minute ?? DEFAULTS.rateLimitPerMinute,
    },
    sealingKey: document.sealing?.key === undefined ? null : parseSealingKey(document.sealing.key),
    alertWebhookUrl: document.alerts?.webhook_url ?? null,
    olderSealingKeys: parseSealingKeys(document.sealing?.older_keys ?? '') ?? [],
    logLevel: document.log?.level ?? 'info',
    shutdownSeconds: document.shutdown?.seconds ?? DEFAULTS.shutdownSeconds,
    telemetry: telemetryOf(document, issues),
  };
  return { config, issues, warnings };
};
