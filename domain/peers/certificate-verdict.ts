/** What may be wrong with a client certificate, as the serving side sees it. */
export type CertificateVerdict =
  | 'revoked'
  | 'expired'
  | 'not_yet_valid'
  | 'other_authority'
  | 'wrong_purpose'
  | 'list_expired'
  | 'list_missing';

interface VerdictText {
  /** OpenSSL's error codes, as Node gives them. */
  readonly codes: readonly string[];
  /** OpenSSL's texts of the same errors (X509_verify_cert_error_string), as nginx and Cloudflare give them. */
  readonly texts: readonly string[];
  readonly detail: string;
  /** Absent: the catalogue's. */
  readonly remedy?: string;
}

const AGAIN = 'create a new enrollment URL at the serving gateway and enroll again';

/** One table for every front, so that the asking side reads the same sentence whatever stands in front of the gateway. */
export const CERTIFICATE_VERDICTS: Readonly<Record<CertificateVerdict, VerdictText>> = {
  revoked: {
    codes: ['CERT_REVOKED'],
    texts: ['certificate revoked'],
    detail: 'The certificate was revoked.',
  },
  expired: {
    codes: ['CERT_HAS_EXPIRED'],
    texts: ['certificate has expired'],
    detail: 'The certificate has expired.',
    remedy: `Compare the clocks of both gateways; when they agree, ${AGAIN}.`,
  },
  not_yet_valid: {
    codes: ['CERT_NOT_YET_VALID'],
    texts: ['certificate is not yet valid'],
    detail: 'The certificate is not valid yet.',
    remedy:
      'Compare the clocks of both gateways: the one that serves is behind the one that issued, or asks.',
  },
  other_authority: {
    codes: [
      'UNABLE_TO_GET_ISSUER_CERT',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'CERT_SIGNATURE_FAILURE',
    ],
    texts: [
      'unable to get issuer certificate',
      'unable to get local issuer certificate',
      'unable to verify the first certificate',
      'self-signed certificate in certificate chain',
      'self-signed certificate',
      'self signed certificate',
      'certificate signature failure',
    ],
    detail: 'The certificate was issued by another authority.',
  },
  wrong_purpose: {
    codes: ['INVALID_PURPOSE'],
    texts: ['unsuitable certificate purpose'],
    detail: 'The certificate may not be used by a client.',
  },
  list_expired: {
    codes: ['CRL_HAS_EXPIRED'],
    texts: ['CRL has expired'],
    detail: 'This gateway’s revocation list is out of date: its operator must look.',
    remedy:
      'Ask the operator of the serving gateway to look at its front; the certificate itself may be good.',
  },
  list_missing: {
    codes: ['UNABLE_TO_GET_CRL'],
    texts: ['unable to get certificate CRL'],
    detail: 'This gateway has no revocation list for that issuer.',
  },
};

export const CERTIFICATE_VERDICT_NAMES = Object.keys(CERTIFICATE_VERDICTS) as readonly CertificateVerdict[];

/** Of OpenSSL's code or text; null for one that the table lacks. */
export const verdictOf = (said: string): CertificateVerdict | null =>
  CERTIFICATE_VERDICT_NAMES.find((name) => {
    const { codes, texts } = CERTIFICATE_VERDICTS[name];
    return codes.includes(said) || texts.includes(said);
  }) ?? null;

/** Of the sentence another gateway answered with: its words are recognized or dropped, never repeated. */
export const verdictOfDetail = (detail: string): CertificateVerdict | null =>
  CERTIFICATE_VERDICT_NAMES.find((name) => CERTIFICATE_VERDICTS[name].detail === detail) ?? null;

/** Detail and, where the table has one, remedy of a `certificate_untrusted`. */
export const verdictParts = (
  verdict: CertificateVerdict,
): { readonly detail: string; readonly remedy?: string } => {
  const { detail, remedy } = CERTIFICATE_VERDICTS[verdict];
  return remedy === undefined ? { detail } : { detail, remedy };
};

/** Why a server's certificate is not good here and now, by the clock of whoever connects. */
export type ServerCertificateFault = 'server_certificate_expired' | 'server_certificate_not_yet_valid';

const SERVER_FAULTS: Readonly<Record<string, ServerCertificateFault>> = {
  CERT_HAS_EXPIRED: 'server_certificate_expired',
  CERT_NOT_YET_VALID: 'server_certificate_not_yet_valid',
};

/** @param code OpenSSL's, as Node gives it */
export const serverCertificateFault = (code: string): ServerCertificateFault | null =>
  Object.hasOwn(SERVER_FAULTS, code) ? (SERVER_FAULTS[code] ?? null) : null;

/**
 * What a clock says of a certificate. The front has asked this when the connection was made; a connection may outlive its certificate.
 *
 * @returns null: it is in time
 */
export const outOfTime = (
  { notBefore, notAfter }: { readonly notBefore: Date; readonly notAfter: Date },
  now: Date,
): CertificateVerdict | null => {
  if (notAfter <= now) return 'expired';
  return notBefore > now ? 'not_yet_valid' : null;
};
