import { trustOf, type IssuedCertificate, type Trust } from '../../../ca/authority.ts';
import { sha256Hex } from '../../../ca/x509/bytes.ts';
import { readCsr, type CertificateRequest } from '../../../ca/x509/csr.ts';
import { decide } from '../../../domain/access/decide.ts';
import { MosaicError } from '../../../domain/errors.ts';
import type { Grant } from '../../../domain/grants/grant.ts';
import { isOfCertificate, type CertificateIdentity } from '../../../domain/peers/identity.ts';
import { isUsable } from '../../../domain/peers/peer.ts';
import { OVERLAP_MS, decideReissue } from '../../../domain/peers/reissue.ts';
import type { CertificateRecord } from '../../../domain/ports/certificates.ts';
import type { Stores } from '../../../domain/ports/storage.ts';
import type { Deps } from '../../app/deps.ts';
import { lifetimeOf } from '../enrollment/redeem.ts';
import { settleRevocations } from '../revocation/revocation.ts';

/** What the holder of a certificate gets for its new key. */
export interface Renewed {
  readonly grantId: string;
  readonly subjectUserId: string;
  readonly certificatePem: string;
  /** What follows the certificate up to the root. */
  readonly chainPem: string;
  /** The roots to trust from now on, and what announces those that are new. */
  readonly trust: Trust;
  readonly notAfter: Date;
}

const POLL_MS = 100;
const POLLS = 100;

const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * The grant, held, if whoever presents this certificate may act under it at this moment. On the locked row and not on
 * a snapshot: from here to the end of the transaction nobody revokes it.
 */
const heldGrant = async (deps: Deps, stores: Stores, identity: CertificateIdentity): Promise<Grant> => {
  const grant = await stores.grants.lock(identity.grantId);
  const allowed = decide.capabilities(grant, identity, deps.clock.now());
  if (!allowed.ok) throw new MosaicError(allowed.error);
  if (grant === null) throw new MosaicError('grant_unknown');
  const peer = await stores.peers.byId(grant.peerId);
  if (peer === null || peer.state === 'revoked') throw new MosaicError('grant_revoked');
  if (!isUsable(peer.state)) throw new MosaicError('forbidden');
  return grant;
};

/** A transaction whose refusals count only on the database that this process serves from. */
const whereServing = <T>(deps: Deps, work: (stores: Stores) => Promise<T>): Promise<T> =>
  deps.storage.transaction(work).catch(async (error: unknown) => {
    if (error instanceof MosaicError && error.code !== 'database_unavailable')
      await deps.storage.assertServing();
    throw error;
  });

type Begun =
  | { readonly kind: 'intent'; readonly id: string; readonly grant: Grant }
  | { readonly kind: 'again'; readonly certificate: CertificateRecord; readonly grant: Grant }
  | { readonly kind: 'busy' };

/** Decides, and writes the intent down before the authority hears of it. */
const begin = (deps: Deps, identity: CertificateIdentity, publicKeyHash: string): Promise<Begun> =>
  whereServing(deps, async (stores): Promise<Begun> => {
    const grant = await heldGrant(deps, stores, identity);
    const now = deps.clock.now();
    const certificates = await stores.certificates.ofGrant(grant.id);
    const decided = decideReissue(certificates, { ...identity, publicKeyHash }, now);
    switch (decided.kind) {
      case 'refused':
        throw new MosaicError(decided.code, decided.detail === undefined ? {} : { detail: decided.detail });
      case 'busy':
        return decided;
      case 'again':
        return { ...decided, grant };
      case 'issue': {
        if (await stores.certificates.isKeyOfAnother(publicKeyHash, grant.id))
          throw new MosaicError('invalid_csr', { detail: 'A renewal needs a new key.' });
        for (const { id } of decided.dead) await stores.certificates.markFailed(id);
        const id = deps.ids.uuid();
        await stores.certificates.insertRequested(id, grant.id, now, publicKeyHash);
        return { kind: 'intent', id, grant };
      }
    }
  });

/** Makes the certificate count, if its holder may still act; otherwise it is revoked as soon as it is known. */
const conclude = (deps: Deps, identity: CertificateIdentity, id: string, issued: IssuedCertificate) =>
  deps.storage.transaction(async (stores): Promise<MosaicError | null> => {
    const { pem: certificatePem, chainPem } = issued;
    const refusal = await heldGrant(deps, stores, identity).then(
      () => null,
      (error: unknown) => {
        if (error instanceof MosaicError && error.status < 500) return error;
        throw error;
      },
    );
    await stores.certificates.markIssued(id, { ...issued, certificatePem, chainPem });
    const certificates = await stores.certificates.ofGrant(identity.grantId);
    const isHeld = certificates.some((one) => one.status === 'issued' && isOfCertificate(one, identity));
    if (refusal === null && isHeld) return null;
    await stores.certificates.revokeOne(id, 'cessation_of_operation', deps.clock.now());
    return refusal ?? new MosaicError('certificate_revoked');
  });

