import { describe, expect, test } from 'vitest';
import { createForger } from '../testing/forge.testkit.ts';
import { concat, element, integer, oid } from './der-write.ts';
import { DerError, elements, TAG, type DerElement } from './der.ts';
import { algorithmOf, keyOf, nameOf } from './shape.ts';
import { readCertificate } from './certificate.ts';

const first = (bytes: Uint8Array): DerElement | undefined => elements(bytes)[0];
const text = (tag: number, ...octets: readonly number[]) => element(tag, Uint8Array.from(octets));
const attribute = (...parts: readonly Uint8Array[]) => element(TAG.sequence, oid('2.5.4.3'), ...parts);
const name = (...parts: readonly Uint8Array[]) => element(TAG.sequence, ...parts);
const part = (...attributes: readonly Uint8Array[]) => element(TAG.set, ...attributes);

/* Each of these was taken, and OpenSSL refuses it: the fuzzer found them. */
describe('F-1 the shape of what a certificate is made of', () => {
  test('names: sets of attributes with a text of their kind', () => {
    for (const good of [
      name(),
      name(part(attribute(text(TAG.utf8String, 0xc3, 0xa4)))),
      name(part(attribute(text(0x13, 0x61)), attribute(text(0x16, 0x61)))),
      name(part(attribute(text(0x1e, 0, 0x61)))),
    ])
      expect(nameOf(first(good), 'it').raw).toEqual(good);
    for (const bad of [
      name(part()),
      name(attribute(text(TAG.utf8String, 0x61))),
      name(part(attribute())),
      name(part(attribute(text(TAG.utf8String, 0x61), text(TAG.utf8String, 0x61)))),
      name(part(attribute(text(TAG.utf8String, 0xb7)))),
      name(part(attribute(text(0x1e, 0x61)))),
      name(part(attribute(text(TAG.integer, 1)))),
      name(part(element(TAG.sequence, element(TAG.oid, Uint8Array.of(0x55, 0x84)), text(0x13, 0x61)))),
    ])
      expect(() => nameOf(first(bad), 'it')).toThrow(DerError);
  });

  test('algorithms: a NULL is empty, and parameters are of some kind of key', () => {
    const of = (...parameters: readonly Uint8Array[]) =>
      first(element(TAG.sequence, oid('1.2.840.113549.1.1.11'), ...parameters));
    for (const good of [of(), of(element(TAG.nul)), of(oid('1.2.3')), of(element(TAG.sequence))])
      expect(algorithmOf(good, 'it')).toBe(good);
    for (const bad of [
      of(text(TAG.nul, 1)),
      of(text(TAG.integer, 1)),
      of(element(TAG.nul), element(TAG.nul)),
      first(element(TAG.sequence)),
    ])
      expect(() => algorithmOf(bad, 'it')).toThrow(DerError);
  });

  test('public keys: an algorithm and whole octets', () => {
    const algorithm = element(TAG.sequence, oid('1.3.101.112'));
    const of = (...parts: readonly Uint8Array[]) => first(element(TAG.sequence, ...parts));
    expect(() => keyOf(of(algorithm, text(TAG.bitString, 0, 1)), 'it')).not.toThrow();
    for (const bad of [
      of(algorithm),
      of(algorithm, text(TAG.bitString, 1, 1)),
      of(algorithm, text(TAG.bitString, 0)),
      of(algorithm, text(TAG.bitString, 0, 1), element(TAG.nul)),
      of(text(TAG.bitString, 0, 1), algorithm),
    ])
      expect(() => keyOf(bad, 'it')).toThrow(DerError);
  });

  test('a version that is given twice, and an empty list of extensions', async () => {
    const { rootPem, leaf } = await createForger('work');
    expect(rootPem).toContain('CERTIFICATE');
    const { der } = await leaf([]);
    const [tbs, algorithm, signature] = elements(first(der)?.content ?? der);
    const fields = elements(tbs?.content ?? der);
    const made = (change: (field: DerElement) => Uint8Array): string => {
      const inside = concat(fields.map(change));
      const all = [element(TAG.sequence, inside), algorithm?.raw ?? der, signature?.raw ?? der];
      const read = readCertificate(element(TAG.sequence, ...all));
      return read.ok ? 'read' : read.error;
    };
    const two = integer(Uint8Array.of(2));
    expect(made(({ raw }) => raw)).toBe('read');
    expect(made(({ tag, raw }) => (tag === 0xa0 ? element(0xa0, two, two) : raw))).toMatch(/version/);
    expect(made(({ tag, raw }) => (tag === 0xa3 ? element(0xa3, element(TAG.sequence)) : raw))).toMatch(
      /empty/,
    );
  });
});
