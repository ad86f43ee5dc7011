import { Enumerated, type Sequence } from 'asn1js';
import { CertificateRevocationList, Extensions, RevokedCertificate } from 'pkijs';
import { authorityKeyExtension, extension, nameFromDer, pkiEngine, pkiInteger, pkiTime } from './build.ts';
import { copyBytes, toHex } from './bytes.ts';
import { single, TAG, unsignedInteger } from './der.ts';
import { OID } from './oids.ts';

export interface RevokedEntry {
  /** Hexadecimal. */
  readonly serial: string;
  readonly revokedAt: Date;
  /** One of `CRL_REASONS`; anything else, and nothing, leaves the reason out. */
  readonly reason?: string;
}

export interface CrlDraft {
  /** DER of the issuer's name. */
  readonly issuer: Uint8Array;
  /** The issuer's subject key identifier. */
  readonly issuerKeyIdentifier: Uint8Array;
  readonly number: bigint;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  readonly revoked: readonly RevokedEntry[];
}

/** RFC 5280 section 5.3.1. `unspecified` is left out, as that section asks for. */
const CRL_REASONS: ReadonlyMap<string, number> = new Map([
  ['key_compromise', 1],
  ['superseded', 4],
  ['cessation_of_operation', 5],
]);

const revokedCertificate = (entry: RevokedEntry): RevokedCertificate => {
  const reason = CRL_REASONS.get(entry.reason ?? '');
  const base = { userCertificate: pkiInteger(entry.serial), revocationDate: pkiTime(entry.revokedAt) };
  if (reason === undefined) return new RevokedCertificate(base);
  const extensions = [extension(OID.crlReason, new Enumerated({ value: reason }).toBER())];
  return new RevokedCertificate({ ...base, crlEntryExtensions: new Extensions({ extensions }) });
};

/**
 * A complete version 2 revocation list, signed with ECDSA and SHA-256. It has no issuing distribution point: a
 * critical one makes OpenSSL refuse every leaf without the same one (ABUSE.md). @returns its DER
 */
export const signCrl = async (draft: CrlDraft, issuerKey: CryptoKey): Promise<Uint8Array> => {
  const extensions = [
    authorityKeyExtension(draft.issuerKeyIdentifier),
    extension(OID.crlNumber, pkiInteger(draft.number.toString(16)).toBER()),
  ];
  const crl = new CertificateRevocationList({
    version: 1,
    issuer: nameFromDer(draft.issuer),
    thisUpdate: pkiTime(draft.thisUpdate),
    nextUpdate: pkiTime(draft.nextUpdate),
    // An empty list must be absent, not an empty SEQUENCE (RFC 5280 section 5.1.2.6).
    ...(draft.revoked.length === 0 ? {} : { revokedCertificates: draft.revoked.map(revokedCertificate) }),
    crlExtensions: new Extensions({ extensions }),
  });
  await crl.sign(issuerKey, 'SHA-256', pkiEngine());
  const schema = crl.toSchema(true) as Sequence; // PKI.js types this one method as any.
  return new Uint8Array(schema.toBER());
};

/** The cRLNumber extension (RFC 5280 section 5.2.3). @throws Error when there is none */
export const crlNumber = (list: CertificateRevocationList): bigint => {
  const value = list.crlExtensions?.extensions.find(({ extnID }) => extnID === OID.crlNumber)?.extnValue;
  if (value === undefined) throw new Error('the list has no number');
  const octets = unsignedInteger(
    single(new Uint8Array(value.valueBlock.valueHexView), TAG.integer, 'the number'),
    'the number',
  );
  return BigInt(`0x${toHex(octets) || '0'}`);
};

export interface CrlInfo {
  /** null for a list without one: OpenSSL's of a root may be. */
  readonly number: bigint | null;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | null;
}

/** What a revocation list says of itself; its signature is not looked at. @returns null for what is no list */
export const readCrlInfo = (der: Uint8Array): CrlInfo | null => {
  try {
    pkiEngine();
    const list = CertificateRevocationList.fromBER(copyBytes(der));
    const hasNumber = list.crlExtensions?.extensions.some(({ extnID }) => extnID === OID.crlNumber) === true;
    return {
      number: hasNumber ? crlNumber(list) : null,
      thisUpdate: list.thisUpdate.value,
      nextUpdate: list.nextUpdate?.value ?? null,
    };
  } catch {
    return null;
  }
};
