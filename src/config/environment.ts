import type { ConfigIssue } from './issues.ts';

type Kind = 'text' | 'whole number' | 'number' | 'true or false' | 'list';

export interface EnvironmentField {
  readonly variable: string;
  readonly path: string;
  readonly kind: Kind;
  /** Whether `<variable>_FILE` may name a file with the value instead. */
  readonly secret?: true;
}

const variable = (name: string, path: string, kind: Kind = 'text'): EnvironmentField => ({
  variable: name,
  path,
  kind,
});
const secret = (name: string, path: string): EnvironmentField => ({
  variable: name,
  path,
  kind: 'text',
  secret: true,
});

/** Every field of the configuration and the environment variable that wins over it. */
export const ENVIRONMENT: readonly EnvironmentField[] = [
  variable('MOSAIC_TIER', 'tier'),
  variable('MOSAIC_GATEWAY_NAME', 'gateway.name'),
  variable('MOSAIC_DATA_DIR', 'data_dir'),
  secret('DATABASE_URL', 'database.url'),
  secret('DATABASE_PEERS_URL', 'database.peers_url'),
  secret('DATABASE_MAINTENANCE_URL', 'database.maintenance_url'),
  variable('MOSAIC_DATABASE_MIGRATE', 'database.migrate', 'true or false'),
  variable('MOSAIC_DATABASE_POOL_READS', 'database.pools.reads', 'whole number'),
  variable('MOSAIC_DATABASE_POOL_SEARCH', 'database.pools.search', 'whole number'),
  variable('MOSAIC_DATABASE_POOL_WRITES', 'database.pools.writes', 'whole number'),
  variable('MOSAIC_DATABASE_POOL_BACKGROUND', 'database.pools.background', 'whole number'),
  variable('MOSAIC_DATABASE_STATEMENT_TIMEOUT_MS', 'database.statement_timeout_ms', 'whole number'),
  variable('MOSAIC_DATABASE_REQUEST_TIMEOUT_MS', 'database.request_timeout_ms', 'whole number'),
  variable('MOSAIC_DATABASE_PEER_REQUEST_TIMEOUT_MS', 'database.peer_request_timeout_ms', 'whole number'),
  variable('MOSAIC_DATABASE_CONNECT_TIMEOUT_MS', 'database.connect_timeout_ms', 'whole number'),
  variable('MOSAIC_DATABASE_QUEUE_LIMIT', 'database.queue_limit', 'whole number'),
  variable('MOSAIC_DATABASE_CA_PATH', 'database.ca_path'),
  variable('MOSAIC_DATABASE_LEASE_SECONDS', 'database.lease_seconds', 'whole number'),
  variable('MOSAIC_KV_TYPE', 'kv.type'),
  secret('VALKEY_URL', 'kv.url'),
  secret('VALKEY_PASSWORD', 'kv.password'),
  variable('VALKEY_CA_PATH', 'kv.ca_path'),
  variable('UPSTASH_REDIS_REST_URL', 'kv.rest_url'),
  secret('UPSTASH_REDIS_REST_TOKEN', 'kv.rest_token'),
  variable('MOSAIC_KV_WHEN_DOWN', 'kv.when_down'),
  variable('MOSAIC_KV_LOCAL_SHARE_PERCENT', 'kv.local_share_percent', 'whole number'),
  variable('MOSAIC_CA_TYPE', 'ca.type'),
  variable('STEP_CA_URL', 'ca.url'),
  variable('STEP_CA_ROOT_CERT_PATH', 'ca.root_cert_path'),
  variable('STEP_CA_INTERMEDIATE_CERT_PATH', 'ca.intermediate_cert_path'),
  variable('STEP_CA_ROOT_CRL_PATH', 'ca.root_crl_path'),
  secret('STEP_CA_PROVISIONER_KEY_JSON', 'ca.provisioner_key'),
  secret('STEP_CA_TLS_PROVISIONER_KEY_JSON', 'ca.tls_provisioner_key'),
  secret('STEP_CA_PROVISIONER_PASSWORD', 'ca.provisioner_password'),
  variable('STEP_CA_NEXT_URL', 'ca.next.url'),
  variable('STEP_CA_NEXT_ROOT_CERT_PATH', 'ca.next.root_cert_path'),
  variable('STEP_CA_NEXT_INTERMEDIATE_CERT_PATH', 'ca.next.intermediate_cert_path'),
  variable('STEP_CA_NEXT_ROOT_CRL_PATH', 'ca.next.root_crl_path'),
  variable('STEP_CA_NEXT_LINK_PATH', 'ca.next.link_path'),
  secret('STEP_CA_NEXT_PROVISIONER_KEY_JSON', 'ca.next.provisioner_key'),
  secret('STEP_CA_NEXT_TLS_PROVISIONER_KEY_JSON', 'ca.next.tls_provisioner_key'),
  secret('STEP_CA_NEXT_PROVISIONER_PASSWORD', 'ca.next.provisioner_password'),
  variable('MOSAIC_PUBLIC_HOST', 'listen.public.host'),
  variable('MOSAIC_PUBLIC_PORT', 'listen.public.port', 'whole number'),
  variable('MOSAIC_PUBLIC_SOCKET', 'listen.public.socket'),
  variable('MOSAIC_PUBLIC_CONNECTIONS_PER_ADDRESS', 'listen.public.connections_per_address', 'whole number'),
  variable('MOSAIC_FEDERATION_HOST', 'listen.federation.host'),
  variable('MOSAIC_FEDERATION_PORT', 'listen.federation.port', 'whole number'),
  variable('MOSAIC_FEDERATION_SOCKET', 'listen.federation.socket'),
  secret('MOSAIC_FRONT_SECRET', 'listen.federation.front_secret'),
  variable('MOSAIC_FRONT_DIRECTORY', 'front.directory'),
  variable('MOSAIC_FRONT_NGINX_CONFIG', 'front.nginx_config'),
  variable('MOSAIC_FRONT_NGINX_PID_FILE', 'front.nginx_pid_file'),
  variable('MOSAIC_FRONT_NGINX_BINARY', 'front.nginx_binary'),
  variable('MOSAIC_FRONT_REFUSED_LOG', 'front.refused_log'),
  variable('MOSAIC_FRONT_REQUIRE_PROOF', 'front.require_proof', 'true or false'),
  variable('FEDERATION_URL', 'federation.url'),
  variable('FEDERATION_ENROLLMENT_BASE_URL', 'federation.enrollment_base_url'),
  variable('FEDERATION_SERVER_NAMES', 'federation.server_names', 'list'),
  variable('FEDERATION_ALLOW_PRIVATE_ADDRESSES', 'federation.allow_private_addresses', 'true or false'),
  variable('FEDERATION_ALLOW_LOOPBACK_HTTP', 'federation.allow_loopback_http', 'true or false'),
  variable('FEDERATION_LEAF_LIFETIME', 'federation.leaf_lifetime'),
  variable('FEDERATION_PEER_TIMEOUT_MS', 'federation.peer_timeout_ms', 'whole number'),
  variable('FEDERATION_CIRCUIT_FAILURES', 'federation.circuit_failures', 'whole number'),
  variable('FEDERATION_CIRCUIT_COOLDOWN_MS', 'federation.circuit_cooldown_ms', 'whole number'),
  variable('FEDERATION_PEER_RETRIES', 'federation.peer_retries', 'whole number'),
  variable('FEDERATION_CACHE_TTL_SECONDS', 'federation.cache_ttl_seconds', 'whole number'),
  variable('FEDERATION_CRL_POLL_SECONDS', 'federation.crl_poll_seconds', 'whole number'),
  variable('FEDERATION_FRONT_POLL_SECONDS', 'federation.front_poll_seconds', 'whole number'),
  variable(
    'FEDERATION_DEFAULT_RATE_LIMIT_PER_MINUTE',
    'federation.default_rate_limit_per_minute',
    'whole number',
  ),
  secret('MOSAIC_SEALING_KEY', 'sealing.key'),
  secret('MOSAIC_ALERT_WEBHOOK_URL', 'alerts.webhook_url'),
  secret('MOSAIC_SEALING_OLDER_KEYS', 'sealing.older_keys'),
  variable('OTEL_SDK_DISABLED', 'telemetry.disabled', 'true or false'),
  variable('OTEL_SERVICE_NAME', 'telemetry.service_name'),
  variable('OTEL_EXPORTER_OTLP_ENDPOINT', 'telemetry.otlp.endpoint'),
  variable('OTEL_EXPORTER_OTLP_PROTOCOL', 'telemetry.otlp.protocol'),
  secret('OTEL_EXPORTER_OTLP_HEADERS', 'telemetry.otlp.headers'),
  variable('OTEL_TRACES_EXPORTER', 'telemetry.traces.exporter'),
  variable('OTEL_TRACES_SAMPLER_ARG', 'telemetry.traces.sample_ratio', 'number'),
  variable('MOSAIC_TRACES_FOLLOWED_PER_SECOND', 'telemetry.traces.followed_per_second', 'whole number'),
  variable('OTEL_BSP_SCHEDULE_DELAY', 'telemetry.traces.delay_ms', 'whole number'),
  variable('OTEL_METRICS_EXPORTER', 'telemetry.metrics.exporter'),
  variable('OTEL_METRIC_EXPORT_INTERVAL', 'telemetry.metrics.interval_ms', 'whole number'),
  variable('MOSAIC_METRICS_HOST', 'telemetry.metrics.host'),
  variable('MOSAIC_METRICS_PORT', 'telemetry.metrics.port', 'whole number'),
  secret('MOSAIC_METRICS_TOKEN', 'telemetry.metrics.token'),
  variable('MOSAIC_LOG_LEVEL', 'log.level'),
  variable('MOSAIC_SHUTDOWN_SECONDS', 'shutdown.seconds', 'whole number'),
];

