import type { Clock } from '../../domain/ports/basics.ts';
import type { Deps } from '../deps.ts';
import { createResponseCache, type ResponseCache } from './cache.ts';
import { createCircuits, type Circuits } from './circuit.ts';
import { createPeerClients, type PeerClients } from './clients.ts';
import { createPeerEpochs, type PeerEpochs } from './epochs.ts';
import { createOfflineSignals, type OfflineSignals } from './offline.ts';
import { createPeerHealth, type PeerHealth } from './health.ts';
import { createWitness, type Witness } from './witness.ts';
import { createRevocationMemory, type RevocationMemory } from './revocation-memory.ts';

/** What is kept between calls to peers: connections and how the peers are doing. */
export interface Outbound {
  readonly clients: PeerClients;
  readonly health: PeerHealth;
  readonly epochs: PeerEpochs;
  readonly circuits: Circuits;
  readonly cache: ResponseCache;
  readonly offline: OfflineSignals;
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** How often a call that did not get through is tried again. */
  readonly retries: number;
  readonly witness: Witness;
  readonly revocations: RevocationMemory;
}

/** Per transport, which is one per gateway: routes share the clients although each is given only `Deps`. */
const kept = new WeakMap<Deps['transport'], Outbound>();

export const outboundOf = (deps: Deps): Outbound => {
  const known = kept.get(deps.transport);
  if (known !== undefined) return known;
  const { settings, kv, keys, clock, log } = deps;
  const cache = createResponseCache({
    kv,
    mac: keys.cursorMac,
    clock,
    log,
    ttlSeconds: settings.cacheTtlSeconds,
  });
  const made: Outbound = {
    clock,
    timeoutMs: settings.peerTimeoutMs,
    retries: settings.peerRetries,
    circuits: createCircuits(
      { failures: settings.circuitFailures, cooldownMs: settings.circuitCooldownMs },
      clock,
    ),
    cache,
    offline: createOfflineSignals(kv, keys.cursorMac, clock, log),
    clients: createPeerClients({
      transport: deps.transport,
      sealer: deps.sealer,
      load: (peerId) => deps.storage.stores.peers.byId(peerId),
    }),
    health: createPeerHealth(deps.storage.stores.peers, deps.clock, deps.log),
    epochs: createPeerEpochs(deps.storage.stores.peers, deps.log, (peerId) => cache.forget(peerId)),
    witness: createWitness(deps.storage.stores.peers, deps.clock, deps.log),
    revocations: createRevocationMemory(deps.storage.stores.peerTrust, deps.log),
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
  await known.cache.settled();
  await known.witness.settled();
  await known.clients.closeAll();
};
