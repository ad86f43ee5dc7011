import { type CertificateIdentity, GRANT_ID_OID, SUBJECT_USER_ID_OID } from '../../domain/peers/identity.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import { type CertificateInfo, readCertificate } from './certificate.ts';
import { decodeIdentityExtension } from './extension.ts';

const uuidOf = (certificate: CertificateInfo, oid: string): Result<string, string> => {
  const extension = certificate.extensions.get(oid);
  if (extension === undefined) return err(`extension ${oid} is missing`);
  const decoded = decodeIdentityExtension(extension.value);
  return decoded.ok ? decoded : err(`extension ${oid}: ${decoded.error}`);
};

/**
 * The identity in a client certificate, both extensions present exactly once (ABUSE 11). Takes any bytes and
 * never throws. It proves nothing about who presents the certificate: the TLS front has done that.
 */
export const readIdentity = (der: Uint8Array): Result<CertificateIdentity, string> => {
  const certificate = readCertificate(der);
  if (!certificate.ok) return certificate;
  const grantId = uuidOf(certificate.value, GRANT_ID_OID);
  if (!grantId.ok) return grantId;
  const subjectUserId = uuidOf(certificate.value, SUBJECT_USER_ID_OID);
  if (!subjectUserId.ok) return subjectUserId;
  const { serial, fingerprint, notBefore, notAfter } = certificate.value;
  return ok({
    grantId: grantId.value,
    subjectUserId: subjectUserId.value,
    serial,
    fingerprint,
    notBefore,
    notAfter,
  });
};
