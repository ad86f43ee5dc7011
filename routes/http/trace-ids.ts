import { toHex } from '../../domain/bytes.ts';
import type { Random } from '../../domain/ports/basics.ts';

const TRACE_ID_BYTES = 16;
const TRACE_IDS_AT_ONCE = 256;

/** New trace ids. Randomness is fetched for many at once: a call for 16 bytes costs more than the rest of the id. */
export const traceIds = (random: Random): (() => string) => {
  let hex = '';
  let at = 0;
  return () => {
    if (at === hex.length) {
      const bytes = random.bytes(TRACE_ID_BYTES * TRACE_IDS_AT_ONCE);
      hex = toHex(bytes);
      at = 0;
    }
    at += TRACE_ID_BYTES * 2;
    return hex.slice(at - TRACE_ID_BYTES * 2, at);
  };
};
