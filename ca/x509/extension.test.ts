import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MALFORMED_VALUES, SAMPLE_ID } from '../testing/malformed.testkit.ts';
import { decodeIdentityExtension, encodeIdentityExtension } from './extension.ts';

describe('identity extension', () => {
  test('is 0C 24 and the 36 characters, read back as they were', () => {
    fc.assert(
      fc.property(fc.uuid(), (uuid) => {
        const value = encodeIdentityExtension(uuid);
        expect(value.slice(0, 2)).toEqual(Uint8Array.of(0x0c, 0x24));
        expect(value).toHaveLength(38);
        expect(decodeIdentityExtension(value)).toEqual({ ok: true, value: uuid });
      }),
    );
  });

  test('X-11: only what would be written again byte for byte is read', () => {
    const nearly = fc.tuple(fc.uuid(), fc.nat(37), fc.nat(255)).map(([uuid, at, byte]) => {
      const value = encodeIdentityExtension(uuid);
      value[at] = byte;
      return value;
    });
    fc.assert(
      fc.property(fc.oneof(nearly, fc.uint8Array({ maxLength: 60 })), (value) => {
        const decoded = decodeIdentityExtension(value);
        if (decoded.ok) expect(encodeIdentityExtension(decoded.value)).toEqual(value);
      }),
      { numRuns: 2000 },
    );
  });

  test.each(MALFORMED_VALUES)('X-11: refused: %s', (_what, value) => {
    expect(decodeIdentityExtension(value).ok).toBe(false);
  });

  test('an operator is told whether it is another type, another length, or no identifier', () => {
    const good = [...encodeIdentityExtension(SAMPLE_ID)];
    const told = (...octets: readonly number[]) => decodeIdentityExtension(Uint8Array.from(octets));
    const [, length = 0, ...text] = good;
    for (const value of [[], [0x13, length, ...text], [0x04]])
      expect(told(...value)).toEqual({ ok: false, error: 'the value is not a UTF8String' });
    for (const value of [[0x0c], [0x0c, 0x23, ...text], good.slice(0, -1), [...good, 0]])
      expect(told(...value)).toEqual({ ok: false, error: 'the value is not a UTF8String of 36 octets' });
    expect(told(0x0c, length, ...text.toReversed())).toEqual({
      ok: false,
      error: 'the value is not a lower-case UUID',
    });
  });

  test.each(['', 'x', SAMPLE_ID.toUpperCase(), `${SAMPLE_ID} `])(
    'nothing but a UUID is written: %j',
    (text) => {
      expect(() => encodeIdentityExtension(text)).toThrow(TypeError);
    },
  );
});
