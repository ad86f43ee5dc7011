import type { IssuedCertificate } from '../../ca/authority.ts';
import { sha256Hex } from '../../ca/x509/bytes.ts';
import { readCsr, type CertificateRequest } from '../../ca/x509/csr.ts';
import { MosaicError } from '../../domain/errors.ts';
import { effectiveStatus, type Grant } from '../../domain/grants/grant.ts';
import { nextPeerState } from '../../domain/peers/peer.ts';
import type { Stores } from '../../domain/ports/storage.ts';
import type { Deps } from '../deps.ts';
import { changeEntry, type Author } from './audit.ts';
import { hashText } from './mac.ts';
import { claimToken, type Claim } from './redeem-claim.ts';
import { isAudited, takeRedemption } from './redeem-limits.ts';
import { settleRevocations } from './revocation.ts';

export interface Redemption {
  /** As it was sent, well formed or not. */
  readonly token: string;
  /** PKCS#10 PEM. */
  readonly csr: string;
  /** Where the request comes from, as far as the runtime knows. */
  readonly address: string | null;
  readonly traceId: string | null;
}

export interface Redeemed {
  readonly grant: Grant;
  readonly certificate: IssuedCertificate;
  readonly rootPem: string;
}

/** X.509 times have whole seconds. */
const wholeSecond = (milliseconds: number): Date => new Date(Math.floor(milliseconds / 1000) * 1000);

/** Authorities sign for no less. A certificate may outlive its grant by that: the fence looks at the grant too. */
const SHORTEST_LIFETIME_MS = 5 * 60_000;

/** From now on, for as long as is configured, and no longer than the grant holds. */
export const lifetimeOf = (
  deps: Deps,
  grant: Grant,
): { readonly notBefore: Date; readonly notAfter: Date } => {
  const notBefore = wholeSecond(deps.clock.now().getTime());
  const longest = notBefore.getTime() + deps.settings.leafLifetimeSeconds * 1000;
  const useful = Math.max(grant.expiresAt?.getTime() ?? longest, notBefore.getTime() + SHORTEST_LIFETIME_MS);
  return { notBefore, notAfter: wholeSecond(Math.min(longest, useful)) };
};

/** The grant behind a claimed token, if it can still be enrolled for; a token whose grant can't is spent. */
const enrollable = async (deps: Deps, claim: Claim): Promise<Grant> => {
  const { grants, peers, enrollmentTokens } = deps.storage.stores;
  const grant = (await grants.byId(claim.grantId))?.grant;
  const peer = grant === undefined ? null : await peers.byId(grant.peerId);
  const isOpen =
    grant !== undefined &&
    effectiveStatus(grant, deps.clock.now()) === 'pending' &&
    peer !== null &&
    nextPeerState(peer.state, 'enrolled') !== null;
  if (isOpen) return grant;
  await enrollmentTokens.finish(claim.hash, claim.claimId, deps.clock.now());
  throw new MosaicError('token_expired');
};

const sign = (deps: Deps, grant: Grant, csr: CertificateRequest): Promise<IssuedCertificate> => {
  const profile = { kind: 'peer-client', grantId: grant.id, subjectUserId: grant.subjectUserId } as const;
  return deps.ca.issue({ profile, csr: csr.der, ...lifetimeOf(deps, grant) });
};

const activatePeer = async (stores: Stores, peerId: string): Promise<void> => {
  const peer = await stores.peers.byId(peerId);
  const to = peer === null ? null : nextPeerState(peer.state, 'enrolled');
  if (peer === null || to === null) throw new MosaicError('token_expired');
  if (to !== peer.state && !(await stores.peers.setState(peer.id, peer.state, to)))
    throw new MosaicError('unavailable');
};

/**
 * Makes the certificate count, all or nothing. The grant's row is locked first, as a revocation does too, so
 * the two can't wait for each other.
 *
 * @returns the active grant, or null when it was revoked meanwhile: then the certificate is revoked too
 */
