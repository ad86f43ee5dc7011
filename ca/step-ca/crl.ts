import type { Crl } from '../authority.ts';
import { sameBytes } from '../x509/bytes.ts';
import type { CertificateInfo } from '../x509/certificate.ts';
import { readCrlList } from '../x509/crl.ts';
import { derToPem } from '../x509/pem.ts';
import { caUnavailable } from './http.ts';

/**
 * Reads the list step-ca serves and checks that the intermediate signed it: one that somebody put in its place would
 * un-revoke certificates.
 * @throws MosaicError `ca_unavailable`
 */
export const readCrl = async (der: Uint8Array, issuer: CertificateInfo, alsoPem: string): Promise<Crl> => {
  try {
    const list = readCrlList(der);
    if (list === null) throw new Error('that is no list');
    if (!sameBytes(list.issuer, issuer.subject)) throw new Error('the list is of another issuer');
    if (!(await list.isSignedBy(issuer.publicKeyInfo)))
      throw new Error('the list is not signed by the authority');
    const { number, thisUpdate, nextUpdate } = list;
    if (number === null) throw new Error('the list has no number');
    if (nextUpdate === null) throw new Error('the list has no next update');
    return { der, pem: `${derToPem(der, 'X509 CRL')}${alsoPem}`, number, thisUpdate, nextUpdate };
  } catch (error) {
    throw caUnavailable('The authority’s revocation list is not usable.', error);
  }
};
