import type { OutboundDeps } from '../deps.ts';

/**
 * This gateway has learned, from the serving side's own word, that its grant at this peer is revoked (SPEC M6-7: never from
 * a network error). Before anything is awaited nothing cached of the peer is served any more in this process, and no call
 * under way gives its answer to anyone; once the state is written the same holds at every replica, by the epoch that the
 * database raises with it.
 *
 * @returns whether this call made it revoked; false when it was already, or is gone
 * @throws MosaicError `database_unavailable`: this process goes by it nevertheless, and the next query writes it down
 */
export const learnRevoked = async (
  deps: Pick<OutboundDeps, 'outbound' | 'storage'>,
  peer: { readonly id: string },
): Promise<boolean> => {
  const { epochs, clients } = deps.outbound;
  epochs.revoke(peer.id);
  if (!(await deps.storage.stores.peerTrust.markRevoked(peer.id))) return false;
  await clients.close(peer.id);
  return true;
};
