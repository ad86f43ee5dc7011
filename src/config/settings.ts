import type { CoreSettings } from '../app/deps.ts';
import type { GatewayConfig } from './config.ts';

const ENROLLMENT_TOKEN_SECONDS = 15 * 60;
/** Longest body of any request: the largest field is 100,000 characters, in JSON and UTF-8 a few times that. */
const BODY_LIMIT_BYTES = 1024 * 1024;

/** Hosts that only mean "all addresses": nobody can be sent to them. */
const ANY_ADDRESS = new Set(['0.0.0.0', '::', '[::]']);

/** How others reach a listener: its host, or `localhost` when it listens everywhere. */
export const reachableHost = (host: string): string => {
  if (ANY_ADDRESS.has(host)) return 'localhost';
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
};

/**
 * The core's settings.
 * @param port of the federation listener, as it was really opened; null behind a front, where `federation.url` is required
 */
export const coreSettings = (config: GatewayConfig, port: number | null): CoreSettings => {
  const { federation, federationListener: listener } = config;
  const made =
    listener.kind === 'tcp' && port !== null ? `https://${reachableHost(listener.host)}:${port}` : '';
  const federationUrl = federation.url ?? made;
  return {
    gatewayName: config.gatewayName,
    federationUrl,
    enrollmentBaseUrl: federation.enrollmentBaseUrl ?? federationUrl,
    serverNames: federation.serverNames,
    leafLifetimeSeconds: federation.leafLifetimeSeconds,
    enrollmentTokenSeconds: ENROLLMENT_TOKEN_SECONDS,
    defaultRateLimitPerMinute: federation.defaultRateLimitPerMinute,
    allowPrivateAddresses: federation.allowPrivateAddresses,
    allowLoopbackHttp: federation.allowLoopbackHttp,
    peerTimeoutMs: federation.peerTimeoutMs,
    circuitFailures: federation.circuitFailures,
    circuitCooldownMs: federation.circuitCooldownMs,
    peerRetries: federation.peerRetries,
    cacheTtlSeconds: federation.cacheTtlSeconds,
    bodyLimitBytes: BODY_LIMIT_BYTES,
  };
};

/** Every host the server certificate must name: both URLs', the listener's own, and what the operator adds. */
export const serverHosts = ({
  federation,
  federationListener: listener,
}: GatewayConfig): readonly string[] => {
  const urls = [federation.url, federation.enrollmentBaseUrl].flatMap((url) =>
    url === null ? [] : [new URL(url).hostname],
  );
  const own = listener.kind === 'tcp' ? [reachableHost(listener.host)] : [];
  const loopback = own.some((host) => host === '127.0.0.1' || host === 'localhost' || host === '[::1]');
  return [...urls, ...own, ...(loopback ? ['localhost', '127.0.0.1'] : []), ...federation.serverNames];
};

/** How a Postgres is reached, by login, as `openPostgresStorage` takes it. */
export interface DatabaseUrls {
  readonly url: string;
  readonly peersUrl: string;
  /** Absent: the schema is left alone. */
  readonly maintenanceUrl?: string;
}

/** null in tier `local`, which has no logins. */
export const databaseUrlsOf = (
  config: Pick<GatewayConfig, 'databaseUrl' | 'peersDatabaseUrl' | 'maintenanceDatabaseUrl' | 'isMigrating'>,
): DatabaseUrls | null => {
  const { databaseUrl: url, peersDatabaseUrl: peersUrl, maintenanceDatabaseUrl: maintenanceUrl } = config;
  if (url === null || peersUrl === null) return null;
  return { url, peersUrl, ...(config.isMigrating && maintenanceUrl !== null ? { maintenanceUrl } : {}) };
};
