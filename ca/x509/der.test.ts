import { GeneralizedTime, Integer, ObjectIdentifier, OctetString, Sequence, UTCTime } from 'asn1js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toHex } from './bytes.ts';
import { DerError, elements, oidText, single, TAG, timeValue, unsignedInteger } from './der.ts';

const der = (block: { toBER(): ArrayBuffer }): Uint8Array => new Uint8Array(block.toBER());

describe('strict DER', () => {
  test('reads what an independent encoder wrote, at every length', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 4 }), (values) => {
        const encoded = der(
          new Sequence({ value: values.map((v) => new OctetString({ valueHex: Uint8Array.from(v) })) }),
        );
        const read = elements(single(encoded, TAG.sequence, 'it').content);
        expect(read.map(({ content }) => toHex(content))).toEqual(values.map(toHex));
      }),
    );
  });

  test('object identifiers, also with large arcs', () => {
    for (const oid of [
      '2.5.29.15',
      '1.3.6.1.4.1.99999.2',
      '1.2.840.113549.1.1.11',
      '0.9.2342',
      '2.999.4294967296',
    ]) {
      expect(oidText(elements(der(new ObjectIdentifier({ value: oid })))[0])).toBe(oid);
    }
  });

  test('unsigned integers', () => {
    fc.assert(
      fc.property(fc.nat(), (value) => {
        const read = unsignedInteger(elements(der(new Integer({ value })))[0], 'it');
        expect(Number.parseInt(toHex(read), 16)).toBe(value);
      }),
    );
  });

  test('times, to the second', () => {
    const range = {
      min: new Date('1950-01-01T00:00:00Z'),
      max: new Date('2049-12-31T23:59:59Z'),
      noInvalidDate: true,
    };
    fc.assert(
      fc.property(fc.date(range), (valueDate) => {
        const whole = new Date(Math.floor(valueDate.getTime() / 1000) * 1000);
        expect(timeValue(elements(der(new UTCTime({ valueDate: whole })))[0])).toEqual(whole);
        expect(timeValue(elements(der(new GeneralizedTime({ valueDate: whole })))[0])).toEqual(whole);
      }),
    );
  });

  test.each([
    ['indefinite length', '3080020100 0000'],
    ['length in too many octets', '308103020100'],
    ['length with a leading zero octet', '30820003020100'],
    ['length beyond the end', '3004020100'],
    ['five length octets', '308500000000 03020100'],
    ['tag of several octets', '1f8101 00'],
    ['bytes after it', '300302010000'],
  ])('BER that is not DER is refused: %s', (_what, hex) => {
    const bytes = Uint8Array.from(hex.replaceAll(' ', '').match(/../g) ?? [], (pair) =>
      Number.parseInt(pair, 16),
    );
    expect(() => single(bytes, TAG.sequence, 'it')).toThrow(DerError);
  });

  test.each([
    '17 0d 3939313333313030303030305a',
    '17 0b 393931323331303030305a',
    '17 0d 3233303233303030303030305a',
    '17 0d 3233303130313234303030305a',
  ])('a time that does not exist is refused: %s', (hex) => {
    const bytes = Uint8Array.from(hex.replaceAll(' ', '').match(/../g) ?? [], (pair) =>
      Number.parseInt(pair, 16),
    );
    expect(() => timeValue(elements(bytes)[0])).toThrow(DerError);
  });

  test('what it accepts has one encoding: written again, the bytes are the same', () => {
    const lengthOf = (length: number): readonly number[] => (length < 0x80 ? [length] : [0x81, length]);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (bytes) => {
        try {
          const again = elements(bytes).flatMap(({ tag, content }) => [
            tag,
            ...lengthOf(content.length),
            ...content,
          ]);
          expect(again).toEqual([...bytes]);
        } catch (error) {
          expect(error).toBeInstanceOf(DerError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
