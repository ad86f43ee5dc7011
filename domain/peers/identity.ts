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

/** The development arc of the two identity extensions: register an IANA PEN before production. */
export const MOSAIC_OID_ARC = '1.3.6.1.4.1.99999';
export const GRANT_ID_OID = `${MOSAIC_OID_ARC}.1`;
export const SUBJECT_USER_ID_OID = `${MOSAIC_OID_ARC}.2`;
