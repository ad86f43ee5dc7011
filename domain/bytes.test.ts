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

describe('MUTANTS bytes texts at their edges', () => {
  it.each([
    [[], '', ''],
    [[0], '00', 'AA'],
    [[255], 'ff', '_w'],
    [[255, 255], 'ffff', '__8'],
    [[255, 255, 255], 'ffffff', '____'],
    [[251, 239, 190, 1], 'fbefbe01', '----AQ'],
    [[16, 131, 16, 81, 135, 32], '108310518720', 'EIMQUYcg'],
  ])('%j is %s and %s, both ways', (octets, hex, base64) => {
    const value = Uint8Array.from(octets);
    expect([toHex(value), toBase64Url(value)]).toEqual([hex, base64]);
    expect(fromBase64Url(base64)).toEqual(value);
  });

  it.each(['A', 'AAAAA', 'AB', 'AAB', '=', 'AA==', 'A+', 'A/', ' AA', 'AA ', 'AA\n', 'é', '**'])(
    '%j is no text of bytes',
    (text) => expect(fromBase64Url(text)).toBeNull(),
  );

  it.each([
    [[1, 2], [1, 2], true],
    [[1, 2], [1, 3], false],
    [[0, 2], [1, 2], false],
    [[3, 0], [1, 2], false],
    [[1, 2], [1], false],
    [[1], [1, 2], false],
    [[1], [1, 0], false],
    [[1, 0], [1], false],
    [[], [], true],
    [[], [0], false],
  ])('%j and %j are equal: %s', (a, b, equal) =>
    expect(equalBytes(Uint8Array.from(a), Uint8Array.from(b))).toBe(equal),
  );
});
