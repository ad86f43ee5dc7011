import { err, ok, type Result } from '../../domain/result.ts';
import { sameBytes } from './bytes.ts';
import { type CertificateExtension, type CertificateInfo, readExtensions } from './certificate.ts';
import { assertEntries, revokedAmong } from './crl-entries.ts';
import {
  bitStringOctets,
  contextTag,
  DerError,
  type DerElement,
  elements,
  expectTag,
  single,
  TAG,
  timeValue,
  unsignedInteger,
} from './der.ts';
import { OID } from './oids.ts';
import { algorithmOf, nameOf } from './shape.ts';
import { verifySignature } from './public-key.ts';

/** Longest list that is looked at, in octets: more than 100,000 entries. */
export const MAX_CRL_LENGTH = 8 * 1024 * 1024;
/** Fields of the list and of its content: there are at most seven, and none has more than this. */
const MAX_FIELDS = 8;
/** The database keeps numbers of 48 digits. */
const MAX_NUMBER = 10n ** 48n;

export interface CrlInfo {
  /** null for a list without one: OpenSSL's of a root may be. */
  readonly number: bigint | null;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | null;
}

/** The head of a list. Who signed it is not known, and its entries were not looked at. */
export interface CrlHead extends CrlInfo {
  /** DER of the issuer's name. */
  readonly issuer: Uint8Array;
}

/** A list that its issuer signed, and of which every part was understood. */
export interface VerifiedCrl extends CrlHead {
  /**
   * Those of the serials (lower-case hexadecimal, no leading zeros) that are revoked for good: not those whose certificate was
   * replaced by another one of the same holder, is on hold (RFC 5280 section 5.3.1), or was taken off the list again. One
   * pass over the list, however many are asked for.
   */
  revokedAmong(serials: Iterable<string>): ReadonlySet<string>;
  /** The same for one serial. */
  revokes(serial: string): boolean;
}

/**
 * Why a list is not used: it is none, another authority signed it, or it says something that changes the meaning of the rest
 * and that this reader does not know (RFC 5280 sections 5.2 and 5.3): a delta list, an indirect one, one of some reasons or
 * of some kinds of certificates only, an unknown critical extension.
 */
export type CrlFault = 'no_list' | 'foreign' | 'not_supported';

interface Parsed extends CrlHead {
  readonly extensions: ReadonlyMap<string, CertificateExtension>;
  /** Content of `revokedCertificates`. */
  readonly entries: Uint8Array;
  /** What is signed, the signature and its algorithm. */
  readonly tbs: Uint8Array;
  readonly signature: Uint8Array;
  readonly algorithm: Uint8Array;
}

const isTime = (one: DerElement | undefined): boolean =>
  one?.tag === TAG.utcTime || one?.tag === TAG.generalizedTime;

const magnitude = (octets: Uint8Array): bigint => {
  let value = 0n;
  for (const octet of octets) value = value * 256n + BigInt(octet);
  return value;
};

const numberIn = (extensions: ReadonlyMap<string, CertificateExtension>): bigint | null => {
  const extension = extensions.get(OID.crlNumber);
  if (extension === undefined) return null;
  // At most 20 octets (RFC 5280 section 5.2.3), which `unsignedInteger` sees to.
  const number = magnitude(unsignedInteger(single(extension.value, TAG.integer, 'the number'), 'the number'));
  if (number >= MAX_NUMBER) throw new DerError('the number is too large');
  return number;
};

