import { MosaicError } from '../../../domain/errors.ts';
import type { AskedPeer, Peer } from '../../../domain/ports/peers.ts';
import type { Deps } from '../../app/deps.ts';

/** The peers a person may ask. */
export const peersOf = (deps: Deps, userId: string): Promise<readonly Peer[]> =>
  deps.storage.stores.peers.ofUser(userId);

/**
 * The one of a person's own peers that holds a grant. The database keeps it the only one; were there two, the question
 * and its words would go to a peer that they were not meant for, so neither is asked.
 *
 * @throws MosaicError `peer_unknown`, `grant_claimed`
 */
export const peerByGrant = (own: readonly AskedPeer[], grantId: string): AskedPeer => {
  const [peer, second] = own.filter(({ remoteGrantId }) => remoteGrantId === grantId);
  if (peer === undefined) throw new MosaicError('peer_unknown');
  if (second !== undefined) throw new MosaicError('grant_claimed');
  return peer;
};
