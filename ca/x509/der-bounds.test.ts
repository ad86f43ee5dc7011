import { createECDH } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { forgeCrl, newIssuer } from '../testing/crl.testkit.ts';
import { readCertificate } from './certificate.ts';
import { openCrl, readCrlHead } from './crl-read.ts';
import { readCsr } from './csr.ts';
import { assertBounded, DerError, SMALL_DER } from './der-walk.ts';
import { elements, oidText, TAG, unsignedInteger } from './der.ts';
import { concat, element, integer, oid } from './der-write.ts';
import { splitPem } from './pem.ts';

const MIB = 1024 * 1024;
/** The aim is 50 ms (docs/reference/performance.md); a busy machine gets twenty times that, and what was wrong took seconds. */
const LIMIT_MS = 1_000;
const LIMIT_BYTES = 64 * MIB;

const filled = (length: number, pattern: readonly number[]): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => pattern[index % pattern.length] ?? 0);

/** Content of the given depth, each level a SEQUENCE around the next. */
const nested = (depth: number): Uint8Array => {
  const parts: number[][] = [];
  let size = 0;
  for (let level = 0; level < depth; level += 1) {
    const length = size < 0x80 ? [size] : [0x83, (size >> 16) & 255, (size >> 8) & 255, size & 255];
    // Only minimal where it has to be three octets: what is inside is never reached.
    parts.push([0x30, ...length]);
    size += 1 + length.length;
  }
  return Uint8Array.from(parts.toReversed().flat());
};

const NULLS = filled(8 * MIB - 32, [0x05, 0x00]);
const LONG_OID = element(TAG.oid, filled(512 * 1024, [0xff]));
const HOSTILE: readonly (readonly [string, Uint8Array])[] = [
  ['an OID of 512 KB', element(TAG.sequence, element(TAG.sequence, LONG_OID))],
  [
    'an OID of 8 MB',
    element(TAG.sequence, element(TAG.sequence, element(TAG.oid, filled(8 * MIB - 64, [0xff])))),
  ],
  ['four million elements', element(TAG.sequence, element(TAG.sequence, NULLS))],
  ['four million elements at the top', element(TAG.sequence, NULLS)],
  ['an integer of 8 MB', element(TAG.sequence, element(TAG.sequence, integer(filled(8 * MIB - 64, [0x7f]))))],
  ['a million levels', nested(1_000_000)],
  ['indefinite lengths', filled(8 * MIB, [0x30, 0x80])],
  ['empty sequences', element(TAG.sequence, filled(8 * MIB - 32, [0x30, 0x00]))],
  ['high tag numbers', filled(8 * MIB, [0x3f, 0xff])],
];

const settled = async (work: () => unknown): Promise<void> => {
  try {
    await work();
  } catch (error) {
    expect(error).toBeInstanceOf(DerError);
  }
};

const READERS: readonly (readonly [string, (bytes: Uint8Array) => unknown])[] = [
  ['certificate', readCertificate],
  ['head of a list', readCrlHead],
  ['request', readCsr],
  ['elements', elements],
  ['bounds', (bytes) => assertBounded(bytes, { ...SMALL_DER, octets: 16 * MIB })],
];

describe('F-1 what a stranger’s DER costs is bounded before it is looked at', () => {
  test.each(HOSTILE)('%s', async (_what, bytes) => {
    for (const [, read] of READERS) {
      const [began, before] = [performance.now(), process.memoryUsage()];
      await settled(() => read(bytes));
      const after = process.memoryUsage();
      expect(performance.now() - began).toBeLessThan(LIMIT_MS);
      expect(after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers).toBeLessThan(
        LIMIT_BYTES,
      );
    }
  });

  test('an object identifier is refused by its length, before an arc is read', () => {
    const of = (length: number) => elements(element(TAG.oid, filled(length, [0x01])))[0];
    expect(oidText(of(64))).toMatch(/^0\.1\.1/);
    expect(() => oidText(of(65))).toThrow(/too long/);
  });

  test('an integer has at most 20 octets, the sign not counted, unless the reader says otherwise', () => {
    const of = (magnitude: Uint8Array) => elements(integer(magnitude))[0];
    expect(unsignedInteger(of(filled(20, [0xff])), 'it')).toHaveLength(20);
    for (const longer of [filled(21, [0x7f]), filled(21, [0xff]), filled(22, [0x7f])])
      expect(() => unsignedInteger(of(longer), 'it')).toThrow(/too long/);
    expect(unsignedInteger(of(filled(1_024, [0xff])), 'it', 1_024)).toHaveLength(1_024);
  });

  test('what goes to PKI.js is counted: octets, elements, depth, object identifiers', () => {
    const bounds = { octets: 100, elements: 5, depth: 2 };
    const leaf = element(TAG.nul);
    const check = (bytes: Uint8Array) => assertBounded(bytes, bounds);
    check(element(TAG.sequence, element(TAG.sequence, leaf), leaf, leaf));
    check(concat([leaf, leaf, leaf, leaf, leaf]));
    check(new Uint8Array());
    expect(() => check(element(TAG.octetString, filled(100, [0])))).toThrow(/too long/);
    expect(() => check(element(TAG.sequence, leaf, leaf, leaf, leaf, leaf))).toThrow(/too many/);
    expect(() => check(element(TAG.sequence, element(TAG.sequence, element(TAG.sequence))))).toThrow(
      /deeply/,
    );
    expect(() => check(element(TAG.oid, filled(65, [1])))).toThrow(/too long/);
    expect(() => check(element(TAG.sequence, Uint8Array.of(0x30, 0x05)))).toThrow(/too early/);
  });
});

