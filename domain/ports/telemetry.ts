import type { TraceParent } from '../telemetry/traceparent.ts';
import type { CounterName, HistogramName, Labels } from '../telemetry/metrics.ts';

/** A span that is recorded, as others refer to it (W3C trace context). */
export interface SpanContext {
  /** 32 lower-case hexadecimal characters. */
  readonly traceId: string;
  /** 16. */
  readonly spanId: string;
}

/** Who asks decides how far its wish to be traced counts (docs/how-to/observability.md). */
export type TraceOrigin = 'client' | 'peer' | 'gateway';

/** What happened, once it is over. Nothing in it is text that anybody sent. */
export interface FinishedSpan {
  readonly context: SpanContext;
  /** null: the first of its trace. */
  readonly parentId: string | null;
  readonly name: 'federation.request' | 'federation.query';
  readonly kind: 'client' | 'server';
  readonly startedAt: Date;
  readonly durationMs: number;
  readonly isError: boolean;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
}

/**
 * Tells whoever watches the gateway what it does. Where nobody watches there is none (`Deps.telemetry` is absent), so that
 * nothing is prepared for it either. Nothing here waits, fails or throws.
 */
export interface Telemetry {
  /** A new span of a trace, or null when it is not to be recorded. */
  begin(traceId: string, parent: TraceParent | null, origin: TraceOrigin): SpanContext | null;
  /** A span within a recorded one. */
  within(parent: SpanContext): SpanContext;
  /** Of a context that `begin` or `within` gave, once. */
  end(span: FinishedSpan): void;
  count<N extends CounterName>(name: N, labels: Labels<N>): void;
  observe<N extends HistogramName>(name: N, value: number, labels: Labels<N>): void;
}
