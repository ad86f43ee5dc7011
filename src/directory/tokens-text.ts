import type { Hash } from '../../domain/audit/chain.ts';
import { equalBytes, fromBase64Url, toBase64Url, toHex } from '../../domain/bytes.ts';
import type { Mac } from '../../domain/paging/cursor.ts';
import type { Random } from '../../domain/ports/basics.ts';
import { sha256 } from '../kernel/mac.ts';

const TOKEN = /^mos_[A-Za-z0-9_-]{43}$/;
const RANDOM_BYTES = 22;
const MARK_BYTES = 10;
const LABEL = 'mosaic-token-1';

const encoder = new TextEncoder();

const markOf = (mac: Mac, random: Uint8Array): Uint8Array =>
  mac(Uint8Array.of(...encoder.encode(LABEL), ...random)).subarray(0, MARK_BYTES);

/**
 * New API token, shown once: `mos_` and base64url of 22 random bytes and 10 that mark it as this gateway's, by a key of the gateway.
 * The mark proves nothing but where a token comes from, without asking the database.
 */
export const newTokenText = (random: Random, mac: Mac): string => {
  const bytes = random.bytes(RANDOM_BYTES);
  return `mos_${toBase64Url(Uint8Array.of(...bytes, ...markOf(mac, bytes)))}`;
};

/** Whether this gateway made the token. Those of earlier versions, and those made by hand in the database, bear no mark. */
export const isMarked = (text: string, mac: Mac): boolean => {
  const bytes = fromBase64Url(text.slice('mos_'.length));
  if (bytes?.length !== RANDOM_BYTES + MARK_BYTES) return false;
  return equalBytes(bytes.subarray(RANDOM_BYTES), markOf(mac, bytes.subarray(0, RANDOM_BYTES)));
};

export const isTokenText = (text: string): boolean => TOKEN.test(text);

/** What is stored instead of a token: SHA-256 of its text, lower-case hexadecimal. 176 random bits need no salt. */
export const hashToken = (text: string, hash: Hash = sha256): string => toHex(hash(encoder.encode(text)));
