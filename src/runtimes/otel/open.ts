import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import type { Clock, Log, Random } from '../../../domain/ports/basics.ts';
import type { Telemetry } from '../../../domain/ports/telemetry.ts';
import { VERSION } from '../../app/app.ts';
import type { TelemetryConfig } from '../../config/config.ts';
import type { GatewayDeps } from '../../app/assemble.ts';
import type { MetricsPage } from '../../app/deps.ts';
import { readMetrics } from '../../telemetry/telemetry-readings.ts';
import { createTelemetry } from '../../telemetry/telemetry.ts';
import { hashToken } from '../../directory/tokens-text.ts';
import { openMetricExporter, openSpanExporter, watchExports } from './exporters.ts';
import { openMeters, type Meters } from './meters.ts';
import { pipeSpans, type SpanPipe } from './spans.ts';

export interface OpenTelemetryParts {
  readonly config: TelemetryConfig;
  readonly gatewayName: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  /** Entries that may wait for the audit log. */
  readonly auditCapacity: number;
}

export interface OpenedTelemetry {
  readonly telemetry: Telemetry;
  /** null where metrics are sent only, or not at all. */
  readonly page: MetricsPage | null;
  /** Reads gauges of this gateway from now on. */
  readonly watch: (deps: GatewayDeps) => void;
  /** Sends what waits, for at most `timeoutMs`. */
  readonly stop: (timeoutMs: number) => Promise<void>;
}

const within = async (timeoutMs: number, work: Promise<unknown>): Promise<void> => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, timeoutMs)));
  await Promise.race([work, late]);
  clearTimeout(timer);
};

/**
 * OpenTelemetry for the runtimes that have Node's modules. Imported only where telemetry is configured, so that a gateway
 * without it loads none of the libraries. The SDK is fed with what happened; it instruments nothing, so it sees no request,
 * no header and no statement by itself.
 */
export const openTelemetry = async (parts: OpenTelemetryParts): Promise<OpenedTelemetry> => {
  const { config, gatewayName, log, clock, random } = parts;
  const { otlp, traces, metrics } = config;
  const resource = resourceFromAttributes({
    'service.name': config.serviceName ?? `mosaic-${gatewayName}`,
    'service.version': VERSION,
    'service.instance.id': crypto.randomUUID(),
  }).merge(detectResources({ detectors: [envDetector] }));

  let meters: Meters | null = null;
  let spans: SpanPipe | null = null;
  if (metrics !== null) {
    const { intervalMs, isPushed } = metrics;
    const push =
      otlp === null || !isPushed
        ? null
        : {
            intervalMs,
            exporter: watchExports(await openMetricExporter(otlp), {
              signal: 'metrics',
              log,
              told: () => undefined,
            }),
          };
    meters = openMeters({ resource, push });
  }
  if (otlp !== null && traces !== null) {
    const told = (items: readonly unknown[], arrived: boolean): void =>
      meters?.record('mosaic_telemetry_spans_total', items.length, {
        state: arrived ? 'exported' : 'failed',
      });
    const exporter = watchExports(await openSpanExporter(otlp), { signal: 'traces', log, told });
    spans = pipeSpans(exporter, resource, traces.delayMs);
  }
  const telemetry = createTelemetry({
    sinks: { span: spans?.send ?? null, record: meters?.record ?? null },
    sampling: { ratio: traces?.ratio ?? 0, wishesPerSecond: traces?.followedPerSecond ?? 0 },
    random,
    clock,
    chance: Math.random,
  });
  const { token = null } = metrics ?? {};
  return {
    telemetry,
    page:
      meters === null
        ? null
        : { text: () => meters.text(), tokenHash: token === null ? null : hashToken(token) },
    watch: (deps) => meters?.read(() => readMetrics(deps, parts.auditCapacity)),
    stop: (timeoutMs) => within(timeoutMs, Promise.allSettled([spans?.stop(), meters?.stop()])),
  };
};
