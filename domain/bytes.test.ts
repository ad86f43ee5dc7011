import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equalBytes, fromBase64Url, toBase64Url, toHex } from './bytes.ts';

const bytes = fc.uint8Array({ maxLength: 100 });

describe('texts of bytes', () => {
  it('are those of another implementation', () => {
    fc.assert(
      fc.property(bytes, (value) => {
        expect(toHex(value)).toBe(Buffer.from(value).toString('hex'));
        expect(toBase64Url(value)).toBe(Buffer.from(value).toString('base64url'));
      }),
    );
  });

  it('base64url gives the bytes back', () => {
    fc.assert(
      fc.property(bytes, (value) => {
        expect(fromBase64Url(toBase64Url(value))).toEqual(value);
      }),
    );
  });

  it('X-43 no second text stands for the same bytes', () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom('A', 'Q', 'g', 'w', '-', '_', '+', '/', '=', ' ', '\u0000', 'é'),
          maxLength: 12,
        }),
        (text) => {
          const read = fromBase64Url(text);
          if (read !== null) expect(toBase64Url(read)).toBe(text);
        },
      ),
    );
    expect([fromBase64Url('QQ'), fromBase64Url('QR'), fromBase64Url('QQ=='), fromBase64Url('Q')]).toEqual([
      Uint8Array.of(65),
      null,
      null,
      null,
    ]);
  });

  it('are equal only when all bytes and the lengths are', () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(equalBytes(a, b)).toBe(Buffer.from(a).equals(Buffer.from(b)));
      }),
    );
    fc.assert(
      fc.property(bytes, (a) => {
        expect(equalBytes(a, a.slice())).toBe(true);
      }),
    );
  });
});
