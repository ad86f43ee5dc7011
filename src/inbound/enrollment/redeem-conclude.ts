import type { IssuedCertificate } from '../../../ca/authority.ts';
import type { AuditEntry } from '../../../domain/audit/entry.ts';
import { MosaicError } from '../../../domain/errors.ts';
import type { Grant } from '../../../domain/grants/grant.ts';
import { nextPeerState } from '../../../domain/peers/peer.ts';
import type { EnrollableGrant } from '../../../domain/ports/enrollment.ts';
import type { Stores } from '../../../domain/ports/storage.ts';
import type { Deps } from '../../app/deps.ts';
import { changeEntry, type Author } from '../../audit/audit.ts';
import type { Claim } from './redeem-claim.ts';

const activatePeer = async (stores: Stores, peerId: string): Promise<void> => {
  const peer = await stores.peers.byId(peerId);
  const to = peer === null ? null : nextPeerState(peer.state, 'enrolled');
  if (peer === null || to === null) throw new MosaicError('token_expired');
  if (to !== peer.state && !(await stores.peers.setState(peer.id, peer.state, to)))
    throw new MosaicError('unavailable');
};

/**
 * Step by step, for when something has changed since the claim: what it was decides. The grant's row is locked first, as a
 * revocation does too, so that the two can't wait for each other.
 */
const concludeByStep = (
  deps: Deps,
  claim: Claim,
  issued: IssuedCertificate,
  entry: AuditEntry,
): Promise<Grant | 'token_used' | 'token_expired'> =>
  deps.storage.transaction(async (stores): Promise<Grant | 'token_used' | 'token_expired'> => {
    const at = deps.clock.now();
    const grant = await stores.grants.activate(claim.grantId, at);
    await stores.certificates.markIssued(claim.certificateId, issued);
    if (grant === null) {
      // Only what this redemption had signed: another one of the grant may be good, and in use.
      await stores.certificates.revokeOne(claim.certificateId, 'cessation_of_operation', at);
      if ((await stores.grants.byId(claim.grantId))?.grant.status === 'active') return 'token_used';
      await stores.enrollmentTokens.closeForGrant(claim.grantId, at);
      return 'token_expired';
    }
    if (!(await stores.enrollmentTokens.finish(claim.hash, claim.claimId, at)))
      throw new MosaicError('token_used');
    await activatePeer(stores, grant.peerId);
    await stores.audit.insertMany([entry]);
    return grant;
  });

/**
 * Makes the certificate count, all or nothing.
 *
 * @returns the active grant; `token_expired` when it was revoked meanwhile, `token_used` when another redemption took over
 *   and was faster: then the certificate, and that one alone, is revoked
 * @throws MosaicError `token_used` when the claim was lost, `token_expired` when the peer was revoked
 */
export const conclude = async (
  deps: Deps,
  author: Author,
  claim: Claim,
  { peerId, subjectUserId }: EnrollableGrant,
  issued: IssuedCertificate,
): Promise<Grant | 'token_used' | 'token_expired'> => {
  const { hash, claimId, grantId, certificateId } = claim;
  const entry = changeEntry(deps, author, {
    verb: 'enroll',
    action: 'grant.enroll',
    status: 201,
    grantId,
    peerId,
    subjectUserId,
  });
  const { serial, fingerprint, notBefore, notAfter } = issued;
  const grant = await deps.storage.stores.enrollments.conclude({
    hash,
    claimId,
    grantId,
    certificateId,
    serial,
    fingerprint,
    notBefore,
    notAfter,
    at: deps.clock.now(),
    entry,
  });
  return grant ?? concludeByStep(deps, claim, issued, entry);
};
