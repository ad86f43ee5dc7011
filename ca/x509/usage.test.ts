import { describe, expect, it } from 'vitest';
import type { CertificateInfo } from './certificate.ts';
import { DerError } from './der.ts';
import { element, integer, oid } from './der-write.ts';
import { OID } from './oids.ts';
import {
  basicConstraints,
  extendedKeyUsage,
  keyUsageBits,
  onlyCommonName,
  subjectAltNames,
  subjectKeyIdentifier,
} from './usage.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const UTF8 = 0x0c;
const PRINTABLE = 0x13;
const IA5 = 0x16;
const attribute = (type: string, tag: number, value: string, ...more: Uint8Array[]): Uint8Array =>
  element(0x30, oid(type), element(tag, text(value)), ...more);
const part = (...attributes: Uint8Array[]): Uint8Array => element(0x31, ...attributes);
const name = (...parts: Uint8Array[]): Uint8Array => element(0x30, ...parts);
const ORGANIZATION = '2.5.4.10';

describe('MUTANTS x509/usage the text of a name that is one common name', () => {
  const cn = attribute(OID.commonName, UTF8, 'grant');

  it('is read in UTF-8 and in printable text', () => {
    expect(onlyCommonName(name(part(cn)))).toBe('grant');
    expect(onlyCommonName(name(part(attribute(OID.commonName, PRINTABLE, 'grant'))))).toBe('grant');
  });

  it.each([
    ['no part', name()],
    ['an empty part', name(part())],
    ['two parts', name(part(cn), part(cn))],
    ['two parts of which the second is another', name(part(cn), part(attribute(ORGANIZATION, UTF8, 'x')))],
    ['two attributes in one part', name(part(cn, attribute(ORGANIZATION, UTF8, 'x')))],
    ['the same attribute twice', name(part(cn, cn))],
    ['another attribute', name(part(attribute(ORGANIZATION, UTF8, 'grant')))],
    ['another kind of text', name(part(attribute(OID.commonName, IA5, 'grant')))],
    ['no value', name(part(element(0x30, oid(OID.commonName))))],
  ])('is null for a name with %s', (_what, der) => expect(onlyCommonName(der)).toBeNull());

  it('is not read out of what is no name', () => {
    for (const der of [part(cn), name(cn), name(name(cn)), new Uint8Array(), Uint8Array.of(...name(), 0)])
      expect(() => onlyCommonName(der)).toThrow(DerError);
  });
});

const holding = (type: string, value: Uint8Array): CertificateInfo =>
  ({ extensions: new Map([[type, { oid: type, critical: true, value }]]) }) as unknown as CertificateInfo;
const NONE = { extensions: new Map() } as unknown as CertificateInfo;

describe('MUTANTS x509/usage what a certificate may be used for', () => {
  it('purposes are all that are named, in order, and none where the extension is absent', () => {
    const both = element(0x30, oid(OID.clientAuth), oid(OID.serverAuth));
    expect(extendedKeyUsage(holding(OID.extendedKeyUsage, both))).toEqual([OID.clientAuth, OID.serverAuth]);
    expect(extendedKeyUsage(NONE)).toEqual([]);
  });

  it('usage bits are the first octet behind the count of unused bits', () => {
    const bits = (...octets: number[]): CertificateInfo =>
      holding(OID.keyUsage, element(0x03, Uint8Array.from(octets)));
    expect(keyUsageBits(bits(7, 0x80))).toBe(0x80);
    expect(keyUsageBits(bits(1, 0x06))).toBe(0x06);
    expect(keyUsageBits(bits(0))).toBe(0);
    expect(keyUsageBits(NONE)).toBeNull();
  });

  it('an authority is what says so, with the path length it names', () => {
    const constraints = (...parts: Uint8Array[]) =>
      basicConstraints(holding(OID.basicConstraints, element(0x30, ...parts)));
    const flag = (octet: number): Uint8Array => element(0x01, Uint8Array.of(octet));
    expect(constraints()).toEqual({ isCa: false, pathLength: null });
    expect(constraints(flag(0xff))).toEqual({ isCa: true, pathLength: null });
    expect(constraints(flag(0x00))).toEqual({ isCa: false, pathLength: null });
    expect(constraints(flag(0x01))).toEqual({ isCa: false, pathLength: null });
    expect(constraints(flag(0xff), integer(Uint8Array.of(3)))).toEqual({ isCa: true, pathLength: 3 });
    expect(constraints(flag(0xff), integer(Uint8Array.of(0)))).toEqual({ isCa: true, pathLength: 0 });
    expect(basicConstraints(NONE)).toBeNull();
    expect(() => constraints(element(0x02, Uint8Array.of(0xff)))).toThrow(DerError);
    expect(() => constraints(flag(0xff), flag(0xff))).toThrow(DerError);
  });

  it('alternative names are told by kind, in order of the text', () => {
    const names = element(
      0x30,
      element(0x87, Uint8Array.of(127, 0, 0, 1)),
      element(0x82, text('b.example')),
      element(0x82, text('a.example')),
      element(0x86, text('https://x')),
    );
    expect(subjectAltNames(holding(OID.subjectAltName, names))).toEqual([
      'dns:a.example',
      'dns:b.example',
      'ip:7f000001',
      'other:134',
    ]);
    expect(subjectAltNames(NONE)).toEqual([]);
  });

  it('the key identifier is the octets of its string', () => {
    const value = element(0x04, Uint8Array.of(1, 2, 3));
    expect(subjectKeyIdentifier(holding(OID.subjectKeyIdentifier, value))).toEqual(Uint8Array.of(1, 2, 3));
    expect(subjectKeyIdentifier(NONE)).toBeNull();
  });

  it.each([
    ['purposes', OID.extendedKeyUsage, extendedKeyUsage],
    ['usage bits', OID.keyUsage, keyUsageBits],
    ['constraints', OID.basicConstraints, basicConstraints],
    ['alternative names', OID.subjectAltName, subjectAltNames],
    ['key identifier', OID.subjectKeyIdentifier, subjectKeyIdentifier],
  ] as const)('%s that are malformed are an error and not an absence', (_what, type, read) => {
    for (const value of [new Uint8Array(), Uint8Array.of(0x31, 0), Uint8Array.of(0x30, 5, 1)])
      expect(() => read(holding(type, value))).toThrow(DerError);
  });
});
