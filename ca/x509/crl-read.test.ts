import { beforeAll, describe, expect, test } from 'vitest';
import {
  crlExtension,
  entryWith,
  forgeCrl,
  newIssuer,
  reason,
  type CrlIssuer,
} from '../testing/crl.testkit.ts';
import { openCrl } from './crl-read.ts';
import { concat, element, integerOfHex } from './der-write.ts';
import { contextTag, TAG } from './der.ts';
import { OID } from './oids.ts';

let issuer: CrlIssuer;
beforeAll(async () => {
  issuer = await newIssuer();
});

type Parts = Parameters<typeof forgeCrl>[1];
const verdict = async (parts: Parts): Promise<string> => {
  const list = await openCrl(await forgeCrl(issuer, parts), issuer);
  return list.ok ? 'opened' : list.error;
};
const revokes = async (entries: readonly Uint8Array[], serial = 'ab12'): Promise<boolean> => {
  const list = await openCrl(await forgeCrl(issuer, { entries }), issuer);
  if (!list.ok) throw new Error(list.error);
  return list.value.revokes(serial);
};

const UNKNOWN = '1.3.6.1.4.1.99999.7';
const TRUE = Uint8Array.of(0xff);
const point = (...parts: readonly Uint8Array[]): Uint8Array =>
  crlExtension(OID.issuingDistributionPoint, element(TAG.sequence, ...parts), true);
const place = element(
  contextTag(0),
  element(contextTag(0), element(0x86, new TextEncoder().encode('http://x/crl'))),
);
const name = element(TAG.sequence, element(contextTag(4), element(TAG.sequence)));

