/**
 * W3C `traceparent` for a call made on behalf of a request: its trace, a span id of our own, not sampled by us.
 * @param traceId 32 lower-case hexadecimal characters
 */
export const traceparent = (newSpanId: () => string, traceId: string): string =>
  `00-${traceId}-${newSpanId()}-00`;
