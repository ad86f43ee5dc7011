import { toHex } from '../../domain/bytes.ts';
import type { Random } from '../../domain/ports/basics.ts';

const SPAN_ID_BYTES = 8;
const SPAN_IDS_AT_ONCE = 256;

/**
 * New span ids of W3C Trace Context, 16 lower-case hexadecimal digits. Randomness is fetched for many at once: a call for eight bytes
 * costs more than all else here.
 */
export const createSpanIds = (random: Random): (() => string) => {
  let hex = '';
  let at = 0;
  return () => {
    if (at === hex.length) {
      hex = toHex(random.bytes(SPAN_ID_BYTES * SPAN_IDS_AT_ONCE));
      at = 0;
    }
    at += SPAN_ID_BYTES * 2;
    return hex.slice(at - SPAN_ID_BYTES * 2, at);
  };
};
