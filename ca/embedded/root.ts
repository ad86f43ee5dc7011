import type { Clock, Random, Sealer } from '../../domain/ports/basics.ts';
import type { SecretStore } from '../../domain/ports/sealed.ts';
import {
  authorityKeyExtension,
  commonName,
  nameFromDer,
  rootExtensions,
  signCertificate,
} from '../x509/build.ts';
import { copyBytes, serialText } from '../x509/bytes.ts';
import { type CertificateInfo, readCertificate } from '../x509/certificate.ts';
import { derToPem, pemToDer } from '../x509/pem.ts';
import { subjectKeyIdentifier } from '../x509/usage.ts';
import { unavailable } from './errors.ts';

/** Name of the root in the secret store, and its identity as associated data of the seal. */
export const ROOT_SECRET = 'embedded_ca_root';
const secretOf = (generation: number): string =>
  generation === 1 ? ROOT_SECRET : `${ROOT_SECRET}_${generation}`;
export const ROOT_IDENTITY = `gateway_secrets/${ROOT_SECRET}`;
const identityOf = (generation: number): string => `gateway_secrets/${secretOf(generation)}`;
const LIFETIME_YEARS = 10;
const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const ECDSA = { name: 'ECDSA', hash: 'SHA-256' } as const;
const SERIAL_OCTETS = 16;

export interface RootDeps {
  readonly secrets: SecretStore;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly random: Random;
  /** Of the root's subject and issuer: 1 to 64 characters. Read once, when the root is made. */
  readonly commonName: string;
}

export interface Root {
  readonly pem: string;
  readonly certificate: CertificateInfo;
  readonly keyIdentifier: Uint8Array;
  /** Not extractable. */
  readonly key: CryptoKey;
}

/** 128 random bits, as hexadecimal; never zero. */
export const randomSerial = (random: Random): string => {
  const serial = serialText(random.bytes(SERIAL_OCTETS));
  return serial === '0' ? randomSerial(random) : serial;
};

const secretText = (certificatePem: string, keyPem: string): Uint8Array =>
  new TextEncoder().encode(JSON.stringify({ version: 1, certificate: certificatePem, private_key: keyPem }));

/** A new root, sealed whole: the certificate can then not be swapped under the key either. */
const makeSealedRoot = async (deps: RootDeps, generation: number): Promise<string> => {
  const { subtle } = globalThis.crypto;
  if (deps.commonName.length < 1 || deps.commonName.length > 64) {
    throw unavailable('The embedded authority’s name must have 1 to 64 characters.');
  }
  // Another name for each: certificates and lists of two roots are told apart by it.
  const suffix = generation === 1 ? '' : ` G${generation}`;
  const name = commonName(`${deps.commonName.slice(0, 64 - suffix.length)}${suffix}`);
  const { privateKey, publicKey } = await subtle.generateKey(P256, true, ['sign', 'verify']);
  const publicKeyInfo = new Uint8Array(await subtle.exportKey('spki', publicKey));
  const notBefore = deps.clock.now();
  const notAfter = new Date(notBefore);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + LIFETIME_YEARS);
  const der = await signCertificate(
    {
      serial: randomSerial(deps.random),
      issuer: name,
      subject: name,
      // The same minute leaves are backdated by, so that none begins before its issuer.
      notBefore: new Date(notBefore.getTime() - 60_000),
      notAfter,
      publicKeyInfo,
      extensions: rootExtensions(publicKeyInfo),
    },
    privateKey,
  );
  const pkcs8 = new Uint8Array(await subtle.exportKey('pkcs8', privateKey));
  return deps.sealer.seal(
    secretText(derToPem(der, 'CERTIFICATE'), derToPem(pkcs8, 'PRIVATE KEY')),
    identityOf(generation),
  );
};

const textField = (document: unknown, name: string): string => {
  const value: unknown =
    typeof document === 'object' && document !== null ? Reflect.get(document, name) : null;
  if (typeof value !== 'string') throw new Error('the stored root of the embedded authority is incomplete');
  return value;
};

/** The key must be that of the certificate: otherwise every certificate and CRL would be worthless. */
const assertKeyFits = async (key: CryptoKey, certificate: CertificateInfo): Promise<void> => {
  const { subtle } = globalThis.crypto;
  const probe = new TextEncoder().encode('mosaic embedded authority');
  const publicKey = await subtle.importKey('spki', copyBytes(certificate.publicKeyInfo), P256, false, [
    'verify',
  ]);
  const fits = await subtle.verify(ECDSA, publicKey, await subtle.sign(ECDSA, key, probe), probe);
  if (!fits) throw new Error('the stored key of the embedded authority does not fit its certificate');
};

const openRoot = async (sealed: string, sealer: Sealer, identity: string): Promise<Root> => {
  const document: unknown = JSON.parse(new TextDecoder().decode(await sealer.open(sealed, identity)));
  const pem = textField(document, 'certificate');
  const der = pemToDer(pem, 'CERTIFICATE');
  const pkcs8 = pemToDer(textField(document, 'private_key'), 'PRIVATE KEY');
  if (!der.ok || !pkcs8.ok) throw new Error('the stored root of the embedded authority is malformed');
  const certificate = readCertificate(der.value);
  if (!certificate.ok) throw new Error(certificate.error);
  const keyIdentifier = subjectKeyIdentifier(certificate.value);
  if (keyIdentifier === null) throw new Error('the stored root has no subject key identifier');
  const key = await globalThis.crypto.subtle.importKey('pkcs8', copyBytes(pkcs8.value), P256, false, [
    'sign',
  ]);
  await assertKeyFits(key, certificate.value);
  return { pem, certificate: certificate.value, keyIdentifier, key };
};

/**
 * The root this gateway's replicas share: the stored one, or a new one if there is none. Of replicas that start
 * at once, all get the root that was stored first.
 * @param generation from 1; a rollover makes the next
 */
export const loadOrCreateRoot = async (deps: RootDeps, generation = 1): Promise<Root> => {
  const name = secretOf(generation);
  const stored = await deps.secrets.get(name);
  const sealed = stored ?? (await deps.secrets.putIfAbsent(name, await makeSealedRoot(deps, generation)));
  try {
    return await openRoot(sealed, deps.sealer, identityOf(generation));
  } catch (error) {
    throw unavailable(
      'The sealing key does not open the root key of the embedded authority. Check the sealing key.',
      error,
    );
  }
};

/** A certificate over the newer root's name and key, signed by the older: its announcement. Nothing is issued below it. */
export const signLink = async (older: Root, newer: Root, deps: RootDeps): Promise<string> => {
  const { certificate, key, keyIdentifier } = older;
  const { publicKeyInfo, subject, notAfter } = newer.certificate;
  const der = await signCertificate(
    {
      serial: randomSerial(deps.random),
      issuer: nameFromDer(certificate.subject),
      subject: nameFromDer(subject),
      notBefore: new Date(deps.clock.now().getTime() - 60_000),
      notAfter: notAfter < certificate.notAfter ? notAfter : certificate.notAfter,
      publicKeyInfo,
      extensions: [...rootExtensions(publicKeyInfo), authorityKeyExtension(keyIdentifier)],
    },
    key,
  );
  return derToPem(der, 'CERTIFICATE');
};
