import { fromHex } from './bytes.ts';
import { TAG } from './der.ts';

/** All bytes one after the other, copied once. */
export const concat = (parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> => {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
};

const lengthOctets = (length: number): readonly number[] => {
  if (length < 0x80) return [length];
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return [0x80 | octets.length, ...octets];
};

/** One DER element (X.690 section 10): tag, minimal length, and the parts as its value. */
export const element = (tag: number, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> => {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return concat([Uint8Array.of(tag, ...lengthOctets(length)), ...parts]);
};

/** A non-negative INTEGER: no leading zero octet but the one that keeps it positive. */
export const integer = (magnitude: Uint8Array): Uint8Array<ArrayBuffer> => {
  const first = magnitude.findIndex((octet) => octet !== 0);
  const octets = first === -1 ? Uint8Array.of(0) : magnitude.subarray(first);
  return element(TAG.integer, ...((octets[0] ?? 0) >= 0x80 ? [Uint8Array.of(0)] : []), octets);
};

/** @param hex of any length */
export const integerOfHex = (hex: string): Uint8Array<ArrayBuffer> =>
  integer(fromHex(hex.length % 2 === 0 ? hex : `0${hex}`));

const encoder = new TextEncoder();

/** UTCTime until 2049, GeneralizedTime after (RFC 5280 section 4.1.2.5), in whole seconds. */
export const time = (date: Date): Uint8Array<ArrayBuffer> => {
  const text = `${date.toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`;
  const isShort = date.getUTCFullYear() < 2050;
  return element(isShort ? TAG.utcTime : TAG.generalizedTime, encoder.encode(isShort ? text.slice(2) : text));
};

/** OBJECT IDENTIFIER from its dotted text. */
export const oid = (dotted: string): Uint8Array<ArrayBuffer> => {
  const [root = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const octets = [root * 40 + second, ...rest].flatMap((arc) => {
    const groups = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      groups.unshift((left % 128) | 0x80);
    return groups;
  });
  return element(TAG.oid, Uint8Array.from(octets));
};
