import type { Crl } from '../authority.ts';
import type { CertificateInfo } from '../x509/certificate.ts';
import { type CrlFault, openCrl } from '../x509/crl-read.ts';
import { derToPem } from '../x509/pem.ts';
import { caUnavailable } from './http.ts';

const WHY: Readonly<Record<CrlFault, string>> = {
  no_list: 'the answer is not a CRL',
  foreign: 'the CRL is from another issuer, or the authority did not sign it',
  not_supported:
    'the CRL is a delta or indirect CRL, does not cover all leaves, or has an unknown critical extension',
};

/**
 * Reads the list step-ca serves and checks that the intermediate signed it: one that somebody put in its place would
 * un-revoke certificates.
 * @throws MosaicError `ca_unavailable`
 */
export const readCrl = async (der: Uint8Array, issuer: CertificateInfo, alsoPem: string): Promise<Crl> => {
  try {
    const list = await openCrl(der, issuer);
    if (!list.ok) throw new Error(WHY[list.error]);
    const { number, thisUpdate, nextUpdate } = list.value;
    if (number === null) throw new Error('the CRL has no number');
    if (nextUpdate === null) throw new Error('the CRL has no next update');
    return { der, pem: `${derToPem(der, 'X509 CRL')}${alsoPem}`, number, thisUpdate, nextUpdate };
  } catch (error) {
    throw caUnavailable('The authority’s revocation list is not usable.', error);
  }
};
