import { MosaicError } from '../../domain/errors.ts';
import { isUsable } from '../../domain/peers/peer.ts';
import type { Page, PageRequest } from '../../domain/ports/page.ts';
import type { Peer, PeerFilter } from '../../domain/ports/peers.ts';
import type { Circuit } from '../outbound/client/circuit.ts';
import type { Actor } from '../kernel/actor.ts';
import { changeEntry } from '../audit/audit.ts';
import { renewPeer } from '../outbound/renewal/peer-renewal.ts';
import { deleteInboundPeer } from '../inbound/peers/peers-inbound.ts';
import type { InboundDeps } from '../inbound/deps.ts';
import type { OutboundDeps } from '../outbound/deps.ts';

export const listPeers = (
  deps: Pick<OutboundDeps, 'storage'>,
  page: PageRequest,
  filter: PeerFilter,
): Promise<Page<Peer>> => deps.storage.stores.peers.list(page, filter);

/** How this process stands to a peer: whether it is asked at all. */
export const circuitOf = (deps: Pick<OutboundDeps, 'outbound'>, peerId: string): Circuit =>
  deps.outbound.circuits.of(peerId);

/** @throws MosaicError `not_found` */
export const getPeer = async (deps: Pick<OutboundDeps, 'storage'>, id: string): Promise<Peer> => {
  const peer = await deps.storage.stores.peers.byId(id);
  if (peer === null) throw new MosaicError('not_found');
  return peer;
};

/**
 * Renews the certificate of a peer that we ask, now, whatever its date.
 * @throws MosaicError `not_found`, `runtime_unsupported`, `invalid_transition` (it asks us, or cannot be asked), `conflict` (a renewal is under
 *   way), and what the renewal fails with: the peer then is degraded
 */
export const renewPeerNow = async (
  deps: InboundDeps & OutboundDeps,
  actor: Actor,
  id: string,
): Promise<Peer> => {
  const peer = await getPeer(deps, id);
  if (peer.direction === 'inbound') {
    throw new MosaicError('invalid_transition', {
      detail: 'The peer is inbound. The other gateway renews its certificate.',
    });
  }
  if (!isUsable(peer.state))
    throw new MosaicError('invalid_transition', { detail: `The peer is ${peer.state}.` });
  // The new certificate would be tried with the old one, found good, and the old one given up.
  const { bound } = deps.transport;
  if (bound !== undefined) throw new MosaicError('runtime_unsupported', { detail: bound });
  const outcome = await renewPeer(deps, id, { author: actor, mustBeDue: false });
  if (outcome.kind === 'failed') throw outcome.error;
  if (outcome.kind !== 'renewed')
    throw new MosaicError('conflict', { detail: 'A renewal of this peer is already in progress.' });
  return getPeer(deps, id);
};

/**
 * Removes a peer. One that we ask: its key and connections go with it. One that asks us: its grants are revoked
 * first (`deleteInboundPeer`).
 * @throws MosaicError `not_found`
 */
export const deletePeer = async (
  deps: InboundDeps & OutboundDeps,
  actor: Actor,
  id: string,
): Promise<void> => {
  const { direction } = await getPeer(deps, id);
  if (direction === 'inbound') return deleteInboundPeer(deps, actor, id);
  await deps.storage.transaction(async (stores) => {
    if (!(await stores.peers.delete(id))) throw new MosaicError('not_found');
    await stores.audit.insertMany([
      changeEntry(deps, actor, { verb: 'admin', action: 'peer.delete', status: 204, peerId: id }),
    ]);
  });
  deps.outbound.witness.forget(id);
  await deps.outbound.clients.close(id);
};
