import { MosaicError } from '../../domain/errors.ts';
import { GRANT_ID_OID, SUBJECT_USER_ID_OID } from '../../domain/peers/identity.ts';
import { isUuid } from '../../domain/uuid.ts';
import type {
  CertificateAuthority,
  CrlSource,
  IssuedCertificate,
  IssueRequest,
  RootRollover,
} from '../authority.ts';
import { assertLeafLifetime } from '../lifetime.ts';
import { MAX_BACKDATING_MS, verifyIssued } from '../verify.ts';
import {
  type CertificateDraft,
  commonName,
  extension,
  leafExtensions,
  nameFromDer,
  signCertificate,
  subjectAltNameExtension,
} from '../x509/build.ts';
import { type CertificateRequest, readCsr } from '../x509/csr.ts';
import { encodeIdentityExtension } from '../x509/extension.ts';
import { ipOctets, isDnsName } from '../x509/names.ts';
import { OID } from '../x509/oids.ts';
import { derToPem } from '../x509/pem.ts';
import { asAuthority, unavailable } from './errors.ts';
import { createGenerations } from './generations.ts';
import type { CrlDeps } from './revocations.ts';
import { loadOrCreateRoot, randomSerial, type Root, type RootDeps } from './root.ts';

export type EmbeddedAuthorityDeps = RootDeps & CrlDeps;

const CRL_SECONDS = { least: 60, most: 90 * 86_400 } as const;
/** Subject of every front's certificate; what counts are its alternative names. */
const FRONT_NAME = 'mosaic-front';
const SERIAL = /^[0-9a-f]{1,40}$/;

const assertLifetime = (request: IssueRequest, now: Date, root: Root): void => {
  assertLeafLifetime(request);
  if (request.notBefore.getTime() < now.getTime() - MAX_BACKDATING_MS) {
    throw unavailable('A certificate may not begin more than a minute ago.');
  }
  if (request.notAfter > root.certificate.notAfter) {
    throw unavailable('The certificate would outlive the embedded authority’s root.');
  }
};

const assertProfile = ({ profile }: IssueRequest): void => {
  if (profile.kind === 'peer-client') {
    if (!isUuid(profile.grantId) || !isUuid(profile.subjectUserId))
      throw unavailable('A profile’s id is not a UUID.');
    return;
  }
  const { dnsNames, ipAddresses } = profile;
  if (dnsNames.length + ipAddresses.length === 0)
    throw unavailable('A server certificate needs a name or address.');
  if (!dnsNames.every(isDnsName)) throw unavailable('A DNS name for the server certificate is not valid.');
  if (!ipAddresses.every((text) => ipOctets(text) !== null)) {
    throw unavailable('An IP address for the server certificate is not valid.');
  }
};

/** As asked, backdated by up to a minute from now, and never to before what was asked minus that minute. */
const beginning = (asked: Date, now: Date): Date =>
  new Date(
    Math.max(
      asked.getTime() - MAX_BACKDATING_MS,
      Math.min(asked.getTime(), now.getTime() - MAX_BACKDATING_MS),
    ),
  );

const draftOf = (
  request: IssueRequest,
  csr: CertificateRequest,
  root: Root,
): Pick<CertificateDraft, 'subject' | 'extensions' | 'publicKeyInfo' | 'issuer'> => {
  const { profile } = request;
  const { publicKeyInfo } = csr;
  const issuer = nameFromDer(root.certificate.subject);
  if (profile.kind === 'front-server') {
    const base = leafExtensions(publicKeyInfo, root.keyIdentifier, OID.serverAuth);
    const names = subjectAltNameExtension(profile.dnsNames, profile.ipAddresses);
    return { issuer, publicKeyInfo, subject: commonName(FRONT_NAME), extensions: [...base, names] };
  }
  const extensions = [
    ...leafExtensions(publicKeyInfo, root.keyIdentifier, OID.clientAuth),
    extension(GRANT_ID_OID, encodeIdentityExtension(profile.grantId)),
    extension(SUBJECT_USER_ID_OID, encodeIdentityExtension(profile.subjectUserId)),
  ];
  return { issuer, publicKeyInfo, subject: commonName(profile.grantId), extensions };
};

const issue = async (
  request: IssueRequest,
  root: Root,
  deps: EmbeddedAuthorityDeps,
): Promise<IssuedCertificate> => {
  const now = deps.clock.now();
  assertProfile(request);
  assertLifetime(request, now, root);
  const csr = await readCsr(request.csr);
  if (!csr.ok) throw new MosaicError('invalid_csr', { detail: `${csr.error}.` });
  const der = await signCertificate(
    {
      ...draftOf(request, csr.value, root),
      serial: randomSerial(deps.random),
      notBefore: beginning(request.notBefore, now),
      notAfter: request.notAfter,
    },
    root.key,
  );
  const { serial, fingerprint, notBefore, notAfter } = await verifyIssued(
    { ...request, csr: csr.value },
    der,
    root.pem,
  );
  const pem = derToPem(der, 'CERTIFICATE');
  return { pem, der, chainPem: root.pem, serial, fingerprint, notBefore, notAfter };
};

/**
 * The authority inside the gateway: one P-256 root that signs leaves and the CRL, its key sealed in the database.
 * Replicas on one database are one authority.
 * @throws MosaicError `ca_unavailable` when the root can't be made, or does not open with this sealing key
 */
export const createEmbeddedAuthority = async (
  deps: EmbeddedAuthorityDeps,
): Promise<CertificateAuthority & CrlSource & RootRollover> => {
  if (!(deps.crlLifetimeSeconds >= CRL_SECONDS.least && deps.crlLifetimeSeconds <= CRL_SECONDS.most)) {
    throw unavailable('The CRL’s lifetime must be 1 minute to 90 days.');
  }
  // Now, and not at the first certificate: a wrong sealing key must show at the start.
  await asAuthority('open its root', () => loadOrCreateRoot(deps));
  const roots = createGenerations(deps);
  return {
    kind: 'embedded',
    rootPem: () => asAuthority('open its root', async () => (await roots.issuing()).pem),
    issue: (request) =>
      asAuthority('sign the certificate', async () => issue(request, await roots.issuing(), deps)),
    revoke: (serial, reason, at) =>
      asAuthority('record the revocation', async () => {
        if (!SERIAL.test(serial) || serial.startsWith('0')) throw unavailable('That is not a serial number.');
        await deps.store.recordRevocation(serial, reason, at);
        roots.invalidateLists();
      }),
    crl: ({ fresh = false } = {}) => asAuthority('sign the revocation list', () => roots.lists(fresh)),
    trust: () => asAuthority('tell its roots', () => roots.trust()),
    rollState: () => asAuthority('tell its roots', () => roots.state()),
    roll: (step) => roots.roll(step),
  };
};
