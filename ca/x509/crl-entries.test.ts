import { describe, expect, it } from 'vitest';
import { crlExtension, entryWith, reason } from '../testing/crl.testkit.ts';
import { assertEntries, revokedAmong } from './crl-entries.ts';
import { concat, element, integerOfHex, oid } from './der-write.ts';
import { DerError, TAG } from './der.ts';
import { OID } from './oids.ts';

const bytes = (...octets: readonly number[]) => Uint8Array.from(octets);
const sequence = (...parts: readonly Uint8Array[]) => element(TAG.sequence, ...parts);
const text = (tag: number, value: string) => element(tag, new TextEncoder().encode(value));
const octets = (...values: readonly number[]) => element(TAG.octetString, bytes(...values));
const nul = element(TAG.nul);

const DATE = text(TAG.utcTime, '260101000000Z');
const SERIAL = integerOfHex('ab12');
const HOLD = bytes(0x0a, 1, 6);
/** An extension with an object identifier as it is given, octet by octet. */
const named = (name: readonly number[], ...parts: readonly Uint8Array[]) =>
  sequence(element(TAG.oid, bytes(...name)), ...parts);
const holdNamed = (...name: readonly number[]) => named(name, element(TAG.octetString, HOLD));

const verdict = (...entries: readonly Uint8Array[]): string => {
  try {
    return assertEntries(concat(entries));
  } catch (error) {
    if (error instanceof DerError) return error.message;
    throw error;
  }
};
const ofExtensions = (...all: readonly Uint8Array[]): string => verdict(entryWith('ab12', ...all));
const revoked = (entries: readonly Uint8Array[], ...serials: readonly string[]) => [
  ...revokedAmong(concat(entries), serials),
];
const isRevoked = (...all: readonly Uint8Array[]) =>
  revoked([entryWith('ab12', ...all)], 'ab12').length === 1;

describe('MUTANTS crl-entries an entry of a revocation list', () => {
  it('is a serial, a date, and perhaps extensions, and nothing else', () => {
    expect(verdict()).toBe('known');
    expect(verdict(sequence(SERIAL, DATE))).toBe('known');
    expect(verdict(sequence(SERIAL, DATE, sequence(reason(1))))).toBe('known');
    expect(verdict(element(TAG.set, SERIAL, DATE))).toBe('an entry has the wrong type');
    for (const entry of [sequence(), sequence(DATE, SERIAL), sequence(nul, DATE)])
      expect(verdict(entry)).toBe('an entry has no serial');
    for (const entry of [sequence(SERIAL), sequence(SERIAL, SERIAL), sequence(SERIAL, nul, DATE)])
      expect(verdict(entry)).toBe('an entry has no date');
    for (const surplus of [
      [nul],
      [sequence()],
      [element(TAG.set, reason(1))],
      [sequence(reason(1)), nul],
      [sequence(reason(1)), sequence(reason(1))],
      [nul, sequence(reason(1))],
    ])
      expect(verdict(sequence(SERIAL, DATE, ...surplus))).toBe('an entry has unexpected fields');
  });

  it('has a date of the length of its kind', () => {
    const [utc, general] = ['260101000000Z', '20260101000000Z'];
    const ofDate = (tag: number, value: string) => verdict(sequence(SERIAL, text(tag, value)));
    expect(ofDate(TAG.utcTime, utc)).toBe('known');
    expect(ofDate(TAG.generalizedTime, general)).toBe('known');
    for (const [tag, value] of [
      [TAG.utcTime, general],
      [TAG.generalizedTime, utc],
      [TAG.utcTime, `${utc}Z`],
      [TAG.generalizedTime, `${general}Z`],
      [TAG.utf8String, utc],
      [TAG.utf8String, general],
      [TAG.utcTime, ''],
    ] as const)
      expect(ofDate(tag, value)).toBe('an entry has no date');
  });

  it('has a serial in DER: not negative, minimal, of at most 20 octets', () => {
    const ofSerial = (...serial: readonly number[]) =>
      verdict(sequence(element(TAG.integer, bytes(...serial)), DATE));
    const times = (count: number, octet: number) => Array.from({ length: count }, () => octet);
    for (const good of [[0], [1], [0x7f], [0, 0x80], [0, 0xff], [0x7f, 0xff], [1, 0]])
      expect(ofSerial(...good)).toBe('known');
    for (const good of [times(20, 0x7f), [0, ...times(20, 0x80)]]) expect(ofSerial(...good)).toBe('known');
    for (const bad of [[], [0x80], [0xff], [0x80, 1], [0, 0], [0, 1], [0, 0x7f], [0, 0, 0x80]])
      expect(ofSerial(...bad)).toBe('a serial is not in DER');
    for (const bad of [times(21, 0x7f), [0, ...times(21, 0x80)], times(22, 0x7f)])
      expect(ofSerial(...bad)).toBe('a serial is not in DER');
  });

  it('is judged by itself: what another one had is not taken for its own', () => {
    const [bare, held] = [entryWith('01'), entryWith('02', reason(6))];
    expect(revoked([held, bare], '1', '2')).toEqual(['1']);
    expect(revoked([bare, held, bare], '1', '2')).toEqual(['1']);
  });
});

