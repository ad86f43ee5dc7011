import { sha256 } from '@noble/hashes/sha2.js';
import { toHex } from '../../domain/bytes.ts';

export { equalBytes as sameBytes, toHex } from '../../domain/bytes.ts';

/** @param hex an even number of hexadecimal digits */
export const fromHex = (hex: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

/** SHA-256, lower-case hexadecimal. */
export const sha256Hex = (bytes: Uint8Array): string => toHex(sha256(bytes));

/** A copy over a plain ArrayBuffer, which WebCrypto's types ask for. */
export const copyBytes = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);

/** Serial numbers as this product writes them: lower-case hexadecimal without leading zeros. */
export const serialText = (magnitude: Uint8Array): string => toHex(magnitude).replace(/^0+(?=.)/, '');

/** The octet at a place that is known to be there. Elsewhere it is 0xff, which ends nothing and is above every bound. */
export const octetAt = (bytes: Uint8Array, at: number): number => bytes[at] ?? 0xff;
