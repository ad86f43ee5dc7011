import { SpanKind, SpanStatusCode, TraceFlags, type HrTime, type SpanContext } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter } from '@opentelemetry/sdk-trace';
import type { FinishedSpan } from '../../../domain/ports/telemetry.ts';
import { VERSION } from '../../app/app.ts';

export const SCOPE = { name: 'mosaic-federation', version: VERSION };

const hrTime = (milliseconds: number): HrTime => {
  const seconds = Math.floor(milliseconds / 1_000);
  return [seconds, Math.round((milliseconds - seconds * 1_000) * 1e6)];
};

const contextOf = (traceId: string, spanId: string, isRemote?: true): SpanContext => ({
  traceId,
  spanId,
  traceFlags: TraceFlags.SAMPLED,
  ...(isRemote === undefined ? {} : { isRemote }),
});

/** As the SDK's exporters read a span. It is over when we hear of it, so none of the SDK's own machinery is needed for it. */
const readable = (span: FinishedSpan, resource: Resource): ReadableSpan => {
  const { context, parentId, startedAt, durationMs, isError } = span;
  const start = startedAt.getTime();
  return {
    name: span.name,
    kind: span.kind === 'server' ? SpanKind.SERVER : SpanKind.CLIENT,
    spanContext: () => contextOf(context.traceId, context.spanId),
    ...(parentId === null
      ? {}
      : { parentSpanContext: contextOf(context.traceId, parentId, ...remote(span)) }),
    startTime: hrTime(start),
    endTime: hrTime(start + durationMs),
    duration: hrTime(durationMs),
    status: { code: isError ? SpanStatusCode.ERROR : SpanStatusCode.UNSET },
    attributes: { ...span.attributes },
    links: [],
    events: [],
    ended: true,
    resource,
    instrumentationScope: SCOPE,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
};

/** What a server answers was asked from elsewhere. */
const remote = ({ kind }: FinishedSpan): [] | [true] => (kind === 'server' ? [true] : []);

export interface SpanPipe {
  readonly send: (span: FinishedSpan) => void;
  stop(): Promise<void>;
}

/** A bounded queue and batches; beyond 2048 spans that wait, new ones are dropped rather than anybody held up. */
export const pipeSpans = (exporter: SpanExporter, resource: Resource, delayMs: number): SpanPipe => {
  const processor = new BatchSpanProcessor({ exporter, scheduledDelayMillis: delayMs });
  return {
    send: (span) => processor.onEnd(readable(span, resource)),
    stop: () => processor.shutdown(),
  };
};
