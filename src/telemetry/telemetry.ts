import type { Clock, Log, LogFields, Random } from '../../domain/ports/basics.ts';
import type { FinishedSpan, Telemetry } from '../../domain/ports/telemetry.ts';
import {
  METRIC_NAMES,
  boundLabels,
  metricSpec,
  type CounterName,
  type HistogramName,
  type MetricName,
} from '../../domain/telemetry/metrics.ts';
import { createSampler, type SamplingTerms } from '../../domain/telemetry/sampling.ts';
import { createSpanIds } from '../kernel/span-ids.ts';

/** What a runtime brings to send spans and metrics away. Neither waits nor throws. */
export interface TelemetrySinks {
  /** null: nothing is traced. */
  readonly span: ((span: FinishedSpan) => void) | null;
  /** null: nothing is counted. @param labels bounded */
  readonly record: ((name: MetricName, value: number, labels: Record<string, string>) => void) | null;
}

export interface TelemetryParts {
  readonly sinks: TelemetrySinks;
  readonly sampling: SamplingTerms;
  readonly random: Random;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly chance: () => number;
}

export const createTelemetry = ({ sinks, sampling, random, clock, chance }: TelemetryParts): Telemetry => {
  const { span, record } = sinks;
  const newSpanId = createSpanIds(random);
  const isSampled = createSampler(sampling, { now: () => clock.now().getTime(), chance });
  const add = (name: CounterName | HistogramName, value: number, labels: Record<string, string>): void =>
    record?.(name, value, boundLabels(name, labels as never));
  for (const name of METRIC_NAMES) {
    const { startsAtZero, labels } = metricSpec(name);
    const [label] = Object.keys(labels);
    if (startsAtZero !== true || label === undefined) continue;
    for (const value of labels[label] ?? []) record?.(name, 0, { [label]: value });
  }
  return {
    begin: (traceId, parent, origin) =>
      span !== null && isSampled(parent, origin) ? { traceId, spanId: newSpanId() } : null,
    within: ({ traceId }) => ({ traceId, spanId: newSpanId() }),
    end: (finished) => {
      span?.(finished);
      add('mosaic_telemetry_spans_total', 1, { state: 'recorded' });
    },
    count: (name, labels) => add(name, 1, labels),
    observe: (name, value, labels) => add(name, value, labels),
  };
};

/** The same log; lines that need a person are counted too. */
export const countAlerts = (log: Log, telemetry: Pick<Telemetry, 'count'>): Log => {
  const counting =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields?: LogFields): void => {
      const alert = fields?.['alert'];
      if (typeof alert === 'string') telemetry.count('mosaic_alerts_total', { alert });
      log[level](message, fields);
    };
  return {
    debug: counting('debug'),
    info: counting('info'),
    warn: counting('warn'),
    error: counting('error'),
  };
};
