import { CertificationRequest, RelativeDistinguishedNames } from 'pkijs';
import { pkiEngine, publicKeyFromDer } from './build.ts';
import { derToPem } from './pem.ts';

export interface KeyAndCsr {
  /** PKCS#8. A secret: seal it before it is stored. */
  readonly keyPem: string;
  /** PKCS#10 with an empty subject: the authority decides every name. */
  readonly csrPem: string;
}

const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;

const keyAndCsr = async (): Promise<KeyAndCsr> => {
  const { subtle } = globalThis.crypto;
  const { privateKey, publicKey } = await subtle.generateKey(P256, true, ['sign', 'verify']);
  const request = new CertificationRequest({
    version: 0,
    subject: new RelativeDistinguishedNames(),
    subjectPublicKeyInfo: publicKeyFromDer(new Uint8Array(await subtle.exportKey('spki', publicKey))),
    attributes: [],
  });
  await request.sign(privateKey, 'SHA-256', pkiEngine());
  const pkcs8 = new Uint8Array(await subtle.exportKey('pkcs8', privateKey));
  return {
    keyPem: derToPem(pkcs8, 'PRIVATE KEY'),
    csrPem: derToPem(new Uint8Array(request.toSchema(true).toBER()), 'CERTIFICATE REQUEST'),
  };
};

/** Makes P-256 keys with their certificate requests, on any runtime with WebCrypto. */
export const makeKeyMaker = (): { readonly keyAndCsr: () => Promise<KeyAndCsr> } => ({ keyAndCsr });
