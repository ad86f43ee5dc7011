import { equalBytes, fromBase64Url, toBase64Url } from '../../domain/bytes.ts';
import type { Mac } from '../../domain/paging/cursor.ts';
import type { Random } from '../../domain/ports/basics.ts';

const RANDOM_BYTES = 22;
const MARK_BYTES = 10;

/** Names what a mark is for: a key of the gateway makes many. No label begins with another one. */
export type MarkLabel = 'mosaic-token-1' | 'mosaic-enrollment-token-1';

const encoder = new TextEncoder();

const markOf = (mac: Mac, label: MarkLabel, random: Uint8Array): Uint8Array =>
  mac(Uint8Array.of(...encoder.encode(label), ...random)).subarray(0, MARK_BYTES);

/**
 * Makes a secret text of 43 characters: base64url of 22 random bytes and of 10 that mark it as this gateway's, by a key that all its
 * replicas share. The mark proves nothing but where the text comes from; it does so without asking a store.
 */
export const newMarkedText = (label: MarkLabel, random: Random, mac: Mac): string => {
  const bytes = random.bytes(RANDOM_BYTES);
  return toBase64Url(Uint8Array.of(...bytes, ...markOf(mac, label, bytes)));
};

/** Whether this gateway made the text, under that label and the key it has today. */
export const isMarkedText = (label: MarkLabel, text: string, mac: Mac): boolean => {
  const bytes = fromBase64Url(text);
  if (bytes?.length !== RANDOM_BYTES + MARK_BYTES) return false;
  return equalBytes(bytes.subarray(RANDOM_BYTES), markOf(mac, label, bytes.subarray(0, RANDOM_BYTES)));
};
