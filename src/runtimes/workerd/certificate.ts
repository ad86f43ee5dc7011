import { verdictOf, verdictParts } from '../../../domain/peers/certificate-verdict.ts';
import { MosaicError } from '../../../domain/errors.ts';
import { derOfHeader } from '../../../routes/inbound/certificate-header.ts';
import type { CertificateSource, PresentedCertificate } from '../../../routes/inbound/certificate-source.ts';

/** `request.cf.tlsClientAuth`, as far as it is used. The edge verified the certificate; texts are `0` or `1`. */
export interface TlsClientAuth {
  readonly certPresented?: string;
  /** `SUCCESS`, `NONE`, or `FAILED:<reason>`. */
  readonly certVerified?: string;
  readonly certRevoked?: string;
  /** RFC 9440 form of the DER. Filled for certificates that did not verify, too. */
  readonly certRFC9440?: string;
}

/**
 * The certificate of a connection, once the edge has accepted it.
 * @throws MosaicError `certificate_required`, `certificate_untrusted`: no handler may run then
 */
export const acceptedCertificate = (auth: TlsClientAuth | undefined): PresentedCertificate => {
  if (auth?.certPresented !== '1') throw new MosaicError('certificate_required');
  if (auth.certRevoked === '1') throw new MosaicError('certificate_untrusted', verdictParts('revoked'));
  if (auth.certVerified !== 'SUCCESS') {
    const verdict = verdictOf((auth.certVerified ?? '').replace(/^FAILED:/, ''));
    throw new MosaicError(
      'certificate_untrusted',
      verdict === null ? { detail: 'The certificate does not verify.' } : verdictParts(verdict),
    );
  }
  const value = auth.certRFC9440 ?? '';
  return { key: value, der: () => derOfHeader(value) };
};

/** Finds what `fetch` put into the app's environment. No header is looked at. */
export const certificateOfEnvironment: CertificateSource = (c) => {
  const { certificate } = c.env as { readonly certificate?: PresentedCertificate };
  return certificate ?? null;
};
