import type { Random } from '../../domain/ports/basics.ts';

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/**
 * W3C `traceparent` for a call made on behalf of a request: its trace, a span id of our own, not sampled by us.
 * @param traceId 32 lower-case hexadecimal characters
 */
export const traceparent = (random: Random, traceId: string): string =>
  `00-${traceId}-${hex(random.bytes(8))}-00`;