describe('F-1 a revocation list', () => {
  test('a hundred thousand entries are read, each of them found', async () => {
    const issuer = await newIssuer();
    const serialOf = (index: number): string => (0x900000000000000000000000n + BigInt(index)).toString(16);
    const serials = Array.from({ length: 100_000 }, (_, index) => serialOf(index));
    const der = await forgeCrl(issuer, { serials });
    const list = await openCrl(der, issuer);
    if (!list.ok) throw new Error(list.error);
    const asked = [serialOf(0), serialOf(99_999), serialOf(100_000), '', '9'];
    expect([...list.value.revokedAmong(asked)]).toEqual([serialOf(0), serialOf(99_999)]);
  });

  test('a number has at most 20 octets and as many digits as the database keeps', async () => {
    const issuer = await newIssuer();
    const numberOf = async (number: bigint) => {
      const list = await openCrl(await forgeCrl(issuer, { number }), issuer);
      return list.ok ? list.value.number : list.error;
    };
    expect(await numberOf(10n ** 48n - 1n)).toBe(10n ** 48n - 1n);
    expect(await numberOf(10n ** 48n)).toBe('no_list');
    expect(await numberOf(1n << 16_000_000n)).toBe('no_list');
  });

  test('whoever did not sign it has no entry looked at', async () => {
    const [issuer, stranger] = [await newIssuer(), await newIssuer()];
    // No entries at all: a reader that looks at them before the signature says so.
    const der = await forgeCrl(issuer, { entries: [element(TAG.nul)] });
    expect(await openCrl(der, issuer)).toEqual({ ok: false, error: 'no_list' });
    expect(await openCrl(der, { ...stranger, subject: issuer.subject })).toEqual({
      ok: false,
      error: 'foreign',
    });
  });
});

describe('F-1 a certificate request of a stranger', () => {
  test('with an object identifier of 6 KB is refused by its length', async () => {
    const point = createECDH('prime256v1').generateKeys();
    const algorithm = element(
      TAG.sequence,
      oid('1.2.840.10045.2.1'),
      element(TAG.oid, filled(6_000, [0xff])),
    );
    const key = element(TAG.sequence, algorithm, element(TAG.bitString, Uint8Array.of(0), point));
    const info = element(TAG.sequence, integer(Uint8Array.of(0)), element(TAG.sequence), key, element(0xa0));
    const signature = element(TAG.bitString, filled(71, [0]));
    const request = element(TAG.sequence, info, element(TAG.sequence, oid('1.2.840.10045.4.3.2')), signature);
    expect(await readCsr(request)).toEqual({ ok: false, error: 'an object identifier is too long' });
  });
});

describe('F-1 PEM text', () => {
  test.each([
    ['line feeds', '\n'.repeat(4 * MIB)],
    ['blanks', ' '.repeat(4 * MIB)],
    ['carriage returns', '\r\n'.repeat(2 * MIB)],
    ['beginnings', '-----BEGIN A-----\n'.repeat(230_000)],
    ['empty blocks', '-----BEGIN A-----\n-----END A-----\n'.repeat(115_000)],
    ['small blocks', '-----BEGIN A-----\nAAAA\n-----END A-----\n'.repeat(105_000)],
    ['short lines', `-----BEGIN A-----\n${'A\n'.repeat(2 * MIB - 64)}-----END A-----\n`],
    ['blank lines within', `-----BEGIN A-----\n${'\n'.repeat(4 * MIB - 64)}-----END A-----\n`],
    ['padding', `-----BEGIN A-----\n${'='.repeat(4 * MIB - 64)}\n-----END A-----\n`],
    ['one line', `-----BEGIN A-----\n${'A'.repeat(4 * MIB - 64)}\n-----END A-----\n`],
    ['dashes', '-'.repeat(4 * MIB)],
  ])('of %s costs no more than reading it', (what, text) => {
    const [began, before] = [performance.now(), process.memoryUsage()];
    expect(splitPem(text).ok).toBe(what === 'short lines' || what === 'blanks');
    const after = process.memoryUsage();
    expect(performance.now() - began).toBeLessThan(LIMIT_MS);
    expect(after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers).toBeLessThan(
      LIMIT_BYTES,
    );
  });
});
