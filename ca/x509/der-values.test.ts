import * as asn1 from 'asn1js';
import { describe, expect, it } from 'vitest';
import { element } from './der-write.ts';
import {
  bitStringOctets,
  contextTag,
  DerError,
  elements,
  expectTag,
  members,
  oidText,
  single,
  TAG,
  timeValue,
  unsignedInteger,
} from './der.ts';

const tagOf = (block: { toBER(): ArrayBuffer }): number => new Uint8Array(block.toBER())[0] ?? 0;
const of = (tag: number, ...octets: readonly number[]) => elements(element(tag, Uint8Array.from(octets)))[0];
const ofText = (tag: number, text: string) => elements(element(tag, new TextEncoder().encode(text)))[0];

describe('MUTANTS der elements', () => {
  it('have the tags that an independent encoder writes', () => {
    expect(TAG).toEqual({
      boolean: tagOf(new asn1.Boolean({ value: true })),
      integer: tagOf(new asn1.Integer({ value: 1 })),
      bitString: tagOf(new asn1.BitString({ valueHex: new ArrayBuffer(1) })),
      octetString: tagOf(new asn1.OctetString({ valueHex: new ArrayBuffer(1) })),
      nul: tagOf(new asn1.Null()),
      oid: tagOf(new asn1.ObjectIdentifier({ value: '1.2.3' })),
      utf8String: tagOf(new asn1.Utf8String({ value: 'x' })),
      utcTime: tagOf(new asn1.UTCTime({ valueDate: new Date(0) })),
      generalizedTime: tagOf(new asn1.GeneralizedTime({ valueDate: new Date(0) })),
      sequence: tagOf(new asn1.Sequence()),
      set: tagOf(new asn1.Set()),
    });
    for (const tagNumber of [0, 1, 3, 7])
      expect(contextTag(tagNumber)).toBe(
        tagOf(new asn1.Constructed({ idBlock: { tagClass: 3, tagNumber } })),
      );
  });

  it('are given with their content and with what is around it', () => {
    const bytes = Uint8Array.of(0x04, 0x02, 0xaa, 0xbb, 0x05, 0x00);
    expect(elements(bytes)).toEqual([
      { tag: 0x04, content: Uint8Array.of(0xaa, 0xbb), raw: bytes.subarray(0, 4) },
      { tag: 0x05, content: new Uint8Array(), raw: bytes.subarray(4) },
    ]);
    expect(elements(new Uint8Array())).toEqual([]);
  });

  it('are at most 128 side by side, unless the reader says otherwise', () => {
    const nulls = (count: number) => new Uint8Array(2 * count).map((_, index) => (index % 2 === 0 ? 5 : 0));
    expect(elements(nulls(128))).toHaveLength(128);
    expect(() => elements(nulls(129))).toThrow('there are too many elements');
    expect(elements(nulls(3), 3)).toHaveLength(3);
    expect(() => elements(nulls(4), 3)).toThrow('there are too many elements');
    expect(elements(nulls(300), 300)).toHaveLength(300);
  });

  it('are told by their tag, alone and among others', () => {
    const nul = of(TAG.nul);
    expect(expectTag(nul, TAG.nul, 'it')).toBe(nul);
    for (const other of [of(TAG.oid), of(TAG.sequence), undefined])
      expect(() => expectTag(other, TAG.nul, 'it')).toThrow(
        new DerError('it is missing or has the wrong type'),
      );
    expect(members(of(TAG.sequence, 5, 0), 'it')).toEqual([nul]);
    expect(members(of(TAG.set, 5, 0), 'it', TAG.set)).toEqual([nul]);
    expect(() => members(of(TAG.set, 5, 0), 'it')).toThrow('it is missing or has the wrong type');
    expect(single(Uint8Array.of(5, 0), TAG.nul, 'it')).toEqual(nul);
    expect(() => single(Uint8Array.of(5, 0), TAG.oid, 'it')).toThrow('it is missing or has the wrong type');
    expect(() => single(Uint8Array.of(5, 0, 5, 0), TAG.nul, 'it')).toThrow('it is followed by other bytes');
    for (const tag of [0, TAG.nul])
      expect(() => single(new Uint8Array(), tag, 'it')).toThrow('it is missing or has the wrong type');
  });
});

