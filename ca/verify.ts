import { MosaicError } from '../domain/errors.ts';
import { GRANT_ID_OID, SUBJECT_USER_ID_OID } from '../domain/peers/identity.ts';
import type { ClientProfile, IssueRequest, ServerProfile } from './authority.ts';
import { sameBytes, toHex } from './x509/bytes.ts';
import { type CertificateInfo, readCertificate } from './x509/certificate.ts';
import { readCsr } from './x509/csr.ts';
import { DerError } from './x509/der.ts';
import { encodeIdentityExtension } from './x509/extension.ts';
import { ipOctets } from './x509/names.ts';
import { OID } from './x509/oids.ts';
import { pemToDer } from './x509/pem.ts';
import { type Verifier, verifierOf } from './x509/public-key.ts';
import {
  basicConstraints,
  extendedKeyUsage,
  keyUsageBits,
  onlyCommonName,
  subjectAltNames,
} from './x509/usage.ts';

/** How much earlier than asked a certificate may begin. */
export const MAX_BACKDATING_MS = 60_000;
const SECOND_MS = 1000;
const DIGITAL_SIGNATURE = 0x80;

/** The names of the checks that failed; public, since they say nothing of what was in the certificate. */
type Faults = readonly string[];

const fault = (name: string, holds: boolean): Faults => (holds ? [] : [name]);

const hasIdentity = (certificate: CertificateInfo, oid: string, uuid: string): boolean => {
  const extension = certificate.extensions.get(oid);
  return extension !== undefined && sameBytes(extension.value, encodeIdentityExtension(uuid));
};

const clientFaults = (certificate: CertificateInfo, profile: ClientProfile): Faults => [
  ...fault('grant id', hasIdentity(certificate, GRANT_ID_OID, profile.grantId)),
  ...fault('subject user id', hasIdentity(certificate, SUBJECT_USER_ID_OID, profile.subjectUserId)),
  ...fault('extended key usage', extendedKeyUsage(certificate).join() === OID.clientAuth),
  ...fault('alternative names', !certificate.extensions.has(OID.subjectAltName)),
  ...fault('subject', onlyCommonName(certificate.subject) === profile.grantId),
];

const serverFaults = (certificate: CertificateInfo, profile: ServerProfile): Faults => {
  const asked = [
    ...profile.dnsNames.map((name) => `dns:${name}`),
    ...profile.ipAddresses.map((text) => `ip:${toHex(ipOctets(text) ?? new Uint8Array())}`),
  ].toSorted();
  const carriesIdentity = [GRANT_ID_OID, SUBJECT_USER_ID_OID].some((oid) => certificate.extensions.has(oid));
  return [
    ...fault('identity extensions', !carriesIdentity),
    ...fault('extended key usage', extendedKeyUsage(certificate).join() === OID.serverAuth),
    ...fault('alternative names', subjectAltNames(certificate).join() === asked.join()),
  ];
};

const validityFaults = (certificate: CertificateInfo, request: IssueRequest): Faults => {
  const early = request.notBefore.getTime() - certificate.notBefore.getTime();
  const cut = request.notAfter.getTime() - certificate.notAfter.getTime();
  return [
    // Certificates know whole seconds only, so up to one second of each is rounding.
    ...fault('start of validity', early >= 0 && early < MAX_BACKDATING_MS + SECOND_MS),
    ...fault('end of validity', cut >= 0 && cut < SECOND_MS),
  ];
};

const usageFaults = (certificate: CertificateInfo): Faults => {
  const isLeaf = basicConstraints(certificate)?.isCa === false;
  return [
    ...fault('basic constraints', isLeaf),
    ...fault('key usage', ((keyUsageBits(certificate) ?? 0) & ~DIGITAL_SIGNATURE) === 0),
  ];
};

/** Signed by the next certificate, up to the root: a check of our own authority's answer, no chain validation. */
const isSignedBy = async (
  certificate: CertificateInfo,
  subject: Uint8Array,
  verify: Verifier,
): Promise<boolean> => {
  const { tbs: data, signature, signatureAlgorithm: algorithm, issuer } = certificate;
  return sameBytes(issuer, subject) && (await verify({ data, signature, algorithm }));
};

