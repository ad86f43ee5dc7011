import { hmac } from '@noble/hashes/hmac.js';
import { sha256 as digest } from '@noble/hashes/sha2.js';
import { sha256Hex } from '../../ca/x509/bytes.ts';
import type { Hash } from '../../domain/audit/chain.ts';
import type { Mac } from '../../domain/paging/cursor.ts';

/*
 * Synchronous hashing. WebCrypto would cost a trip through the event loop for each call (80 µs against 4 µs),
 * and these stand on the way of every request.
 */

export { toBase64Url } from '../../domain/bytes.ts';

const encoder = new TextEncoder();

/** HMAC-SHA-256 under `key`, which is expanded once. 32 bytes out. */
export const macWith = (key: Uint8Array): Mac => {
  const keyed = hmac.create(digest, key);
  return (message) => keyed.clone().update(message).digest();
};

/** SHA-256, 32 bytes. */
export const sha256 = (bytes: Uint8Array): Uint8Array => digest(bytes);

/** Synchronous hashing, as a runtime does it best: every implementation gives the same bytes. */
export interface Hashing {
  /** SHA-256, 32 bytes. */
  readonly sha256: Hash;
  /** HMAC-SHA-256 under `key`, 32 bytes out. */
  readonly macWith: (key: Uint8Array) => Mac;
}

/** In JavaScript alone, on every runtime. */
export const portableHashing: Hashing = { sha256, macWith };

/** SHA-256 of a text as UTF-8: 64 lower-case hexadecimal characters. */
export const hashText = (text: string): string => sha256Hex(encoder.encode(text));