const conclude = (
  deps: Deps,
  author: Author,
  claim: Claim,
  certificateId: string,
  issued: IssuedCertificate,
) =>
  deps.storage.transaction(async (stores): Promise<Grant | null> => {
    const at = deps.clock.now();
    const grant = await stores.grants.activate(claim.grantId, at);
    await stores.certificates.markIssued(certificateId, issued);
    if (grant === null) {
      await stores.certificates.revokeOfGrant(claim.grantId, 'cessation_of_operation', at);
      await stores.enrollmentTokens.closeForGrant(claim.grantId, at);
      return null;
    }
    if (!(await stores.enrollmentTokens.finish(claim.hash, claim.claimId, at)))
      throw new MosaicError('token_used');
    await activatePeer(stores, grant.peerId);
    await stores.audit.insertMany([
      changeEntry(deps, author, {
        verb: 'enroll',
        action: 'grant.enroll',
        status: 201,
        grantId: grant.id,
        peerId: grant.peerId,
        subjectUserId: grant.subjectUserId,
      }),
    ]);
    return grant;
  });

interface Attempt {
  certificateId: string | null;
  issued: IssuedCertificate | null;
}

/** Makes the token usable again. What fails here the claim's lease and the fence of every read make good. */
const undo = async (deps: Deps, claim: Claim, { certificateId, issued }: Attempt): Promise<void> => {
  try {
    await deps.storage.stores.enrollmentTokens.release(claim.hash, claim.claimId);
    if (certificateId === null) return;
    // Fails when the certificate counts after all (the commit's answer was lost): then it must not be revoked.
    await deps.storage.stores.certificates.markFailed(certificateId);
    if (issued !== null) await deps.ca.revoke(issued.serial, 'cessation_of_operation', deps.clock.now());
  } catch (error) {
    deps.log.warn('a failed enrollment was not cleaned up', {
      grant_id: claim.grantId,
      error: error as Error,
    });
  }
};

const certify = async (
  deps: Deps,
  author: Author,
  claim: Claim,
  csr: CertificateRequest,
): Promise<Redeemed> => {
  const attempt: Attempt = { certificateId: null, issued: null };
  try {
    const pending = await enrollable(deps, claim);
    const rootPem = await deps.ca.rootPem();
    const id = deps.ids.uuid();
    // The intent is written down before the CA signs, so that no certificate exists that nobody knows of.
    await deps.storage.stores.certificates.insertRequested(
      id,
      pending.id,
      deps.clock.now(),
      sha256Hex(csr.publicKeyInfo),
    );
    attempt.certificateId = id;
    attempt.issued = await sign(deps, pending, csr);
    const grant = await conclude(deps, author, claim, id, attempt.issued);
    if (grant !== null) return { grant, certificate: attempt.issued, rootPem };
  } catch (error) {
    await undo(deps, claim, attempt);
    throw error;
  }
  await settleRevocations(deps);
  throw new MosaicError('token_expired');
};

/**
 * Redeems an enrollment token: exactly one redemption of a token gets a certificate, the grant becomes active
 * and the peer with it. Whatever fails before that leaves the token usable and the grant pending.
 *
 * @throws MosaicError `rate_limited`, `invalid_csr`, `token_unknown`, `token_used`, `token_expired` (also when the
 *   grant was revoked or has expired), `ca_unavailable`, `ca_misissued`, `database_unavailable`
 */
export const redeem = async (deps: Deps, redemption: Redemption): Promise<Redeemed> => {
  const author: Author = { principal: null, traceId: redemption.traceId };
  const hash = hashText(redemption.token);
  let claim: Claim | null = null;
  let isAdmitted = false;
  try {
    await takeRedemption(deps, redemption.address, hash);
    isAdmitted = true;
    const csr = await readCsr(redemption.csr);
    if (!csr.ok) throw new MosaicError('invalid_csr', { detail: csr.error });
    claim = await claimToken(deps, hash);
    return await certify(deps, author, claim, csr.value);
  } catch (error) {
    const known = error instanceof MosaicError ? error : new MosaicError('internal', { cause: error });
    // Counted here and not with the entry: of a stranger who tries again and again not every refusal gets one.
    deps.telemetry?.count('mosaic_federation_denials_total', { direction: 'inbound', reason: known.code });
    if (known.code === 'rate_limited')
      deps.telemetry?.count('mosaic_limiter_refusals_total', { limiter: 'enrollment' });
    if (!isAdmitted && !(await isAudited(deps, redemption.address))) throw error;
    deps.audit.record(
      changeEntry(deps, author, {
        verb: 'enroll',
        action: 'grant.enroll',
        status: known.status,
        reasonCode: known.code,
        grantId: claim?.grantId ?? null,
      }),
    );
    throw error;
  }
};