describe('MUTANTS der values', () => {
  it.each([
    ['0.0', [0]],
    ['0.39', [39]],
    ['1.0', [40]],
    ['1.39', [79]],
    ['2.0', [80]],
    ['2.47', [127]],
    ['2.48', [0x81, 0x00]],
    ['2.5.127', [0x55, 0x7f]],
    ['2.5.128', [0x55, 0x81, 0x00]],
    ['2.5.16384.1', [0x55, 0x81, 0x80, 0x00, 0x01]],
    ['2.5.18446744073709551615', [0x55, 0x81, ...Array.from({ length: 8 }, () => 0xff), 0x7f]],
  ])('the object identifier %s', (text, octets) => {
    expect(oidText(of(TAG.oid, ...octets))).toBe(text);
  });

  it.each([
    ['nothing', [], 'cut'],
    ['an arc that goes on', [0x81], 'cut'],
    ['a second arc that goes on', [0x55, 0x84], 'cut'],
    ['a first arc with a leading zero', [0x80, 0x01], 'not minimal'],
    ['a second arc with a leading zero', [0x55, 0x80, 0x01], 'not minimal'],
    ['a later arc with a leading zero', [0x55, 0x81, 0x00, 0x80, 0x01], 'not minimal'],
  ])('no object identifier is %s', (_what, octets, why) => {
    expect(() => oidText(of(TAG.oid, ...octets))).toThrow(new DerError(`an object identifier is ${why}`));
  });

  it('an integer is one or more octets, not negative, in its shortest form', () => {
    const read = (...octets: readonly number[]) => [...unsignedInteger(of(TAG.integer, ...octets), 'it')];
    expect(read(0)).toEqual([0]);
    expect(read(1)).toEqual([1]);
    expect(read(0x7f)).toEqual([0x7f]);
    expect(read(0, 0x80)).toEqual([0x80]);
    expect(read(0, 0xff, 0)).toEqual([0xff, 0]);
    expect(read(1, 0)).toEqual([1, 0]);
    for (const bad of [[], [0x80], [0x81, 0], [0xff]])
      expect(() => read(...bad)).toThrow('it is empty or negative');
    for (const bad of [
      [0, 0],
      [0, 1],
      [0, 0x7f],
      [0, 0, 0x80],
    ])
      expect(() => read(...bad)).toThrow('it is not minimal');
    expect(() => unsignedInteger(of(TAG.nul), 'it')).toThrow('it is missing or has the wrong type');
  });

  it('an integer has the octets that it may have, its sign not counted', () => {
    const read = (octets: readonly number[], most?: number) =>
      unsignedInteger(of(TAG.integer, ...octets), 'it', most).length;
    const times = (count: number, octet: number) => Array.from({ length: count }, () => octet);
    for (const [most, given] of [
      [20, undefined],
      [3, 3],
    ] as const) {
      expect(read(times(most, 0x7f), given)).toBe(most);
      expect(read([0, ...times(most, 0xff)], given)).toBe(most);
      for (const long of [times(most + 1, 0x7f), [0, ...times(most + 1, 0xff)], times(most + 2, 0x7f)])
        expect(() => read(long, given)).toThrow('it is too long');
    }
  });

  it('a bit string of whole octets has no bits left over', () => {
    expect([...bitStringOctets(of(TAG.bitString, 0, 1, 2), 'it')]).toEqual([1, 2]);
    expect([...bitStringOctets(of(TAG.bitString, 0), 'it')]).toEqual([]);
    for (const bad of [[], [1, 0], [7, 0x80], [8, 0]])
      expect(() => bitStringOctets(of(TAG.bitString, ...bad), 'it')).toThrow(
        'it is not a whole number of octets',
      );
  });
});

describe('MUTANTS der times', () => {
  const [UTC, GENERAL] = [TAG.utcTime, TAG.generalizedTime];
  it.each([
    [UTC, '500101000000Z', '1950-01-01T00:00:00.000Z'],
    [UTC, '991231235959Z', '1999-12-31T23:59:59.000Z'],
    [UTC, '000102030405Z', '2000-01-02T03:04:05.000Z'],
    [UTC, '491231235959Z', '2049-12-31T23:59:59.000Z'],
    [UTC, '240229120000Z', '2024-02-29T12:00:00.000Z'],
    [GENERAL, '20500102030405Z', '2050-01-02T03:04:05.000Z'],
    [GENERAL, '99991231235959Z', '9999-12-31T23:59:59.000Z'],
    [GENERAL, '00490102030405Z', '0049-01-02T03:04:05.000Z'],
    [GENERAL, '00500102030405Z', '0050-01-02T03:04:05.000Z'],
  ])('tag %i %s is %s', (tag, text, iso) => {
    expect(timeValue(ofText(tag, text)).toISOString()).toBe(iso);
  });

  it.each([
    [UTC, ''],
    [UTC, '2301010000Z'],
    [UTC, '20230101000000Z'],
    [UTC, '230101000000z'],
    [UTC, '2301010000000'],
    [UTC, 'Z230101000000'],
    [UTC, '23010100000Z'],
    [UTC, '2301010000000Z'],
    [UTC, '2301 1000000Z'],
    [GENERAL, '230101000000Z'],
    [GENERAL, '230101000000ZZZ'],
    [GENERAL, 'xx230101000000Z'],
    [GENERAL, '2023010100000Z'],
    [GENERAL, '202301010000000Z'],
    [GENERAL, '202301010000.0Z'],
    [GENERAL, '2023010100+0100'],
  ])('tag %i %j is malformed', (tag, text) => {
    expect(() => timeValue(ofText(tag, text))).toThrow(new DerError('a time is malformed'));
  });

  it.each([
    '230001000000Z',
    '231301000000Z',
    '239901000000Z',
    '230100000000Z',
    '230132000000Z',
    '230229000000Z',
    '230431000000Z',
    '230199000000Z',
    '230101240000Z',
    '230115240000Z',
    '230101006000Z',
    '230101000060Z',
    '230101235960Z',
  ])('%s does not exist', (text) => {
    expect(() => timeValue(ofText(UTC, text))).toThrow(new DerError('a time does not exist'));
    expect(() => timeValue(ofText(GENERAL, `20${text}`))).toThrow(new DerError('a time does not exist'));
  });

  it('of megabytes is refused by its length, and is no time where another type stands', () => {
    const long = new Uint8Array(4 * 1024 * 1024).fill(0x30);
    for (const tag of [UTC, GENERAL])
      expect(() => timeValue(elements(element(tag, long))[0])).toThrow(new DerError('a time is malformed'));
    for (const other of [ofText(TAG.utf8String, '230101000000Z'), undefined])
      expect(() => timeValue(other)).toThrow('a time is missing or has the wrong type');
  });
});
