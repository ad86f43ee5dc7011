import { sha256 } from '@noble/hashes/sha2.js';
import { Integer, OctetString, Utf8String } from 'asn1js';
import {
  AttributeTypeAndValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  CryptoEngine,
  Extension,
  ExtKeyUsage,
  GeneralName,
  GeneralNames,
  PublicKeyInfo,
  RelativeDistinguishedNames,
  Time,
  TimeType,
} from 'pkijs';
import { copyBytes, fromHex } from './bytes.ts';
import { assertBounded, SMALL_DER } from './der-walk.ts';
import { bitStringOctets, elements, single, TAG } from './der.ts';
import { ipOctets } from './names.ts';
import { OID } from './oids.ts';

/** PKI.js over this runtime's WebCrypto, handed to each call rather than set as a global. */
export const pkiEngine = (): CryptoEngine =>
  new CryptoEngine({ name: 'webcrypto', crypto: globalThis.crypto });

/** UTCTime until 2049, GeneralizedTime after (RFC 5280 section 4.1.2.5). Fractions of a second are cut off. */
const pkiTime = (date: Date): Time => {
  const value = new Date(Math.floor(date.getTime() / 1000) * 1000);
  return new Time({
    type: value.getUTCFullYear() < 2050 ? TimeType.UTCTime : TimeType.GeneralizedTime,
    value,
  });
};

/** @param hex magnitude in hexadecimal; the sign octet is added where DER wants one */
const pkiInteger = (hex: string): Integer => {
  const octets = fromHex(hex.length % 2 === 0 ? hex : `0${hex}`);
  return new Integer({ valueHex: (octets[0] ?? 0) >= 0x80 ? Uint8Array.of(0, ...octets) : octets });
};

export const commonName = (text: string): RelativeDistinguishedNames =>
  new RelativeDistinguishedNames({
    typesAndValues: [
      new AttributeTypeAndValue({ type: OID.commonName, value: new Utf8String({ value: text }) }),
    ],
  });

/**
 * The one way for bytes into PKI.js and asn1js: those make objects of all there is in them, so it is counted before.
 * @throws DerError
 */
const forPki = (der: Uint8Array): Uint8Array<ArrayBuffer> => {
  assertBounded(der, SMALL_DER);
  return copyBytes(der);
};

export const nameFromDer = (der: Uint8Array): RelativeDistinguishedNames =>
  RelativeDistinguishedNames.fromBER(forPki(der));

export const publicKeyFromDer = (der: Uint8Array): PublicKeyInfo => PublicKeyInfo.fromBER(forPki(der));

export const extension = (extnID: string, value: Uint8Array | ArrayBuffer, critical = false): Extension =>
  new Extension({ extnID, critical, extnValue: copyBytes(new Uint8Array(value)).buffer });

/** First 160 bits of the SHA-256 of the key's bits (RFC 7093 method 1). */
export const keyIdentifier = (publicKeyInfo: Uint8Array): Uint8Array => {
  const [, key] = elements(single(publicKeyInfo, TAG.sequence, 'the public key').content);
  return sha256(bitStringOctets(key, 'the public key')).slice(0, 20);
};

const subjectKeyExtension = (publicKeyInfo: Uint8Array): Extension =>
  extension(OID.subjectKeyIdentifier, octetString(keyIdentifier(publicKeyInfo)).toBER());

/** @param identifier the issuer's subject key identifier */
export const authorityKeyExtension = (identifier: Uint8Array): Extension =>
  extension(
    OID.authorityKeyIdentifier,
    new AuthorityKeyIdentifier({ keyIdentifier: octetString(identifier) }).toSchema().toBER(),
  );

const octetString = (octets: Uint8Array): OctetString => new OctetString({ valueHex: copyBytes(octets) });

/** BIT STRINGs of RFC 5280 section 4.2.1.3, named bits in DER (trailing zero bits left out). */
const KEY_USAGE = {
  digitalSignature: Uint8Array.of(0x03, 0x02, 0x07, 0x80),
  keyCertSignAndCrlSign: Uint8Array.of(0x03, 0x02, 0x01, 0x06),
} as const;

/** A root that signs leaves only. */
export const rootExtensions = (publicKeyInfo: Uint8Array): readonly Extension[] => [
  extension(
    OID.basicConstraints,
    new BasicConstraints({ cA: true, pathLenConstraint: 0 }).toSchema().toBER(),
    true,
  ),
  extension(OID.keyUsage, KEY_USAGE.keyCertSignAndCrlSign, true),
  subjectKeyExtension(publicKeyInfo),
];

/** What every leaf has; the purpose is the one thing it may be used for. */
export const leafExtensions = (
  publicKeyInfo: Uint8Array,
  issuerKeyIdentifier: Uint8Array,
  purpose: typeof OID.clientAuth | typeof OID.serverAuth,
): readonly Extension[] => [
  extension(OID.basicConstraints, new BasicConstraints({ cA: false }).toSchema().toBER(), true),
  extension(OID.keyUsage, KEY_USAGE.digitalSignature, true),
  extension(OID.extendedKeyUsage, new ExtKeyUsage({ keyPurposes: [purpose] }).toSchema().toBER()),
  subjectKeyExtension(publicKeyInfo),
  authorityKeyExtension(issuerKeyIdentifier),
];

/** @throws TypeError for text that is no IP address */
const ipName = (text: string): GeneralName => {
  const octets = ipOctets(text);
  if (octets === null) throw new TypeError('not an IP address');
  return new GeneralName({ type: 7, value: octetString(octets) });
};

export const subjectAltNameExtension = (dns: readonly string[], ips: readonly string[]): Extension =>
  extension(
    OID.subjectAltName,
    new GeneralNames({
      names: [...dns.map((value) => new GeneralName({ type: 2, value })), ...ips.map(ipName)],
    })
      .toSchema()
      .toBER(),
  );

export interface CertificateDraft {
  /** Hexadecimal. */
  readonly serial: string;
  readonly issuer: RelativeDistinguishedNames;
  readonly subject: RelativeDistinguishedNames;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly publicKeyInfo: Uint8Array;
  readonly extensions: readonly Extension[];
}

/** Builds a version 3 certificate and signs it with ECDSA and SHA-256. @returns its DER */
export const signCertificate = async (draft: CertificateDraft, issuerKey: CryptoKey): Promise<Uint8Array> => {
  const certificate = new Certificate({
    version: 2,
    serialNumber: pkiInteger(draft.serial),
    issuer: draft.issuer,
    subject: draft.subject,
    notBefore: pkiTime(draft.notBefore),
    notAfter: pkiTime(draft.notAfter),
    subjectPublicKeyInfo: publicKeyFromDer(draft.publicKeyInfo),
    extensions: [...draft.extensions],
  });
  await certificate.sign(issuerKey, 'SHA-256', pkiEngine());
  return new Uint8Array(certificate.toSchema(true).toBER());
};
