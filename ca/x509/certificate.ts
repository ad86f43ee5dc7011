import { err, ok, type Result } from '../../domain/result.ts';
import { sameBytes, serialText, sha256Hex } from './bytes.ts';
import {
  bitStringOctets,
  contextTag,
  type DerElement,
  DerError,
  elements,
  expectTag,
  members,
  oidText,
  single,
  TAG,
  timeValue,
  unsignedInteger,
} from './der.ts';
import { algorithmOf, keyOf, nameOf } from './shape.ts';

export { sha256Hex } from './bytes.ts';

export interface CertificateExtension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** What a certificate says. Reading is not validating: only OpenSSL (the TLS front) judges chains (ABUSE.md). */
export interface CertificateInfo {
  /** Lower-case hexadecimal without leading zeros. */
  readonly serial: string;
  /** SHA-256 of the DER, lower-case hexadecimal. */
  readonly fingerprint: string;
  /** DER of the names. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** DER of SubjectPublicKeyInfo. */
  readonly publicKeyInfo: Uint8Array;
  /** No object identifier occurs twice. */
  readonly extensions: ReadonlyMap<string, CertificateExtension>;
  /** The signed part, the DER of the signature's AlgorithmIdentifier, and the signature. */
  readonly tbs: Uint8Array;
  readonly signatureAlgorithm: Uint8Array;
  readonly signature: Uint8Array;
}

/** Longest certificate that is looked at, in octets. Ours have about 600. */
export const MAX_CERTIFICATE_LENGTH = 16 * 1024;
/** Certificates of the Internet have about ten. */
const MAX_EXTENSIONS = 64;

const readExtension = (element: DerElement): CertificateExtension => {
  const parts = members(element, 'an extension');
  const flag = parts.length === 3 ? expectTag(parts[1], TAG.boolean, 'the critical flag') : null;
  if (parts.length < 2 || parts.length > 3) throw new DerError('an extension has the wrong number of fields');
  if (flag !== null && !(flag.content.length === 1 && flag.content[0] === 0xff)) {
    throw new DerError('a critical flag is not in DER');
  }
  const value = expectTag(parts[parts.length - 1], TAG.octetString, 'the value of an extension').content;
  return { oid: oidText(parts[0]), critical: flag !== null, value };
};

/** What is in a SEQUENCE of extensions, given its content. @throws DerError also for one that occurs twice */
const readExtensionList = (content: Uint8Array): ReadonlyMap<string, CertificateExtension> => {
  const found = new Map<string, CertificateExtension>();
  if (content.length === 0) throw new DerError('the list of extensions is empty');
  for (const extension of elements(content, MAX_EXTENSIONS).map(readExtension)) {
    if (found.has(extension.oid)) throw new DerError(`extension ${extension.oid} occurs twice`);
    found.set(extension.oid, extension);
  }
  return found;
};

/** @param wrapper the tagged element around the list, where there is one */
export const readExtensions = (wrapper: DerElement | undefined): ReadonlyMap<string, CertificateExtension> =>
  wrapper === undefined
    ? new Map()
    : readExtensionList(single(wrapper.content, TAG.sequence, 'the list of extensions').content);

const readSerial = (element: DerElement | undefined): string => {
  const serial = serialText(unsignedInteger(element, 'the serial number'));
  if (serial === '0') throw new DerError('the serial number is out of range');
  return serial;
};

const parse = (der: Uint8Array): CertificateInfo => {
  const parts = elements(single(der, TAG.sequence, 'the certificate').content);
  const [tbs, algorithm, signature] = parts;
  if (parts.length !== 3) throw new DerError('the certificate has the wrong number of fields');
  const [version, serial, inner, issuer, validity, subject, publicKey, ...optional] = members(
    tbs,
    'the content',
  );
  const wrapped = expectTag(version, contextTag(0), 'the version').content;
  const versionValue = unsignedInteger(single(wrapped, TAG.integer, 'the version'), 'the version');
  if (!sameBytes(versionValue, Uint8Array.of(2))) throw new DerError('the certificate is not version 3');
  const outer = algorithmOf(algorithm, 'the signature algorithm');
  if (inner === undefined || !sameBytes(inner.raw, outer.raw))
    throw new DerError('the signature algorithms differ');
  const times = members(validity, 'the validity');
  if (times.length !== 2) throw new DerError('the validity has the wrong number of fields');
  const extensions = optional.filter((element) => element.tag === contextTag(3));
  if (optional.length !== extensions.length || extensions.length > 1) {
    throw new DerError('the certificate has unexpected fields');
  }
  return {
    serial: readSerial(serial),
    fingerprint: sha256Hex(der),
    issuer: nameOf(issuer, 'the issuer').raw,
    subject: nameOf(subject, 'the subject').raw,
    notBefore: timeValue(times[0]),
    notAfter: timeValue(times[1]),
    publicKeyInfo: keyOf(publicKey, 'the public key').raw,
    extensions: readExtensions(extensions[0]),
    tbs: expectTag(tbs, TAG.sequence, 'the content').raw,
    signatureAlgorithm: outer.raw,
    signature: bitStringOctets(signature, 'the signature'),
  };
};

/** Reads any version 3 certificate in strict DER. Never throws; the error names the fault, not the content. */
export const readCertificate = (der: Uint8Array): Result<CertificateInfo, string> => {
  if (der.length > MAX_CERTIFICATE_LENGTH) return err('the certificate is too large');
  try {
    return ok(parse(der));
  } catch (error) {
    if (error instanceof DerError) return err(error.message);
    throw error;
  }
};
