import { ROOT_IDENTITY, ROOT_SECRET } from '../../../ca/embedded/root.ts';
import {
  commonName,
  extension,
  keyIdentifier,
  leafExtensions,
  nameFromDer,
  signCertificate,
} from '../../../ca/x509/build.ts';
import { readCertificate } from '../../../ca/x509/certificate.ts';
import { OID } from '../../../ca/x509/oids.ts';
import { derToPem, pemToDer } from '../../../ca/x509/pem.ts';
import type { Sealer } from '../../../domain/ports/basics.ts';
import type { SecretStore } from '../../../domain/ports/sealed.ts';
import type { GatewayUnderTest } from './under-test.ts';

const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const DAY_MS = 86_400_000;

const derOf = (pem: string, label: 'CERTIFICATE' | 'PRIVATE KEY'): Uint8Array<ArrayBuffer> => {
  const der = pemToDer(pem, label);
  if (!der.ok) throw new Error(der.error);
  return new Uint8Array(der.value);
};

/** Signs leaves with a gateway's real root, taken from its database with its sealing key. */
export const createForge = (secrets: SecretStore, sealer: Sealer): GatewayUnderTest['forge'] => {
  return async (extensions) => {
    const { subtle } = crypto;
    const sealed = await secrets.get(ROOT_SECRET);
    if (sealed === null) throw new Error('the gateway has no root yet');
    const text = new TextDecoder().decode(await sealer.open(sealed, ROOT_IDENTITY));
    const stored = JSON.parse(text) as { readonly certificate: string; readonly private_key: string };
    const root = readCertificate(derOf(stored.certificate, 'CERTIFICATE'));
    if (!root.ok) throw new Error(root.error);
    const rootKey = await subtle.importKey('pkcs8', derOf(stored.private_key, 'PRIVATE KEY'), P256, false, [
      'sign',
    ]);
    const { privateKey, publicKey } = await subtle.generateKey(P256, true, ['sign', 'verify']);
    const publicKeyInfo = new Uint8Array(await subtle.exportKey('spki', publicKey));
    const der = await signCertificate(
      {
        serial: '7f',
        issuer: nameFromDer(root.value.subject),
        subject: commonName('forged'),
        notBefore: new Date(Date.now() - 60_000),
        notAfter: new Date(Date.now() + DAY_MS),
        publicKeyInfo,
        extensions: [
          ...leafExtensions(publicKeyInfo, keyIdentifier(root.value.publicKeyInfo), OID.clientAuth),
          ...extensions.map(({ oid, value }) => extension(oid, value)),
        ],
      },
      rootKey,
    );
    const pkcs8 = new Uint8Array(await subtle.exportKey('pkcs8', privateKey));
    return { certificate: derToPem(der, 'CERTIFICATE'), key: derToPem(pkcs8, 'PRIVATE KEY') };
  };
};
