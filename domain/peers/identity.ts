/** What a verified client certificate says, once its identity extensions were read (SPEC M2). */
export interface CertificateIdentity {
  readonly grantId: string;
  readonly subjectUserId: string;
  /** Serial number, lower-case hexadecimal without leading zeros or prefix. */
  readonly serial: string;
  /** SHA-256 of the DER, lower-case hexadecimal. */
  readonly fingerprint: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/**
 * Whether a record is of the certificate that was presented. Serials alone do not say so: an authority can be made to sign two with
 * one, and the signature of a certificate can be written in more than one way. One without a fingerprint was never issued by us.
 */
export const isOfCertificate = (
  record: { readonly serial: string | null; readonly fingerprint: string | null },
  presented: Pick<CertificateIdentity, 'serial' | 'fingerprint'>,
): boolean => record.serial === presented.serial && record.fingerprint === presented.fingerprint;

/** The development arc of the two identity extensions: register an IANA PEN before production. */
const MOSAIC_OID_ARC = '1.3.6.1.4.1.99999';
export const GRANT_ID_OID = `${MOSAIC_OID_ARC}.1`;
export const SUBJECT_USER_ID_OID = `${MOSAIC_OID_ARC}.2`;
