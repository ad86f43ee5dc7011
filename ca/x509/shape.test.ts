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

  test.each([
    ['UTF8String', TAG.utf8String, 1],
    ['NumericString', 0x12, 1],
    ['PrintableString', 0x13, 1],
    ['TeletexString', 0x14, 1],
    ['IA5String', 0x16, 1],
    ['UniversalString', 0x1c, 4],
    ['BMPString', 0x1e, 2],
  ])('MUTANTS shape a %s (tag %i) has whole characters of %i octets each', (_what, tag, width) => {
    const ofOctets = (length: number) =>
      first(name(part(attribute(text(tag, ...Array.from({ length }, () => 0x20))))));
    for (const length of [0, width, 2 * width, 3 * width, 5 * width])
      expect(() => nameOf(ofOctets(length), 'it')).not.toThrow();
    for (let length = 1; length < width; length += 1) {
      expect(() => nameOf(ofOctets(length), 'it')).toThrow(DerError);
      expect(() => nameOf(ofOctets(width + length), 'it')).toThrow(DerError);
    }
  });

  test('MUTANTS shape a value of any other kind is no text', () => {
    const texts = [TAG.utf8String, 0x12, 0x13, 0x14, 0x16, 0x1c, 0x1e];
    const others = Array.from({ length: 0x1f }, (_, tag) => tag).filter((tag) => !texts.includes(tag));
    for (const tag of others)
      expect(() => nameOf(first(name(part(attribute(text(tag, 0, 0, 0, 0x61))))), 'it')).toThrow(DerError);
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
      // Object identifiers that are cut, not minimal, and empty.
      of(element(TAG.oid, Uint8Array.of(0x55, 0x84))),
      of(element(TAG.oid, Uint8Array.of(0x55, 0x80, 0x01))),
      of(element(TAG.oid)),
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
      of(element(TAG.sequence), text(TAG.bitString, 0, 1)),
      of(element(TAG.sequence, oid('1.3.101.112'), text(TAG.integer, 1)), text(TAG.bitString, 0, 1)),
      of(element(TAG.set, oid('1.3.101.112')), text(TAG.bitString, 0, 1)),
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
