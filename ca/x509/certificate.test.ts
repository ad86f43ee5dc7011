import { beforeAll, describe, expect, it } from 'vitest';
import { createForger } from '../testing/forge.testkit.ts';
import { concat, element, integer, integerOfHex, oid, time } from './der-write.ts';
import { elements, members, single, TAG } from './der.ts';
import { readCertificate } from './certificate.ts';

const NUL = element(TAG.nul);
const SIGNED_BY = element(TAG.sequence, oid('1.2.840.10045.4.3.2'));
const OTHER_ALGORITHM = element(TAG.sequence, oid('1.2.840.10045.4.3.3'));
const EMPTY_NAME = element(TAG.sequence);
const FROM = new Date('2026-01-02T03:04:05Z');
const UNTIL = new Date('2026-02-03T04:05:06Z');

const flag = (...octets: readonly number[]) => element(TAG.boolean, Uint8Array.from(octets));
const octets = (...values: readonly number[]) => element(TAG.octetString, Uint8Array.from(values));
const extension = (...parts: readonly Uint8Array[]) => element(TAG.sequence, ...parts);
const usual = (last: number, ...more: readonly Uint8Array[]) =>
  extension(oid(`1.3.6.1.4.1.99999.${last}`), ...more, octets(last));
const list = (...all: readonly Uint8Array[]) => element(0xa3, element(TAG.sequence, ...all));

interface Fields {
  readonly version: Uint8Array;
  readonly serial: Uint8Array;
  readonly inner: Uint8Array;
  readonly times: readonly Uint8Array[];
  readonly optional: readonly Uint8Array[];
  readonly algorithm: Uint8Array;
  /** Behind the signature. */
  readonly surplus: readonly Uint8Array[];
}

