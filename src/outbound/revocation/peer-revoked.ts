import type { ErrorCode } from '../../../domain/errors.ts';
import type { AskedPeer } from '../../../domain/ports/peers.ts';
import type { OutboundDeps } from '../deps.ts';
import type { PeerFailure } from '../client/failure.ts';
import { openStatement, readPublicJwk } from '../../protocol/statement.ts';
import { changeEntry } from '../../audit/audit.ts';
import { fetchPeerCrl, ownSerial } from './peer-crl.ts';
import type { RevocationLearner } from './learning.ts';
import { learnRevoked } from './peer-epoch.ts';
import type { PolledAt } from './polled-at.ts';
import type { Notice } from '../query/query-notice.ts';

/** A peer's list is asked for at most this often. */
const POLL_MS = 60_000;

/** Refusals that may mean a revocation but prove none: anybody between could have written them. */
const HINTS: readonly (ErrorCode | null)[] = [
  'grant_revoked',
  'certificate_revoked',
  'certificate_untrusted',
  'certificate_required',
];

/** What it takes to tell of it; whoever learns is made of the same. */
type TellingDeps = Omit<OutboundDeps, 'learner'>;

/** What makes a peer revoked: its own signed word, or its authority's list. */
export const becomeRevoked = async (
  deps: TellingDeps,
  peer: Pick<AskedPeer, 'id' | 'localUserId'>,
  how: 'statement' | 'list',
): Promise<void> => {
  if (!(await learnRevoked(deps, peer))) return;
  deps.log.warn(
    'a peer has revoked the grant of this gateway; enroll again with a new grant, or remove the peer',
    {
      alert: 'peer_revoked',
      peer_id: peer.id,
      learned_from: how,
    },
  );
  deps.audit.record(
    changeEntry(
      deps,
      { principal: null, traceId: null },
      {
        verb: 'revoke',
        action: 'peer.revoked',
        status: 200,
        peerId: peer.id,
        subjectUserId: peer.localUserId,
      },
    ),
  );
};

/** Whether the peer signed, with the key we pinned when we enrolled, that the grant we hold is revoked. */
const isProven = async (
  deps: Pick<OutboundDeps, 'storage'>,
  peer: AskedPeer,
  statement: string,
): Promise<boolean> => {
  const { signingKey } = await deps.storage.stores.peerTrust.get(peer.id);
  const key = signingKey === null ? null : readPublicJwk(JSON.parse(signingKey));
  const said = key === null ? null : await openStatement(key, statement);
  return said !== null && said.grant_id === peer.remoteGrantId;
};

/** One a gateway. @param polledAt outlives a request where a runtime starts anew for each */
export const createRevocationLearner = (deps: TellingDeps, polledAt: PolledAt): RevocationLearner => {
  const polling = new Set<Promise<void>>();

  const poll = async (peerId: string): Promise<void> => {
    // Read again: the certificate may have been renewed since, and then the old one’s revocation says nothing.
    const peer = await deps.storage.stores.peers.byId(peerId);
    if (peer === null || peer.state === 'revoked') return;
    const list = await fetchPeerCrl(deps, peer);
    const now = await deps.storage.stores.peers.byId(peerId);
    const serial = now === null ? null : ownSerial(now);
    if (now !== null && serial !== null && list.ok && list.value.revokes(serial))
      await becomeRevoked(deps, now, 'list');
  };

  const pollSoon = (peerId: string): void => {
    const now = deps.clock.now().getTime();
    const last = polledAt.get(peerId);
    if (last !== undefined && Math.abs(now - last) < POLL_MS) return;
    polledAt.set(peerId, now);
    const work = poll(peerId)
      .catch((error: unknown) => {
        deps.log.debug('a peer’s revocation list could not be read', {
          peer_id: peerId,
          error: error as Error,
        });
      })
      .finally(() => polling.delete(work));
    polling.add(work);
  };

  return {
    learn: async (peer, failure) => {
      const { peerCode, statement } = failure;
      if (peerCode === 'grant_revoked' && statement !== null && (await isProven(deps, peer, statement))) {
        await becomeRevoked(deps, peer, 'statement').catch((error: unknown) => {
          // This process goes by it nevertheless, and the next query tries to write it down again.
          deps.log.warn('a revocation by a peer could not be recorded', {
            peer_id: peer.id,
            error: error as Error,
          });
        });
        return { ...failure, revoked: true };
      }
      // A front that refuses in the handshake only breaks the connection, as an outage does: the list tells them apart.
      if (HINTS.includes(peerCode) || (peerCode === null && failure.code !== 'address_refused'))
        pollSoon(peer.id);
      return failure;
    },
    settled: async () => {
      await Promise.all(polling);
    },
  };
};

/**
 * Notices of revocations that this user was not told of yet: each once, in the first answer that carries notices.
 * Asks the database only when there may be one.
 */
export const revokedNotices = async (
  deps: OutboundDeps,
  userId: string,
  failed: readonly { readonly failure: PeerFailure }[],
): Promise<readonly Notice[]> => {
  if (!failed.some(({ failure }) => failure.revoked)) return [];
  const names = await deps.storage.stores.peerTrust.takeNotices(userId);
  return names.map((name) => ({
    source: `federated:${name}` as const,
    code: 'grant_revoked',
    message: 'The peer has revoked its grant. Ask its administrator for a new one.',
  }));
};
