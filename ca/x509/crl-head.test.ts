import { beforeAll, describe, expect, it } from 'vitest';
import { crlExtension, entryWith, forgeCrl, newIssuer, type CrlIssuer } from '../testing/crl.testkit.ts';
import { openCrl, readCrlHead } from './crl-read.ts';
import { concat, element, integer, integerOfHex, oid, time } from './der-write.ts';
import { contextTag, elements, single, TAG } from './der.ts';
import { OID } from './oids.ts';

const NUL = element(TAG.nul);
const ALGORITHM = element(TAG.sequence, oid('1.2.840.10045.4.3.2'));
const OTHER_ALGORITHM = element(TAG.sequence, oid('1.2.840.10045.4.3.3'));
const NAME = element(TAG.sequence);
const VERSION_2 = integer(Uint8Array.of(1));
const FROM = new Date('2026-01-02T03:04:05Z');
const UNTIL = new Date('2050-02-03T04:05:06Z');
const numbered = (value: Uint8Array) => crlExtension(OID.crlNumber, value);
const wrapped = (...extensions: readonly Uint8Array[]) =>
  element(contextTag(0), element(TAG.sequence, ...extensions));
const NUMBER_7 = wrapped(numbered(integer(Uint8Array.of(7))));

interface Fields {
  readonly version: readonly Uint8Array[];
  readonly inner: readonly Uint8Array[];
  /** Behind the issuer: times, entries, extensions. */
  readonly rest: readonly Uint8Array[];
  readonly algorithm: Uint8Array;
  /** Behind the signature. */
  readonly surplus: readonly Uint8Array[];
}

/** A list that nobody has signed, of whose head everything can be said all the same. */
const listOf = (over: Partial<Fields> = {}): Uint8Array => {
  const { version, inner, rest, algorithm, surplus }: Fields = {
    version: [VERSION_2],
    inner: [ALGORITHM],
    rest: [time(FROM), time(UNTIL), NUMBER_7],
    algorithm: ALGORITHM,
    surplus: [],
    ...over,
  };
  const tbs = element(TAG.sequence, ...version, ...inner, NAME, ...rest);
  return element(TAG.sequence, tbs, algorithm, element(TAG.bitString, Uint8Array.of(0, 1)), ...surplus);
};
const headOf = (over: Partial<Fields>) => readCrlHead(listOf(over));
const ofNumber = (value: Uint8Array) => headOf({ rest: [time(FROM), wrapped(numbered(value))] });

describe('MUTANTS crl-read the head of a revocation list', () => {
  const entries = element(TAG.sequence, entryWith('ab12'));

  it('has an issuer, times and a number, and the last three of them need not be there', () => {
    const head = { issuer: NAME, number: 7n, thisUpdate: FROM, nextUpdate: UNTIL };
    const [from, until] = [time(FROM), time(UNTIL)];
    expect(headOf({})).toEqual(head);
    expect(headOf({ rest: [from, until, entries, NUMBER_7] })).toEqual(head);
    expect(headOf({ rest: [from, time(FROM), NUMBER_7] })).toEqual({ ...head, nextUpdate: FROM });
    expect(headOf({ rest: [until, NUMBER_7] })).toEqual({ ...head, thisUpdate: UNTIL, nextUpdate: null });
    const bare = { ...head, number: null, nextUpdate: null };
    for (const rest of [[from], [from, entries], [from, wrapped(crlExtension('1.2.3', NUL))]])
      expect(headOf({ rest })).toEqual(bare);
    for (const rest of [[], [NUMBER_7], [NUL, until], [entries]]) expect(headOf({ rest })).toBeNull();
  });

  it('has its fields in their order, and no others', () => {
    const [from, until] = [time(FROM), time(UNTIL)];
    for (const rest of [
      [from, until, until],
      [from, entries, until],
      [from, until, entries, entries],
      [from, NUMBER_7, entries],
      [from, NUMBER_7, NUMBER_7],
      [from, until, entries, NUMBER_7, NUL],
      [from, until, element(contextTag(1), element(TAG.sequence, crlExtension('1.2.3', NUL)))],
      [from, until, element(TAG.set)],
      [from, NUL],
    ])
      expect(headOf({ rest })).toBeNull();
    expect(headOf({ surplus: [NUL] })).toBeNull();
    expect(headOf({ surplus: [NUL], rest: [from, NUL] })).toBeNull();
    expect(readCrlHead(concat([listOf(), NUL]))).toBeNull();
  });

  it('is of version 1, without extensions, or of version 2', () => {
    const plain = [time(FROM)];
    expect(headOf({ version: [], rest: plain })).not.toBeNull();
    expect(headOf({ version: [VERSION_2], rest: plain })).not.toBeNull();
    expect(headOf({ version: [] })).toBeNull();
    for (const version of [[0], [2], [3], [0, 0x81], [1, 1], [1, 0], [0x81]])
      for (const rest of [plain, [time(FROM), NUMBER_7]])
        expect(headOf({ version: [element(TAG.integer, Uint8Array.from(version))], rest })).toBeNull();
    expect(headOf({ version: [VERSION_2, VERSION_2], rest: plain })).toBeNull();
    expect(headOf({ version: [NUL], rest: plain })).toBeNull();
  });

  it('says the algorithm twice, and the same', () => {
    expect(headOf({ algorithm: OTHER_ALGORITHM })).toBeNull();
    expect(headOf({ inner: [OTHER_ALGORITHM] })).toBeNull();
    expect(headOf({ algorithm: OTHER_ALGORITHM, inner: [OTHER_ALGORITHM] })).not.toBeNull();
    const empty = element(TAG.sequence, element(TAG.sequence), ALGORITHM, element(TAG.bitString, NUL));
    expect(readCrlHead(empty)).toBeNull();
  });

  it('has a number that the database can keep: of 48 digits', () => {
    const nines = 10n ** 48n - 1n;
    expect(ofNumber(integerOfHex(nines.toString(16)))?.number).toBe(nines);
    expect(ofNumber(integerOfHex((nines + 1n).toString(16)))).toBeNull();
    for (const value of [0n, 1n, 255n, 256n, 0x1_02_03n, 0xff_00_ffn])
      expect(ofNumber(integerOfHex(value.toString(16)))?.number).toBe(value);
    for (const bad of [element(TAG.integer, Uint8Array.of(0x80)), NUL, concat([VERSION_2, NUL])])
      expect(ofNumber(bad)).toBeNull();
  });

  it('is looked at when the list has up to 8 MiB', () => {
    const most = 8 * 1024 * 1024;
    const filled = (length: number) =>
      listOf({ rest: [time(FROM), element(TAG.sequence, new Uint8Array(length))] });
    const around = filled(most / 2).length - most / 2;
    const ofLength = (length: number) => filled(length - around);
    expect(ofLength(most)).toHaveLength(most);
    expect(readCrlHead(ofLength(most))).not.toBeNull();
    expect(readCrlHead(ofLength(most + 1))).toBeNull();
  });

  it('what is no bytes at all is a fault of the caller, and no verdict on a list', () => {
    expect(() => readCrlHead({ length: 10 } as unknown as Uint8Array)).toThrow(TypeError);
  });
});

