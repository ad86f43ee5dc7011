import { hash } from 'node:crypto';
import type { Hashing } from '../../../kernel/mac.ts';

const BLOCK_BYTES = 64;
const HASH_BYTES = 32;
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;

const sha256 = (bytes: Uint8Array): Uint8Array => hash('sha256', bytes, 'buffer');

const padded = (key: Uint8Array, pad: number): Uint8Array => {
  const block = new Uint8Array(BLOCK_BYTES).fill(pad);
  for (const [index, byte] of key.entries()) block[index] = byte ^ pad;
  return block;
};

/**
 * Node's own SHA-256, in one call: it stands on the way of every request five times. HMAC (RFC 2104) is put together of two such
 * calls: `createHmac` makes an object outside of the heap each time, whose end the garbage collector has to see to.
 */
export const nodeHashing: Hashing = {
  sha256,
  macWith: (key) => {
    const short = key.length > BLOCK_BYTES ? sha256(key) : key;
    const inner = padded(short, INNER_PAD);
    const outer = padded(short, OUTER_PAD);
    return (message) => {
      const within = new Uint8Array(BLOCK_BYTES + message.length);
      within.set(inner);
      within.set(message, BLOCK_BYTES);
      const around = new Uint8Array(BLOCK_BYTES + HASH_BYTES);
      around.set(outer);
      around.set(sha256(within), BLOCK_BYTES);
      return sha256(around);
    };
  },
};
