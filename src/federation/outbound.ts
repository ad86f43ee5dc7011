import type { Deps } from '../deps.ts';
import { createPeerClients, type PeerClients } from './clients.ts';
import { createPeerEpochs, type PeerEpochs } from './epochs.ts';
import { createPeerHealth, type PeerHealth } from './health.ts';

/** What is kept between calls to peers: connections and how the peers are doing. */
export interface Outbound {
  readonly clients: PeerClients;
  readonly health: PeerHealth;
  readonly epochs: PeerEpochs;
}

/** Per transport, which is one per gateway: routes share the clients although each is given only `Deps`. */
const kept = new WeakMap<Deps['transport'], Outbound>();

export const outboundOf = (deps: Deps): Outbound => {
  const known = kept.get(deps.transport);
  if (known !== undefined) return known;
  const made: Outbound = {
    clients: createPeerClients(deps.transport, deps.sealer),
    health: createPeerHealth(deps.storage.stores.peers, deps.clock, deps.log),
    epochs: createPeerEpochs(deps.storage.stores.peers, deps.log),
  };
  kept.set(deps.transport, made);
  return made;
};

/** For a runtime's shutdown: writes what was noted and lets go of every connection to a peer. */
export const closeOutbound = async (deps: Deps): Promise<void> => {
  const known = kept.get(deps.transport);
  if (known === undefined) return;
  kept.delete(deps.transport);
  await known.health.settled();
  await known.epochs.settled();
  await known.clients.closeAll();
};
