import type { Hash } from '../../domain/audit/chain.ts';
import { toHex } from '../../domain/bytes.ts';
import type { Random } from '../../domain/ports/basics.ts';
import { sha256 } from './mac.ts';

const TOKEN = /^mos_[A-Za-z0-9_-]{43}$/;
const TOKEN_BYTES = 32;

/** New API token, shown once: `mos_` and base64url of 32 random bytes. */
export const newTokenText = (random: Random): string =>
  `mos_${btoa(String.fromCharCode(...random.bytes(TOKEN_BYTES)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')}`;

export const isTokenText = (text: string): boolean => TOKEN.test(text);

const encoder = new TextEncoder();

/** What is stored instead of a token: SHA-256 of its text, lower-case hexadecimal. 256 random bits need no salt. */
export const hashToken = (text: string, hash: Hash = sha256): string => toHex(hash(encoder.encode(text)));