/** What stands between a leaf and the root, the root last, each signed by the next. */
interface Signers {
  readonly rootPem: string;
  readonly intermediates: readonly Uint8Array[];
  /** Name and key of the first, which signs leaves. */
  readonly subject: Uint8Array;
  readonly verify: Verifier;
}

/**
 * Remembers the signers that an authority's last good answer came with. The same ones, byte for byte, are as good with the
 * next: whether they signed each other can not change. A leaf's own signature is checked each time.
 */
export interface SignerMemory {
  last: Signers | null;
}

const isSame = (known: Signers, rootPem: string, intermediates: readonly Uint8Array[]): boolean =>
  known.rootPem === rootPem &&
  known.intermediates.length === intermediates.length &&
  known.intermediates.every((der, index) => sameBytes(der, intermediates[index] ?? new Uint8Array()));

const misissued = (detail: string, cause?: unknown): MosaicError =>
  new MosaicError('ca_misissued', { detail, cause });

const readOrThrow = (der: Uint8Array, what: string): CertificateInfo => {
  const certificate = readCertificate(der);
  if (certificate.ok) return certificate.value;
  throw misissued(`The authority’s ${what} is not readable.`, new Error(certificate.error));
};

/** Null when they are readable and did not sign each other. @throws MosaicError `ca_misissued`, DerError */
const readSigners = async (
  rootPem: string,
  intermediates: readonly Uint8Array[],
): Promise<Signers | null> => {
  const rootDer = pemToDer(rootPem, 'CERTIFICATE');
  if (!rootDer.ok) throw misissued('The authority’s root is not readable.', new Error(rootDer.error));
  const chain = [...intermediates, rootDer.value].map((der) => readOrThrow(der, 'chain'));
  const verifiers = chain.map(({ publicKeyInfo }) => verifierOf(publicKeyInfo));
  const links = chain.slice(1).map(async ({ subject }, index) => {
    const [certificate, verify] = [chain[index], verifiers[index + 1]];
    return certificate !== undefined && verify !== undefined && isSignedBy(certificate, subject, verify);
  });
  const [first, verify] = [chain[0], verifiers[0]];
  if (!(await Promise.all(links)).every(Boolean) || first === undefined || verify === undefined) return null;
  return { rootPem, intermediates: intermediates.map((der) => der.slice()), subject: first.subject, verify };
};

const allFaults = async (
  request: IssueRequest,
  certificate: CertificateInfo,
  signers: Signers | null,
): Promise<Faults> => {
  const csr = await readCsr(request.csr);
  const { profile } = request;
  return [
    ...fault('public key', csr.ok && sameBytes(csr.value.publicKeyInfo, certificate.publicKeyInfo)),
    ...(profile.kind === 'peer-client'
      ? clientFaults(certificate, profile)
      : serverFaults(certificate, profile)),
    ...usageFaults(certificate),
    ...validityFaults(certificate, request),
    ...fault(
      'signature of the authority',
      signers !== null && (await isSignedBy(certificate, signers.subject, signers.verify)),
    ),
  ];
};

/**
 * Re-reads an issued certificate and compares all of it with what was asked (SPEC M2): an authority that is set
 * up wrongly signs other things without an error.
 * @param intermediates DER of the certificates between leaf and root, in order
 * @param memory of this authority, so that what stays the same is looked at once
 * @returns what the certificate says
 * @throws MosaicError `ca_misissued`, its detail naming the parts that differ and no values
 */
export const verifyIssued = async (
  request: IssueRequest,
  issuedDer: Uint8Array,
  rootPem: string,
  intermediates: readonly Uint8Array[] = [],
  memory: SignerMemory = { last: null },
): Promise<CertificateInfo> => {
  const certificate = readOrThrow(issuedDer, 'certificate');
  try {
    const { last } = memory;
    const isKnown = last !== null && isSame(last, rootPem, intermediates);
    const signers = isKnown ? last : await readSigners(rootPem, intermediates);
    if (signers !== null) memory.last = signers;
    const faults = await allFaults(request, certificate, signers);
    if (faults.length > 0)
      throw misissued(`The certificate differs from the request in: ${faults.join(', ')}.`);
    return certificate;
  } catch (error) {
    if (error instanceof DerError) throw misissued('The certificate is malformed.', error);
    throw error;
  }
};
