import type { FinishedSpan, Telemetry } from '../../domain/ports/telemetry.ts';
import type { SamplingTerms } from '../../domain/telemetry/sampling.ts';
import { createTelemetry } from './telemetry.ts';

export interface Recorded {
  readonly name: string;
  readonly value: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** The real thing, into lists. */
export const recordTelemetry = (
  sampling: SamplingTerms = { ratio: 1, wishesPerSecond: 10 },
): {
  readonly telemetry: Telemetry;
  readonly spans: readonly FinishedSpan[];
  readonly metrics: readonly Recorded[];
} => {
  const spans: FinishedSpan[] = [];
  const metrics: Recorded[] = [];
  const telemetry = createTelemetry({
    sinks: {
      span: (span) => void spans.push(span),
      record: (name, value, labels) => void metrics.push({ name, value, labels }),
    },
    sampling,
    random: { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) },
    clock: { now: () => new Date() },
    chance: Math.random,
  });
  return { telemetry, spans, metrics };
};
