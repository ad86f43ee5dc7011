import type { Attributes, Observable } from '@opentelemetry/api';
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import type { Resource } from '@opentelemetry/resources';
import {
  MeterProvider,
  MetricReader,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics';
import {
  METRIC_NAMES,
  metricSpec,
  type MetricName,
  type Reading,
} from '../../../domain/telemetry/metrics.ts';
import { SCOPE } from './spans.ts';

export interface Meters {
  readonly record: (name: MetricName, value: number, labels: Attributes) => void;
  /** From now on also what is read when somebody looks. */
  read(readings: () => Promise<readonly Reading[]>): void;
  /** Prometheus’ text format. */
  text(): Promise<string>;
  stop(): Promise<void>;
}

/** Collects when it is asked to, and sends nothing anywhere. */
class PullReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

interface MeterParts {
  readonly resource: Resource;
  /** null: metrics are only read here. */
  readonly push: { readonly exporter: PushMetricExporter; readonly intervalMs: number } | null;
}

export const openMeters = ({ resource, push }: MeterParts): Meters => {
  const pull = new PullReader();
  const readers: MetricReader[] = [pull];
  if (push !== null) {
    const { exporter, intervalMs: exportIntervalMillis } = push;
    const exportTimeoutMillis = Math.min(exportIntervalMillis, 10_000);
    readers.push(new PeriodicExportingMetricReader({ exporter, exportIntervalMillis, exportTimeoutMillis }));
  }
  const provider = new MeterProvider({ resource, readers });
  const meter = provider.getMeter(SCOPE.name, SCOPE.version);
  const fed = new Map<MetricName, (value: number, labels: Attributes) => void>();
  const observed = new Map<MetricName, Observable>();
  for (const name of METRIC_NAMES) {
    const { kind, help: description, buckets } = metricSpec(name);
    if (kind === 'counter') {
      const counter = meter.createCounter(name, { description });
      fed.set(name, (value, labels) => counter.add(value, labels));
    } else if (kind === 'histogram') {
      const advice = { explicitBucketBoundaries: [...(buckets ?? [])] };
      const histogram = meter.createHistogram(name, { description, advice });
      fed.set(name, (value, labels) => histogram.record(value, labels));
    } else {
      const make = kind === 'total' ? 'createObservableCounter' : 'createObservableGauge';
      observed.set(name, meter[make](name, { description }));
    }
  }
  const serializer = new PrometheusSerializer('', false, undefined, true, true);
  return {
    record: (name, value, labels) => fed.get(name)?.(value, labels),
    read: (readings) => {
      meter.addBatchObservableCallback(
        async (result) => {
          for (const { name, value, labels } of await readings()) {
            const instrument = observed.get(name);
            if (instrument !== undefined) result.observe(instrument, value, { ...labels });
          }
        },
        [...observed.values()],
      );
    },
    text: async () => serializer.serialize((await pull.collect()).resourceMetrics),
    stop: () => provider.shutdown(),
  };
};