/** Old names that still work, with a warning. */
export const DEPRECATED_VARIABLES: Readonly<Record<string, string>> = {
  REDIS_URL: 'VALKEY_URL',
  REDIS_URL_FILE: 'VALKEY_URL_FILE',
};

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where the value of a path came from: for messages, and because the environment may only win, not contradict. */
export type Origins = Map<string, string>;

const convert = (text: string, kind: Kind): unknown => {
  if (kind === 'whole number') return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
  if (kind === 'number') return /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : text;
  if (kind === 'true or false')
    return text === 'true' || text === '1' ? true : text === 'false' || text === '0' ? false : text;
  if (kind === 'list')
    return text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  return text;
};

/** An empty variable counts as not set: that is what compose files make of an absent one. */
const read = (env: Environment, name: string): string | undefined =>
  env[name] === '' ? undefined : env[name];

export interface EnvironmentValue {
  readonly path: string;
  readonly value: unknown;
  readonly variable: string;
}

export interface EnvironmentReading {
  readonly values: readonly EnvironmentValue[];
  readonly warnings: readonly string[];
  readonly issues: readonly ConfigIssue[];
}

const withAliases = (env: Environment, warnings: string[]): Environment => {
  const result: Record<string, string | undefined> = { ...env };
  for (const [old, current] of Object.entries(DEPRECATED_VARIABLES)) {
    if (read(env, old) === undefined) continue;
    if (read(env, current) === undefined) {
      result[current] = env[old];
      warnings.push(`${old} is deprecated: use ${current}.`);
    } else warnings.push(`${old} is deprecated and ignored, because ${current} is set.`);
  }
  return result;
};

/** Reads what the environment says of each field; secrets named by `…_FILE` become the path `<field>_file`. */
export const readEnvironment = (env: Environment): EnvironmentReading => {
  const warnings: string[] = [];
  const issues: ConfigIssue[] = [];
  const values: EnvironmentValue[] = [];
  const known = withAliases(env, warnings);
  for (const field of ENVIRONMENT) {
    const direct = read(known, field.variable);
    const file = field.secret === true ? read(known, `${field.variable}_FILE`) : undefined;
    if (direct !== undefined && file !== undefined) {
      issues.push({
        path: field.path,
        variable: field.variable,
        message: `is set together with ${field.variable}_FILE`,
        expected: 'one of the two',
      });
    } else if (direct !== undefined) {
      values.push({ path: field.path, value: convert(direct, field.kind), variable: field.variable });
    } else if (file !== undefined) {
      values.push({ path: `${field.path}_file`, value: file, variable: `${field.variable}_FILE` });
    }
  }
  return { values, warnings, issues };
};
