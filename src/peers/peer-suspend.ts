import { MosaicError } from '../../domain/errors.ts';
import { nextPeerState } from '../../domain/peers/peer.ts';
import type { Peer } from '../../domain/ports/peers.ts';
import type { Deps } from '../app/deps.ts';
import type { Actor } from '../kernel/actor.ts';
import { changeEntry } from '../audit/audit.ts';

const AUDITED = { suspend: 'peer.suspend', resume: 'peer.resume' } as const;

const move = (deps: Deps, actor: Actor, id: string, event: keyof typeof AUDITED): Promise<Peer> =>
  deps.storage.transaction(async (stores) => {
    const peer = await stores.peers.byId(id);
    if (peer === null) throw new MosaicError('not_found');
    const to = nextPeerState(peer.state, event);
    const isDone = event === 'suspend' && peer.state === 'suspended';
    if (isDone) return peer;
    if (to === null) throw new MosaicError('invalid_transition', { detail: `The peer is ${peer.state}.` });
    if (!(await stores.peers.setState(id, peer.state, to)))
      throw new MosaicError('conflict', { detail: 'Another request is changing the peer. Try again.' });
    await stores.audit.insertMany([
      changeEntry(deps, actor, { verb: 'admin', action: AUDITED[event], status: 200, peerId: id }),
    ]);
    return { ...peer, state: to };
  });

/**
 * Suspends a peer until it is resumed: one that asks us is refused whatever it was granted, one that we ask is not asked.
 * When it returns, the promise of a revocation holds: every statement that reads rows checks the peer's state itself, and none
 * that began before is still running, on any replica. Suspending again changes nothing but waits as well.
 *
 * @throws MosaicError `not_found`, `invalid_transition` (pending, revoked), `conflict`; `database_unavailable`, also after
 *   the commit: ask again
 */
export const suspendPeer = async (deps: Deps, actor: Actor, id: string): Promise<Peer> => {
  const peer = await move(deps, actor, id, 'suspend');
  await deps.storage.settled();
  return peer;
};

/** @throws MosaicError `not_found`, `invalid_transition` (it is not suspended), `conflict` */
export const resumePeer = (deps: Deps, actor: Actor, id: string): Promise<Peer> =>
  move(deps, actor, id, 'resume');
