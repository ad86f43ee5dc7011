import { toHex } from '../../domain/bytes.ts';
import type { Random } from '../../domain/ports/basics.ts';

/**
 * W3C `traceparent` for a call made on behalf of a request: its trace, a span id of our own, not sampled by us.
 * @param traceId 32 lower-case hexadecimal characters
 */
export const traceparent = (random: Random, traceId: string): string =>
  `00-${traceId}-${toHex(random.bytes(8))}-00`;
