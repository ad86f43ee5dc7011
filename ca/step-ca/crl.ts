import { CertificateRevocationList } from 'pkijs';
import type { Crl } from '../authority.ts';
import { copyBytes, sameBytes } from '../x509/bytes.ts';
import type { CertificateInfo } from '../x509/certificate.ts';
import { crlNumber } from '../x509/crl.ts';
import { derToPem } from '../x509/pem.ts';
import { pkiEngine } from '../x509/build.ts';
import { members, single, TAG } from '../x509/der.ts';
import { verifySignature } from '../x509/public-key.ts';
import { bitStringOctets } from '../x509/der.ts';
import { caUnavailable } from './http.ts';

const isSignedBy = async (der: Uint8Array, issuer: CertificateInfo): Promise<boolean> => {
  const [data, algorithm, signature] = members(single(der, TAG.sequence, 'the list'), 'the list');
  if (data === undefined || algorithm === undefined) return false;
  return verifySignature(
    { data: data.raw, algorithm: algorithm.raw, signature: bitStringOctets(signature, 'the signature') },
    issuer.publicKeyInfo,
  );
};

/**
 * Reads the list step-ca serves and checks that the intermediate signed it: one that somebody put in its place would
 * un-revoke certificates.
 * @throws MosaicError `ca_unavailable`
 */
export const readCrl = async (der: Uint8Array, issuer: CertificateInfo, alsoPem: string): Promise<Crl> => {
  try {
    pkiEngine();
    const list = CertificateRevocationList.fromBER(copyBytes(der));
    if (!sameBytes(new Uint8Array(list.issuer.toSchema().toBER()), issuer.subject)) {
      throw new Error('the list is of another issuer');
    }
    if (!(await isSignedBy(der, issuer))) throw new Error('the list is not signed by the authority');
    if (list.nextUpdate === undefined) throw new Error('the list has no next update');
    return {
      der,
      pem: `${derToPem(der, 'X509 CRL')}${alsoPem}`,
      number: crlNumber(list),
      thisUpdate: list.thisUpdate.value,
      nextUpdate: list.nextUpdate.value,
    };
  } catch (error) {
    throw caUnavailable('The authority’s revocation list is not usable.', error);
  }
};
