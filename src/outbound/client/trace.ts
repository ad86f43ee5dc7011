import { toHex } from '../../../domain/bytes.ts';
import type { Random } from '../../../domain/ports/basics.ts';

const SPAN_ID_DIGITS = 16;
const SPAN_IDS_AT_ONCE = 256;

interface Pool {
  hex: string;
  at: number;
}
const pools = new WeakMap<Random, Pool>();

/** Randomness is fetched for many at once: a call for eight bytes costs more than all else here. */
const spanId = (random: Random): string => {
  const pool = pools.get(random) ?? { hex: '', at: 0 };
  if (pool.at === pool.hex.length) {
    pool.hex = toHex(random.bytes((SPAN_ID_DIGITS / 2) * SPAN_IDS_AT_ONCE));
    pool.at = 0;
    pools.set(random, pool);
  }
  pool.at += SPAN_ID_DIGITS;
  return pool.hex.slice(pool.at - SPAN_ID_DIGITS, pool.at);
};

/**
 * W3C `traceparent` for a call made on behalf of a request: its trace, a span id of our own, not sampled by us.
 * @param traceId 32 lower-case hexadecimal characters
 */
export const traceparent = (random: Random, traceId: string): string => `00-${traceId}-${spanId(random)}-00`;