describe('MUTANTS crl-read a revocation list that is opened', () => {
  let issuer: CrlIssuer;
  beforeAll(async () => {
    issuer = await newIssuer();
  });
  const point = (value: Uint8Array) => crlExtension(OID.issuingDistributionPoint, value, true);
  const verdict = async (
    list: Parameters<typeof forgeCrl>[1],
    by: Pick<CrlIssuer, 'subject' | 'publicKeyInfo'> = issuer,
  ): Promise<string> => {
    const opened = await openCrl(await forgeCrl(issuer, list), by);
    return opened.ok ? 'opened' : opened.error;
  };

  it('is one that this issuer signed, by name and by key', async () => {
    const [stranger, namesake] = [await newIssuer('Stranger'), await newIssuer()];
    expect(await verdict({})).toBe('opened');
    expect(namesake.subject).toEqual(issuer.subject);
    expect(await verdict({}, namesake)).toBe('foreign');
    expect(await verdict({}, { ...issuer, subject: stranger.subject })).toBe('foreign');
    const der = await forgeCrl(issuer, {});
    der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
    expect(await openCrl(der, issuer)).toEqual({ ok: false, error: 'foreign' });
    for (const publicKeyInfo of [new Uint8Array(), NAME])
      expect(await verdict({}, { ...issuer, publicKeyInfo })).toBe('foreign');
    const noBytes = { ...issuer, publicKeyInfo: { length: 10 } as unknown as Uint8Array };
    await expect(verdict({}, noBytes)).rejects.toThrow(TypeError);
  });

  it('has a distribution point that can be read, of at most eight fields, and critical ones of all kinds known', async () => {
    const place = element(contextTag(0), element(contextTag(0), element(0x86, Uint8Array.of(0x78))));
    const ofPlaces = (count: number) =>
      verdict({ extensions: [point(element(TAG.sequence, ...Array.from({ length: count }, () => place)))] });
    expect(await ofPlaces(0)).toBe('opened');
    expect(await ofPlaces(1)).toBe('opened');
    expect(await ofPlaces(8)).toBe('opened');
    expect(await ofPlaces(9)).toBe('not_supported');
    for (const value of [NUL, new Uint8Array(), element(TAG.sequence, Uint8Array.of(0x81, 0x05))])
      expect(await verdict({ extensions: [point(value)] })).toBe('not_supported');
    const known = crlExtension(OID.authorityKeyIdentifier, NAME, true);
    const unknown = crlExtension('1.2.3', NUL, true);
    expect(await verdict({ extensions: [known] })).toBe('opened');
    for (const extensions of [[unknown, known], [known, unknown], [unknown]])
      expect(await verdict({ extensions })).toBe('not_supported');
  });

  it('says what its head says, and who is revoked', async () => {
    const der = await forgeCrl(issuer, { number: 9n, serials: ['ab12', '7'] });
    const list = await openCrl(der, issuer);
    if (!list.ok) throw new Error(list.error);
    expect(list.value).toMatchObject(readCrlHead(der) ?? {});
    expect(list.value).toMatchObject({ number: 9n, issuer: issuer.subject });
    expect([...list.value.revokedAmong(['7', '8', 'ab12'])]).toEqual(['ab12', '7']);
    expect([list.value.revokes('7'), list.value.revokes('8')]).toEqual([true, false]);
    const [tbs] = elements(single(der, TAG.sequence, 'it').content);
    expect(readCrlHead(tbs?.raw ?? der)).toBeNull();
  });

  it('is refused for an entry that cannot be read, and for one that forbids it', async () => {
    expect(await verdict({ entries: [NUL] })).toBe('no_list');
    expect(await verdict({ entries: [entryWith('1', crlExtension('1.2.3', NUL, true))] })).toBe(
      'not_supported',
    );
  });
});
