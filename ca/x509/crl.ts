import { Enumerated, type Sequence } from 'asn1js';
import { CertificateRevocationList, Extensions, RevokedCertificate } from 'pkijs';
import { authorityKeyExtension, extension, nameFromDer, pkiEngine, pkiInteger, pkiTime } from './build.ts';
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
