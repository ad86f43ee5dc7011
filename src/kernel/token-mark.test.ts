import { describe, expect, it } from 'vitest';
import { fromBase64Url, toBase64Url } from '../../domain/bytes.ts';
import { macWith } from './mac.ts';
import { isMarkedText, newMarkedText } from './token-mark.ts';

const LABELS = ['mosaic-token-1', 'mosaic-enrollment-token-1'] as const;
const [mine, theirs] = [macWith(new Uint8Array(32)), macWith(new Uint8Array(32).fill(1))];
const random = { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };

describe('N-8 a text that bears the mark of the gateway', () => {
  it.each(LABELS)('%s: is known by whoever has the key, and by nobody else', (label) => {
    const text = newMarkedText(label, random, mine);
    expect(text).toMatch(/^[\w-]{43}$/);
    expect(isMarkedText(label, text, mine)).toBe(true);
    expect(isMarkedText(label, text, theirs)).toBe(false);
  });

  it('has 176 random bits and 80 of a mark', () => {
    const asked: number[] = [];
    const bytes = (length: number) => {
      asked.push(length);
      return new Uint8Array(length).fill(0xfb);
    };
    const made = fromBase64Url(newMarkedText(LABELS[1], { bytes }, mine));
    expect(asked).toEqual([22]);
    expect(made?.length).toBe(32);
    const message = new TextEncoder().encode(`mosaic-enrollment-token-1${'.'.repeat(22)}`);
    message.fill(0xfb, -22);
    expect(made?.subarray(22)).toEqual(mine(message).subarray(0, 10));
  });

  it('is marked for one purpose: a mark made for another one does not count', () => {
    const [tokens, enrollment] = LABELS;
    expect(isMarkedText(enrollment, newMarkedText(tokens, random, mine), mine)).toBe(false);
    expect(isMarkedText(tokens, newMarkedText(enrollment, random, mine), mine)).toBe(false);
  });

  it('is whole: with any bit turned over, shortened or lengthened it bears no mark', () => {
    const made = fromBase64Url(newMarkedText(LABELS[1], random, mine)) ?? new Uint8Array();
    for (let bit = 0; bit < 256; bit += 1) {
      const other = Uint8Array.from(made);
      other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(isMarkedText(LABELS[1], toBase64Url(other), mine)).toBe(false);
    }
    for (const other of [made.subarray(0, 31), Uint8Array.of(...made, 0), made.subarray(0, 22)])
      expect(isMarkedText(LABELS[1], toBase64Url(other), mine)).toBe(false);
    for (const other of ['', '=', 'é'.repeat(43), `${toBase64Url(made)}=`, ` ${toBase64Url(made)}`])
      expect(isMarkedText(LABELS[1], other, mine)).toBe(false);
  });
});