describe('MUTANTS certificate what a certificate is made of', () => {
  let key: Uint8Array;
  beforeAll(async () => {
    const { leaf } = await createForger('work');
    const [tbs] = elements(single((await leaf([])).der, TAG.sequence, 'it').content);
    key = members(tbs, 'it')[6]?.raw ?? NUL;
  });

  const make = (over: Partial<Fields> = {}): Uint8Array => {
    const { version, serial, inner, times, optional, algorithm, surplus }: Fields = {
      version: element(0xa0, integer(Uint8Array.of(2))),
      serial: integer(Uint8Array.of(1)),
      inner: SIGNED_BY,
      times: [time(FROM), time(UNTIL)],
      optional: [],
      algorithm: SIGNED_BY,
      surplus: [],
      ...over,
    };
    const validity = element(TAG.sequence, ...times);
    const fields = [version, serial, inner, EMPTY_NAME, validity, EMPTY_NAME, key, ...optional];
    const signature = element(TAG.bitString, Uint8Array.of(0, 1));
    return element(TAG.sequence, element(TAG.sequence, ...fields), algorithm, signature, ...surplus);
  };
  const verdict = (over: Partial<Fields>): string => {
    const read = readCertificate(make(over));
    return read.ok ? 'read' : read.error;
  };
  const ofExtensions = (...all: readonly Uint8Array[]): string => verdict({ optional: [list(...all)] });

  it('is valid from its first time until its second, and has no extensions where it has no list of them', () => {
    const read = readCertificate(make());
    if (!read.ok) throw new Error(read.error);
    expect([read.value.notBefore, read.value.notAfter]).toEqual([FROM, UNTIL]);
    expect([...read.value.extensions]).toEqual([]);
    expect([...read.value.signature]).toEqual([1]);
    for (const times of [[time(FROM)], [time(FROM), time(UNTIL), time(UNTIL)]])
      expect(verdict({ times })).toBe('the validity has the wrong number of fields');
  });

  it('is of version 3, and says so in one number', () => {
    for (const version of [0, 1, 3])
      expect(verdict({ version: element(0xa0, integer(Uint8Array.of(version))) })).toBe(
        'the certificate is not version 3',
      );
    for (const version of [element(0xa1, integer(Uint8Array.of(2))), integer(Uint8Array.of(2))])
      expect(verdict({ version })).toBe('the version is missing or has the wrong type');
  });

  it('its serial is a number above zero of at most 20 octets', () => {
    const ofSerial = (serial: Uint8Array) => verdict({ serial });
    expect(ofSerial(integer(Uint8Array.of(0)))).toBe('the serial number is out of range');
    expect(ofSerial(integerOfHex('ff'.repeat(20)))).toBe('read');
    expect(ofSerial(integerOfHex('7f'.repeat(21)))).toBe('the serial number is too long');
    expect(ofSerial(NUL)).toBe('the serial number is missing or has the wrong type');
  });

  it('the algorithm that was signed is the one that signed, or a signature could be read as another one', () => {
    expect(verdict({ algorithm: OTHER_ALGORITHM })).toBe('the signature algorithms differ');
    expect(verdict({ inner: OTHER_ALGORITHM })).toBe('the signature algorithms differ');
    expect(verdict({ algorithm: OTHER_ALGORITHM, inner: OTHER_ALGORITHM })).toBe('read');
    const empty = element(TAG.sequence, element(TAG.sequence, element(0xa0, integer(Uint8Array.of(2)))));
    const short = readCertificate(concat([empty]));
    expect(short.ok).toBe(false);
    const bare = element(TAG.sequence, element(0xa0, integer(Uint8Array.of(2))), integer(Uint8Array.of(1)));
    const cut = element(TAG.sequence, bare, SIGNED_BY, element(TAG.bitString, Uint8Array.of(0, 1)));
    expect(readCertificate(cut)).toEqual({ ok: false, error: 'the signature algorithms differ' });
  });

  it('has three fields, and behind the key nothing but one list of extensions', () => {
    expect(verdict({ surplus: [NUL] })).toBe('the certificate has the wrong number of fields');
    const two = elements(single(make(), TAG.sequence, 'it').content).slice(0, 2);
    expect(readCertificate(element(TAG.sequence, ...two.map(({ raw }) => raw)))).toEqual({
      ok: false,
      error: 'the certificate has the wrong number of fields',
    });
    const [one, other] = [list(usual(1)), list(usual(2))];
    expect(verdict({ optional: [one] })).toBe('read');
    const uniqueId = element(0x81, Uint8Array.of(0, 1));
    const sameElsewhere = element(0xa4, element(TAG.sequence, usual(1)));
    for (const optional of [[one, other], [uniqueId], [uniqueId, one], [one, NUL], [sameElsewhere]])
      expect(verdict({ optional })).toBe('the certificate has unexpected fields');
  });

  it('an extension has a name, perhaps a flag, and a value', () => {
    const read = readCertificate(make({ optional: [list(usual(1), usual(2, flag(0xff)))] }));
    expect(read.ok && [...read.value.extensions.values()]).toEqual([
      { oid: '1.3.6.1.4.1.99999.1', critical: false, value: Uint8Array.of(1) },
      { oid: '1.3.6.1.4.1.99999.2', critical: true, value: Uint8Array.of(2) },
    ]);
    const name = oid('1.2.3');
    for (const wrong of [
      extension(),
      extension(name),
      extension(octets(1)),
      extension(name, flag(0xff), octets(1), octets(1)),
    ])
      expect(ofExtensions(wrong)).toBe('an extension has the wrong number of fields');
    expect(ofExtensions(extension(name, NUL))).toMatch(/^the value of an extension is missing/);
    expect(ofExtensions(extension(name, flag(0xff), NUL))).toMatch(/^the value of an extension is missing/);
    expect(ofExtensions(extension(name, octets(1), octets(1)))).toMatch(/^the critical flag is missing/);
    expect(ofExtensions(extension(octets(1), octets(1)))).toMatch(/^an object identifier is missing/);
    expect(ofExtensions(element(TAG.set, name, octets(1)))).toMatch(/^an extension is missing/);
  });

  it('a flag is true in its one spelling, or is not there: what is false is left out in DER', () => {
    for (const wrong of [[], [0], [1], [0xfe], [0x7f], [0xff, 0xff], [0xff, 0], [0, 0xff]])
      expect(ofExtensions(usual(1, flag(...wrong)))).toBe('a critical flag is not in DER');
  });

  it('a list of extensions has 1 to 64, none of them twice', () => {
    const some = (count: number) => Array.from({ length: count }, (_, index) => usual(index));
    expect(ofExtensions(...some(1))).toBe('read');
    expect(ofExtensions(...some(64))).toBe('read');
    expect(ofExtensions(...some(65))).toBe('there are too many elements');
    expect(ofExtensions()).toBe('the list of extensions is empty');
    expect(ofExtensions(usual(1), usual(2), usual(1))).toBe('extension 1.3.6.1.4.1.99999.1 occurs twice');
    expect(verdict({ optional: [element(0xa3, element(TAG.sequence, usual(1)), NUL)] })).toBe(
      'the list of extensions is followed by other bytes',
    );
  });

  it('is looked at up to 16,384 octets and no further', () => {
    const filled = (length: number) =>
      make({ optional: [list(extension(oid('1.2.3'), element(TAG.octetString, new Uint8Array(length))))] });
    const around = filled(10_000).length - 10_000;
    expect(filled(16_384 - around)).toHaveLength(16_384);
    expect(readCertificate(filled(16_384 - around))).toMatchObject({ ok: true });
    expect(readCertificate(filled(16_385 - around))).toEqual({
      ok: false,
      error: 'the certificate is too large',
    });
  });

  it('what is no bytes at all is a fault of the caller, and no verdict on a certificate', () => {
    expect(() => readCertificate({ length: 10 } as unknown as Uint8Array)).toThrow(TypeError);
  });
});