const sign = async (
  deps: Deps,
  identity: CertificateIdentity,
  { id, grant }: Extract<Begun, { kind: 'intent' }>,
  csr: CertificateRequest,
): Promise<IssuedCertificate> => {
  let issued: IssuedCertificate | null = null;
  let refusal: MosaicError | null;
  try {
    const profile = { kind: 'peer-client', grantId: grant.id, subjectUserId: grant.subjectUserId } as const;
    issued = await deps.ca.issue({ profile, csr, ...lifetimeOf(deps, grant) });
    refusal = await conclude(deps, identity, id, issued);
  } catch (error) {
    await abandon(deps, id, issued);
    throw error;
  }
  if (refusal === null) return issued;
  await settleRevocations(deps);
  throw refusal;
};

/** What fails here the fence makes good: a certificate that was not written down as issued reads nothing. */
const abandon = async (deps: Deps, id: string, issued: IssuedCertificate | null): Promise<void> => {
  try {
    // Fails when it counts after all (the commit's answer was lost): then it must not be revoked.
    await deps.storage.stores.certificates.markFailed(id);
    if (issued !== null) await deps.ca.revoke(issued.serial, 'cessation_of_operation', deps.clock.now());
  } catch (error) {
    deps.log.warn('a failed renewal was not cleaned up', { certificate_id: id, error: error as Error });
  }
};

/**
 * A new certificate for the grant and subject of the one the request came with. Of the CSR nothing counts but its
 * key, which must be a new one. The same CSR again gives the same certificate, however often and however many at once;
 * the old certificate goes on until the new one is confirmed, and a while longer.
 *
 * @throws MosaicError `invalid_csr`, `renewal_refused`, a `Denial`, `certificate_revoked`, `forbidden` (the peer is
 *   suspended), `ca_unavailable`, `ca_misissued`, `database_unavailable`, `unavailable`
 */
export const renewCertificate = async (
  deps: Deps,
  identity: CertificateIdentity,
  csrPem: string,
): Promise<Renewed> => {
  const csr = await readCsr(csrPem);
  if (!csr.ok) throw new MosaicError('invalid_csr', { detail: csr.error });
  const publicKeyHash = sha256Hex(csr.value.publicKeyInfo);
  const trust = await trustOf(deps.ca);
  for (let poll = 0; poll < POLLS; poll += 1) {
    const begun = await begin(deps, identity, publicKeyHash);
    const { grantId, subjectUserId } = identity;
    if (begun.kind === 'again') {
      const { certificatePem, chainPem, notAfter } = begun.certificate;
      if (certificatePem === null || chainPem === null || notAfter === null) break;
      return { grantId, subjectUserId, certificatePem, chainPem, trust, notAfter };
    }
    if (begun.kind === 'intent') {
      const { pem, chainPem, notAfter } = await sign(deps, identity, begun, csr.value);
      return { grantId, subjectUserId, certificatePem: pem, chainPem, trust, notAfter };
    }
    await sleep(POLL_MS);
  }
  throw new MosaicError('unavailable', {
    detail: 'Another request is renewing this certificate already.',
    retryAfterSeconds: 5,
  });
};

/**
 * The holder says, with its new certificate, that it uses it: those made before for the same grant end after an
 * overlap. Saying it again changes nothing.
 *
 * @returns when the older ones end; null when there are none
 * @throws MosaicError as `renewCertificate`
 */
export const confirmRenewal = (deps: Deps, identity: CertificateIdentity): Promise<Date | null> =>
  whereServing(deps, async (stores) => {
    await heldGrant(deps, stores, identity);
    const certificates = await stores.certificates.ofGrant(identity.grantId);
    const own = certificates.find((one) => isOfCertificate(one, identity));
    if (own === undefined || own.status !== 'issued' || own.revokeAt !== null)
      throw new MosaicError('certificate_revoked');
    const at = deps.clock.now();
    const revokeAt = new Date(at.getTime() + OVERLAP_MS);
    return (await stores.certificates.confirm(own.id, at, revokeAt)) === 0 ? null : revokeAt;
  });
