import type { Hash } from '../../domain/audit/chain.ts';
import { toHex } from '../../domain/bytes.ts';
import type { Mac } from '../../domain/paging/cursor.ts';
import type { Random } from '../../domain/ports/basics.ts';
import { sha256 } from '../kernel/mac.ts';
import { isMarkedText, newMarkedText } from '../kernel/token-mark.ts';

const TOKEN = /^mos_[A-Za-z0-9_-]{43}$/;
const LABEL = 'mosaic-token-1';

const encoder = new TextEncoder();

/** New API token, shown once: `mos_` and a text that bears this gateway's mark. */
export const newTokenText = (random: Random, mac: Mac): string => `mos_${newMarkedText(LABEL, random, mac)}`;

/** Whether this gateway made the token. Those of earlier versions, and those made by hand in the database, bear no mark. */
export const isMarked = (text: string, mac: Mac): boolean =>
  isMarkedText(LABEL, text.slice('mos_'.length), mac);

export const isTokenText = (text: string): boolean => TOKEN.test(text);

/** What is stored instead of a token: SHA-256 of its text, lower-case hexadecimal. 176 random bits need no salt. */
export const hashToken = (text: string, hash: Hash = sha256): string => toHex(hash(encoder.encode(text)));
