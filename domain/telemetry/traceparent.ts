/** What a request said of the trace it belongs to (W3C trace context). */
export interface TraceParent {
  /** 32 lower-case hexadecimal characters. */
  readonly traceId: string;
  /** Of the span it was sent from: 16. */
  readonly spanId: string;
  /** Its sender records that span. */
  readonly isSampled: boolean;
}

/** Version 00 ends after the flags; what a later one may append is not ours to read. */
const TRACEPARENT =
  /^(?:00(?=.{53}$)|(?!00|ff)[0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;
const SAMPLED = 1;

/** The trace id of a `traceparent` header, or null when there is none that is well formed. */
export const traceIdOf = (header: string | undefined): string | null =>
  TRACEPARENT.exec(header ?? '')?.[1] ?? null;

const TRACE_ID = /^(?!0{32})[0-9a-f]{32}$/;

/**
 * The trace id that a request came with: of its `traceparent`, and otherwise the one that a front has given it, under which the
 * front's own log has the request.
 *
 * @param given the `mosaic-trace-id` header
 */
export const requestTraceId = (header: string | undefined, given: string | undefined): string | null =>
  traceIdOf(header) ?? TRACE_ID.exec(given ?? '')?.[0] ?? null;

/** The whole of it: null exactly where `traceIdOf` is null. */
export const readTraceparent = (header: string | undefined): TraceParent | null => {
  const [, traceId, spanId, flags = ''] = TRACEPARENT.exec(header ?? '') ?? [];
  if (traceId === undefined || spanId === undefined) return null;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & SAMPLED) === SAMPLED };
};

export const writeTraceparent = (traceId: string, spanId: string, isSampled: boolean): string =>
  `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}`;