/** @throws DerError, for what is no list */
const parse = (der: Uint8Array): Parsed => {
  if (der.length > MAX_CRL_LENGTH) throw new DerError('the list is too long');
  const [tbs, algorithm, signature, ...more] = elements(
    single(der, TAG.sequence, 'the list').content,
    MAX_FIELDS,
  );
  const content = expectTag(tbs, TAG.sequence, 'the list’s content');
  const fields = [...elements(content.content, MAX_FIELDS)];
  const version = fields[0]?.tag === TAG.integer ? fields.shift() : undefined;
  const [inner, issuer, thisUpdate, ...rest] = fields;
  const nextUpdate = isTime(rest[0]) ? rest.shift() : undefined;
  const entries = rest[0]?.tag === TAG.sequence ? rest.shift() : undefined;
  const wrapper = rest[0]?.tag === contextTag(0) ? rest.shift() : undefined;
  const outer = algorithmOf(algorithm, 'the algorithm').raw;
  if (more.length > 0 || rest.length > 0) throw new DerError('the list has unexpected fields');
  if (inner === undefined || !sameBytes(inner.raw, outer))
    throw new DerError('the signature algorithms differ');
  const isVersion2 = version !== undefined && unsignedInteger(version, 'the version', 1)[0] === 1;
  if (isVersion2 ? false : version !== undefined || wrapper !== undefined)
    throw new DerError('the version of the list is not known');
  const extensions = readExtensions(wrapper);
  return {
    issuer: nameOf(issuer, 'the issuer').raw,
    number: numberIn(extensions),
    thisUpdate: timeValue(thisUpdate),
    nextUpdate: nextUpdate === undefined ? null : timeValue(nextUpdate),
    extensions,
    entries: entries?.content ?? new Uint8Array(),
    tbs: content.raw,
    signature: bitStringOctets(signature, 'the signature'),
    algorithm: outer,
  };
};

/** Critical extensions whose meaning is known. What they say is looked at below. */
const KNOWN_CRITICAL: readonly string[] = [
  OID.authorityKeyIdentifier,
  OID.crlNumber,
  OID.issuingDistributionPoint,
];

/**
 * Of an issuing distribution point the place, and that the list is of leaves only, change nothing for who asks about a leaf.
 * All else cuts the list down, or lets it speak for other issuers (RFC 5280 section 5.2.5).
 */
const isWholeList = (value: Uint8Array): boolean => {
  const allowed = [contextTag(0), 0x81];
  return elements(single(value, TAG.sequence, 'the distribution point').content, MAX_FIELDS).every(
    ({ tag }) => allowed.includes(tag),
  );
};

const isSupported = (extensions: ReadonlyMap<string, CertificateExtension>): boolean => {
  if (extensions.has(OID.deltaCrlIndicator)) return false;
  const point = extensions.get(OID.issuingDistributionPoint);
  if (point !== undefined && !isWholeList(point.value)) return false;
  return [...extensions.values()].every(({ oid, critical }) => !critical || KNOWN_CRITICAL.includes(oid));
};

const attempt = <T>(work: () => T): T | null => {
  try {
    return work();
  } catch (error) {
    if (error instanceof DerError) return null;
    throw error;
  }
};

const headOf = ({ issuer, number, thisUpdate, nextUpdate }: Parsed): CrlHead => ({
  issuer,
  number,
  thisUpdate,
  nextUpdate,
});

/**
 * What a list says of itself, for telling lists apart; what it says of certificates is for `openCrl`. The same work for a
 * list of any length. Total. @returns null for what is no list
 */
export const readCrlHead = (der: Uint8Array): CrlHead | null => attempt(() => headOf(parse(der)));

const isSigned = async (list: Parsed, publicKeyInfo: Uint8Array): Promise<boolean> => {
  const { tbs: data, signature, algorithm } = list;
  try {
    return await verifySignature({ data, signature, algorithm }, publicKeyInfo);
  } catch (error) {
    if (error instanceof DerError) return false;
    throw error;
  }
};

/**
 * Opens a complete list of this issuer. Its name and signature are checked first: until then nothing is looked at whose cost
 * depends on the length of the list. Then every entry is, because an unknown critical extension of one of them forbids to use
 * the list at all (RFC 5280 section 5.3). Total; `der` must not change afterwards.
 */
export const openCrl = async (
  der: Uint8Array,
  issuer: Pick<CertificateInfo, 'subject' | 'publicKeyInfo'>,
): Promise<Result<VerifiedCrl, CrlFault>> => {
  const list = attempt(() => parse(der));
  if (list === null) return err('no_list');
  if (!sameBytes(list.issuer, issuer.subject)) return err('foreign');
  if (!(await isSigned(list, issuer.publicKeyInfo))) return err('foreign');
  if (attempt(() => isSupported(list.extensions)) !== true) return err('not_supported');
  const entries = attempt(() => assertEntries(list.entries));
  if (entries === null) return err('no_list');
  if (entries === 'not_supported') return err('not_supported');
  const among = (serials: Iterable<string>): ReadonlySet<string> => revokedAmong(list.entries, serials);
  return ok({ ...headOf(list), revokedAmong: among, revokes: (serial) => among([serial]).has(serial) });
};