describe('MUTANTS crl-entries an extension of an entry', () => {
  const name = oid(OID.crlReason);

  it('has a name, perhaps a flag, and a value that ends it', () => {
    const critical = element(TAG.boolean, bytes(0xff));
    const value = element(TAG.octetString, HOLD);
    expect(ofExtensions(sequence(name, value))).toBe('known');
    expect(ofExtensions(sequence(name, critical, value))).toBe('known');
    expect(ofExtensions(element(TAG.set, name, value))).toBe('an extension has the wrong type');
    for (const wrong of [
      [name],
      [name, critical],
      [name, nul],
      [name, critical, nul],
      [name, critical, critical, value],
      [name, value, nul],
      [name, value, value],
      [name, critical, value, nul],
      [name, value, critical],
      [name, element(0x80, HOLD)],
    ])
      expect(ofExtensions(sequence(...wrong))).toBe('an extension has no value');
    for (const flag of [[], [0], [1], [0xfe], [0xff, 0xff], [0xff, 0], [0, 0xff]])
      expect(ofExtensions(sequence(name, element(TAG.boolean, bytes(...flag)), value))).toBe(
        'a critical flag is not in DER',
      );
  });

  it('has a whole object identifier of at most 64 octets', () => {
    const times = (count: number) => Array.from({ length: count }, () => 1);
    for (const good of [
      [0x55],
      [0x55, 0x7f],
      [0x81, 0],
      [0x55, 0x81, 0x80, 0],
      [0x55, 0x81, 0x80, 0x80, 0],
      times(64),
    ])
      expect(ofExtensions(holdNamed(...good))).toBe('known');
    for (const bad of [
      [],
      [0x80],
      [0x80, 1],
      [0x55, 0x80],
      [0x55, 0x80, 1],
      [0x55, 0x7f, 0x80, 1],
      [0x55, 0x1d, 0x80, 0x15],
      [0x81],
      [0x55, 0x1d, 0x95],
      [0x55, 0x81, 0x80],
      [0x55, 0xff],
      times(65),
    ])
      expect(ofExtensions(holdNamed(...bad))).toBe('an extension has no object identifier');
    expect(ofExtensions(sequence())).toBe('an extension has no object identifier');
    // What would be one, if it were not of another type.
    for (const tag of [TAG.octetString, TAG.integer, 0x0d])
      expect(ofExtensions(sequence(element(tag, bytes(0x55, 0x1d, 0x15)), octets(1)))).toBe(
        'an extension has no object identifier',
      );
  });

  it('gives the reason under the name of the reason only', () => {
    expect(isRevoked(holdNamed(0x55, 0x1d, 0x15))).toBe(false);
    for (const other of [
      [0x55, 0x1d],
      [0x1d, 0x15],
      [0x55, 0x1d, 0x14],
      [0x55, 0x1d, 0x16],
      [0x55, 0x1e, 0x15],
      [0x54, 0x1d, 0x15],
      [0x15, 0x1d, 0x15],
      [0x55, 0x15, 0x15],
      [0x55, 0x1d, 0x15, 0x01],
      [0x55, 0x1d, 0x01, 0x15],
      [0x01, 0x55, 0x1d, 0x15],
      [0x55, 0x1d, 0x81, 0x15],
    ])
      expect(isRevoked(holdNamed(...other))).toBe(true);
  });

  it('that names another issuer, or that is critical and unknown, forbids the whole list', () => {
    const issuer = (...before: readonly number[]) => named([...before, 0x1d], octets(1));
    expect(ofExtensions(issuer(0x55, 0x1d))).toBe('not_supported');
    for (const other of [[0x55, 0x1e], [0x54, 0x1d], [0x55, 0x1d, 0x01], []])
      expect(ofExtensions(issuer(...other))).toBe('known');
    for (const last of [0x17, 0x18, 0x1c, 0x1e])
      expect(ofExtensions(named([0x55, 0x1d, last], octets(1)))).toBe('known');
    const unknown = crlExtension('1.2.3', bytes(1), true);
    expect(ofExtensions(unknown)).toBe('not_supported');
    expect(ofExtensions(unknown, reason(1))).toBe('not_supported');
    expect(ofExtensions(reason(1), unknown)).toBe('not_supported');
    expect(verdict(entryWith('1'), entryWith('2', unknown), entryWith('3'))).toBe('not_supported');
    // Such an entry is no reason to take a certificate for a good one.
    expect(isRevoked(unknown, reason(6))).toBe(true);
    expect(isRevoked(reason(6), issuer(0x55, 0x1d))).toBe(true);
  });

  it('gives one reason, which is one of those that there are', () => {
    const ofReason = (...value: readonly number[]) => ofExtensions(sequence(name, octets(...value)));
    for (let code = 0; code <= 10; code += 1) expect(ofReason(0x0a, 1, code)).toBe('known');
    for (const bad of [
      [0x0a, 1, 11],
      [0x0a, 1, 0xff],
      [],
      [0x0a],
      [0x0a, 1],
      [0x0a, 0],
      [0x0a, 0, 1],
      [0x0a, 2, 1],
      [0x0a, 2, 0, 1],
      [0x0a, 1, 1, 0],
      [0x02, 1, 1],
      [0x0b, 1, 1],
      [1],
    ])
      expect(ofReason(...bad)).toBe('the reason is not known');
    expect(ofExtensions(reason(1), reason(1))).toBe('an entry has two reasons');
    expect(ofExtensions(reason(0), reason(1))).toBe('an entry has two reasons');
    expect(ofExtensions(reason(6), crlExtension('1.2.3', bytes(1)), reason(6))).toBe(
      'an entry has two reasons',
    );
  });
});

