import { toHex } from './bytes.ts';
import type { CertificateInfo } from './certificate.ts';
import { elements, expectTag, members, oidText, single, TAG, unsignedInteger } from './der.ts';
import { OID } from './oids.ts';

/** The readers below throw `DerError` when an extension is malformed, and tell an absent one by null or `[]`. */
const valueOf = (certificate: CertificateInfo, oid: string): Uint8Array | null =>
  certificate.extensions.get(oid)?.value ?? null;

/** Object identifiers of the extended key usage, in order. */
export const extendedKeyUsage = (certificate: CertificateInfo): readonly string[] => {
  const value = valueOf(certificate, OID.extendedKeyUsage);
  return value === null ? [] : elements(single(value, TAG.sequence, 'the key usage').content).map(oidText);
};

/** First octet of the key usage bits (0x80 digitalSignature, 0x04 keyCertSign, 0x02 cRLSign), or null. */
export const keyUsageBits = (certificate: CertificateInfo): number | null => {
  const value = valueOf(certificate, OID.keyUsage);
  return value === null ? null : (single(value, TAG.bitString, 'the key usage').content[1] ?? 0);
};

export interface BasicConstraintsInfo {
  readonly isCa: boolean;
  readonly pathLength: number | null;
}

export const basicConstraints = (certificate: CertificateInfo): BasicConstraintsInfo | null => {
  const value = valueOf(certificate, OID.basicConstraints);
  if (value === null) return null;
  const [flag, length] = elements(single(value, TAG.sequence, 'the basic constraints').content);
  const isCa = flag !== undefined && expectTag(flag, TAG.boolean, 'the CA flag').content[0] === 0xff;
  const pathLength = length === undefined ? null : (unsignedInteger(length, 'the path length').at(-1) ?? 0);
  return { isCa, pathLength };
};

/** `dns:<name>`, `ip:<hexadecimal octets>`, or `other:<tag>` for kinds this product never asks for. Sorted. */
export const subjectAltNames = (certificate: CertificateInfo): readonly string[] => {
  const value = valueOf(certificate, OID.subjectAltName);
  if (value === null) return [];
  return elements(single(value, TAG.sequence, 'the alternative names').content)
    .map(({ tag, content }) => {
      if (tag === 0x82) return `dns:${String.fromCharCode(...content)}`;
      return tag === 0x87 ? `ip:${toHex(content)}` : `other:${String(tag)}`;
    })
    .toSorted();
};

/** The text of a name that is exactly one common name in UTF-8 or printable text; null for any other name. */
export const onlyCommonName = (name: Uint8Array): string | null => {
  const parts = elements(single(name, TAG.sequence, 'the name').content);
  const [attribute, ...more] = parts.length === 1 ? members(parts[0], 'the name', TAG.set) : [];
  if (attribute === undefined || more.length > 0) return null;
  const [type, value] = members(attribute, 'the attribute');
  if (value === undefined || oidText(type) !== OID.commonName) return null;
  return value.tag === TAG.utf8String || value.tag === 0x13 ? new TextDecoder().decode(value.content) : null;
};

/** Octets of the subject key identifier, or null. */
export const subjectKeyIdentifier = (certificate: CertificateInfo): Uint8Array | null => {
  const value = valueOf(certificate, OID.subjectKeyIdentifier);
  return value === null ? null : single(value, TAG.octetString, 'the key identifier').content;
};
