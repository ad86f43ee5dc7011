import { bareHost } from './fields.ts';
import type { TelemetryConfig } from './config.ts';
import type { ConfigIssue } from './issues.ts';
import { parseOtlpHeaders } from './otlp-headers.ts';
import type { ConfigDocument } from './schema.ts';

const DEFAULTS = {
  protocol: 'http/protobuf',
  ratio: 0.1,
  followedPerSecond: 10,
  delayMs: 5_000,
  intervalMs: 60_000,
  host: '127.0.0.1',
} as const;

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/;

/** null where nobody watches: then nothing of it is loaded. */
export const telemetryOf = ({ telemetry }: ConfigDocument, issues: ConfigIssue[]): TelemetryConfig | null => {
  const { disabled = false, otlp, traces = {}, metrics = {} } = telemetry ?? {};
  if (disabled) return null;
  const { host = DEFAULTS.host, port, token = null } = metrics;
  const need = (path: string, message: string, expected: string): void =>
    void issues.push({ path, message, expected });
  if (otlp?.endpoint === undefined && otlp?.headers !== undefined)
    need('telemetry.otlp.endpoint', 'is missing beside the rest of otlp', 'the address of a collector');
  if (metrics.host !== undefined && port === undefined)
    need('telemetry.metrics.port', 'is missing beside the host', 'a port, or no host');
  if (port !== undefined && !LOOPBACK.test(host) && token === null)
    need(
      'telemetry.metrics.token',
      'is missing: /metrics would be open to everyone who reaches that address',
      'a token (MOSAIC_METRICS_TOKEN_FILE), or a loopback address in telemetry.metrics.host',
    );
  const endpoint = otlp?.endpoint ?? null;
  const isTraced = endpoint !== null && traces.exporter !== 'none';
  const isPushed = endpoint !== null && metrics.exporter !== 'none';
  const isCounted = isPushed || port !== undefined || token !== null;
  if (!isTraced && !isCounted) return null;
  return {
    serviceName: telemetry?.service_name ?? null,
    otlp:
      endpoint === null
        ? null
        : {
            endpoint,
            protocol: otlp?.protocol ?? DEFAULTS.protocol,
            headers: otlp?.headers === undefined ? {} : (parseOtlpHeaders(otlp.headers) ?? {}),
          },
    traces: isTraced
      ? {
          ratio: traces.sample_ratio ?? DEFAULTS.ratio,
          followedPerSecond: traces.followed_per_second ?? DEFAULTS.followedPerSecond,
          delayMs: traces.delay_ms ?? DEFAULTS.delayMs,
        }
      : null,
    metrics: isCounted
      ? {
          isPushed,
          intervalMs: metrics.interval_ms ?? DEFAULTS.intervalMs,
          listener: port === undefined ? null : { kind: 'tcp', host: bareHost(host), port },
          token,
        }
      : null,
  };
};
