import type { PushMetricExporter } from '@opentelemetry/sdk-metrics';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import type { Log } from '../../../domain/ports/basics.ts';
import type { OtlpConfig } from '../../config/config.ts';

/** Says the same again only after this long: a collector may be away for days. */
const QUIET_MS = 60_000;

/** With all tries. It is also how long a stopped process may wait for a collector that is away. */
const TIMEOUT_MS = 5_000;

const at = ({ endpoint, headers }: OtlpConfig, path: string) => ({
  timeoutMillis: TIMEOUT_MS,
  url: `${endpoint.replace(/\/+$/, '')}/${path}`,
  headers: { ...headers },
});

/** Only the encoding that is configured is loaded. */
export const openSpanExporter = async (otlp: OtlpConfig): Promise<SpanExporter> => {
  const { OTLPTraceExporter } = await (otlp.protocol === 'http/json'
    ? import('@opentelemetry/exporter-trace-otlp-http')
    : import('@opentelemetry/exporter-trace-otlp-proto'));
  return new OTLPTraceExporter(at(otlp, 'v1/traces'));
};

export const openMetricExporter = async (otlp: OtlpConfig): Promise<PushMetricExporter> => {
  const { OTLPMetricExporter } = await (otlp.protocol === 'http/json'
    ? import('@opentelemetry/exporter-metrics-otlp-http')
    : import('@opentelemetry/exporter-metrics-otlp-proto'));
  return new OTLPMetricExporter(at(otlp, 'v1/metrics'));
};

type Export<T> = {
  export(items: T, done: (result: { readonly code: number; readonly error?: Error }) => void): void;
};

/**
 * Tells of what did not arrive: in the log, now and then, and to `told`. What the collector answered stays out of the log:
 * it is not ours, and may quote what was sent.
 */
export const watchExports = <T, E extends Export<T>>(
  exporter: E,
  { signal, log, told }: { signal: string; log: Log; told: (items: T, arrived: boolean) => void },
): E => {
  let quietUntil = 0;
  const send = exporter.export.bind(exporter);
  exporter.export = (items, done) => {
    send(items, (result) => {
      const arrived = result.code === 0;
      told(items, arrived);
      if (!arrived && performance.now() >= quietUntil) {
        quietUntil = performance.now() + QUIET_MS;
        const { code } = (result.error ?? {}) as { readonly code?: unknown };
        log.warn('the telemetry collector did not accept what was sent', {
          signal,
          code: typeof code === 'string' || typeof code === 'number' ? code : null,
        });
      }
      done(result);
    });
  };
  return exporter;
};