describe('MUTANTS crl-entries who is on a revocation list', () => {
  it('is who was asked about, whatever serials are like it', () => {
    const serials = ['1', '7f', '80', 'ff', '100', 'a1b2c3', 'a1b2c3d4', 'c0ffee00000001', 'ff'.repeat(20)];
    const entries = serials.map((serial) => entryWith(serial));
    expect(revoked(entries, ...serials)).toEqual(serials);
    for (const serial of serials) expect(revoked(entries, serial)).toEqual([serial]);
    for (const other of ['2', '7', 'f', '10', 'b2c3', 'a1b2c4', 'a1b2c3d5', 'b1b2c3d4', 'c1ffee00000001', ''])
      expect(revoked(entries, other, '1')).toEqual(['1']);
    expect(revoked(entries)).toEqual([]);
    expect(revoked([], '1')).toEqual([]);
    expect(revoked([entryWith('0')], '0', '1')).toEqual(['0']);
  });

  it('is not who is on hold, superseded or taken off again, unless another entry says for good', () => {
    const found = Array.from({ length: 11 }, (_, code) => code).filter((code) => isRevoked(reason(code)));
    expect(found).toEqual([0, 1, 2, 3, 5, 7, 9, 10]);
    expect(isRevoked()).toBe(true);
    expect(revoked([entryWith('1', reason(4)), entryWith('1', reason(1))], '1')).toEqual(['1']);
    expect(revoked([entryWith('1', reason(1)), entryWith('1', reason(8))], '1')).toEqual(['1']);
    expect(revoked([entryWith('1', reason(6)), entryWith('1', reason(4))], '1')).toEqual([]);
  });
});