describe('F-38 a list is used only when all of it is understood (RFC 5280 sections 5.2 and 5.3)', () => {
  test.each<readonly [string, Parts]>([
    ['a list as step-ca writes it: a critical distribution point', { extensions: [point(place)] }],
    ['of leaves only', { extensions: [point(place, element(0x81, TRUE))] }],
    ['an unknown extension that is not critical', { extensions: [crlExtension(UNKNOWN, integerOfHex('1'))] }],
    ['an entry with one', { entries: [entryWith('ab12', crlExtension(UNKNOWN, integerOfHex('1')))] }],
    ['an entry with a critical reason', { entries: [entryWith('ab12', reason(1, true))] }],
    [
      'an entry with a date of invalidity',
      { entries: [entryWith('ab12', crlExtension('2.5.29.24', integerOfHex('1')))] },
    ],
    ['no entries', {}],
  ])('opened: %s', async (_what, parts) => {
    expect(await verdict(parts)).toBe('opened');
  });

  test.each<readonly [string, Parts]>([
    ['a delta list', { extensions: [crlExtension(OID.deltaCrlIndicator, integerOfHex('1'), true)] }],
    ['a delta list that hides it', { extensions: [crlExtension(OID.deltaCrlIndicator, integerOfHex('1'))] }],
    ['an unknown critical extension', { extensions: [crlExtension(UNKNOWN, integerOfHex('1'), true)] }],
    ['an indirect list', { extensions: [point(place, element(0x84, TRUE))] }],
    ['of authorities only', { extensions: [point(place, element(0x82, TRUE))] }],
    ['of attribute certificates only', { extensions: [point(place, element(0x85, TRUE))] }],
    ['of some reasons only', { extensions: [point(place, element(0x83, Uint8Array.of(1, 0x80)))] }],
    [
      'an entry of another issuer',
      { entries: [entryWith('ab12', crlExtension(OID.certificateIssuer, name, true))] },
    ],
    [
      'an entry of another issuer that hides it',
      { entries: [entryWith('ab12', crlExtension(OID.certificateIssuer, name))] },
    ],
    [
      'an entry with an unknown critical extension',
      { entries: [entryWith('ab12', crlExtension(UNKNOWN, integerOfHex('1'), true))] },
    ],
    [
      'the same in the last of many',
      {
        entries: [
          ...Array.from({ length: 500 }, (_, index) => entryWith((index + 1).toString(16), reason(1))),
          entryWith('ab12', crlExtension(UNKNOWN, integerOfHex('1'), true)),
        ],
      },
    ],
  ])('not supported: %s', async (_what, parts) => {
    expect(await verdict(parts)).toBe('not_supported');
  });

  test.each<readonly [string, Parts]>([
    [
      'an extension twice',
      { extensions: [crlExtension(UNKNOWN, integerOfHex('1')), crlExtension(UNKNOWN, integerOfHex('2'))] },
    ],
    ['an entry with a reason twice', { entries: [entryWith('ab12', reason(6), reason(1))] }],
    ['an entry with a reason nobody knows', { entries: [entryWith('ab12', reason(11))] }],
    [
      'an entry with a reason of two octets',
      { entries: [entryWith('ab12', crlExtension(OID.crlReason, Uint8Array.of(0x0a, 2, 0, 6)))] },
    ],
    ['an entry without a date', { entries: [element(TAG.sequence, integerOfHex('ab12'))] }],
    [
      'an entry with more than three fields',
      {
        entries: [
          element(
            TAG.sequence,
            entryWith('1').subarray(2),
            element(TAG.sequence, reason(1)),
            element(TAG.nul),
          ),
        ],
      },
    ],
    [
      'an entry with empty extensions',
      { entries: [element(TAG.sequence, entryWith('1').subarray(2), element(TAG.sequence))] },
    ],
    [
      'a negative serial',
      { entries: [element(TAG.sequence, Uint8Array.of(TAG.integer, 1, 0x80), entryWith('1').subarray(5))] },
    ],
    ['a serial of 21 octets', { entries: [entryWith('7f'.repeat(21))] }],
    [
      'an entry whose extension has an object identifier that does not end',
      {
        entries: [
          entryWith(
            'ab12',
            element(
              TAG.sequence,
              element(TAG.oid, Uint8Array.of(0x55, 0x1d, 0x95)),
              element(TAG.octetString, Uint8Array.of(0x0a, 1, 6)),
            ),
          ),
        ],
      },
    ],
    ['an entry that is cut', { entries: [entryWith('ab12').subarray(0, -1)] }],
  ])('no list: %s', async (_what, parts) => {
    expect(await verdict(parts)).toBe('no_list');
  });

  test('final are all reasons but superseded, on hold, and taken off again', async () => {
    const found: number[] = [];
    for (const code of [0, 1, 2, 3, 4, 5, 6, 8, 9, 10])
      if (await revokes([entryWith('ab12', reason(code))])) found.push(code);
    expect(found).toEqual([0, 1, 2, 3, 5, 9, 10]);
    expect(await revokes([entryWith('ab12')])).toBe(true);
  });

  test('a hold is seen as one in any spelling of the entry', async () => {
    const instruction = crlExtension('2.5.29.23', element(TAG.nul));
    expect(await revokes([entryWith('ab12', reason(6, true))])).toBe(false);
    expect(await revokes([entryWith('ab12', reason(6), instruction)])).toBe(false);
    expect(await revokes([entryWith('ab12', instruction, reason(6))])).toBe(false);
  });

  test('of two entries of one serial the one that is final counts', async () => {
    expect(await revokes([entryWith('ab12', reason(4)), entryWith('ab12', reason(1))])).toBe(true);
    expect(await revokes([entryWith('ab12', reason(6)), entryWith('ab12', reason(4))])).toBe(false);
  });

  test('a longer, shorter or inner number is not taken for a serial', async () => {
    const entries = [entryWith('a1'), entryWith('a1b2c3d4'), entryWith('7'), entryWith('c0ffee00000001')];
    for (const absent of ['b2', 'a1b2', 'b2c3d4', 'a', '7a', '0', '', '1', 'c1ffee00000001'])
      expect(await revokes(entries, absent)).toBe(false);
    for (const there of ['a1', 'a1b2c3d4', '7', 'c0ffee00000001'])
      expect(await revokes(entries, there)).toBe(true);
  });

  test('a list of version 1 has no extensions, and no other version is known', async () => {
    const der = await forgeCrl(issuer, {});
    const at = der.findIndex((octet, index) => octet === 2 && der[index + 1] === 1 && der[index + 2] === 1);
    const other = der.slice();
    other[at + 2] = 2;
    expect(await openCrl(other, issuer)).toEqual({ ok: false, error: 'no_list' });
    expect(await openCrl(concat([der, Uint8Array.of(0)]), issuer)).toEqual({ ok: false, error: 'no_list' });
    expect(await openCrl(new Uint8Array(), issuer)).toEqual({ ok: false, error: 'no_list' });
  });
});
