import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { Random } from '../../domain/ports/basics.ts';

const TOKEN = /^mos_[A-Za-z0-9_-]{43}$/;
const TOKEN_BYTES = 32;

/** New API token, shown once: `mos_` and base64url of 32 random bytes. */
export const newTokenText = (random: Random): string =>
  `mos_${btoa(String.fromCharCode(...random.bytes(TOKEN_BYTES)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')}`;

export const isTokenText = (text: string): boolean => TOKEN.test(text);

/** What is stored instead of a token: SHA-256 of its text, lower-case hexadecimal. 256 random bits need no salt. */
export const hashToken = (text: string): string => bytesToHex(sha256(utf8ToBytes(text)));
