import type { Clock } from '../../domain/ports/basics.ts';
import type { Deps } from '../app/deps.ts';
import { createResponseCache, type ResponseCache } from './cache/cache.ts';
import { newCacheMemory, type CacheMemory } from './cache/cache-memory.ts';
import { createCircuits, type Circuits } from './client/circuit.ts';
import { createPeerClients, type PeerClients } from './client/clients.ts';
import { createPeerEpochs, newEpochMemory, type EpochMemory, type PeerEpochs } from './cache/epochs.ts';
import { createOfflineSignals, type OfflineSignals } from './query/offline.ts';
import { createPeerHealth, type PeerHealth } from './peers/health.ts';
import { createWitness, type Witness } from './audit/witness.ts';
import { createRevocationMemory, type RevocationMemory } from './revocation/revocation-memory.ts';

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

/** What is learned of peers, as data alone: there is no connection in it, so that it may outlive a request. */
interface OutboundMemory {
  readonly circuits: Circuits;
  readonly epochs: EpochMemory;
  readonly cache: CacheMemory;
}

/** A probe has the time of any call, and a moment for what is said about it. */
const PROBE_GRACE_MS = 1_000;
/** An isolate has 128 MiB for everything (`Deps.lasting`), and a timer of its own lasts no longer than a request. */
const ISOLATE_CACHE = { maxBytes: 16 * 1024 * 1024, hasTimers: false } as const;

const newMemory = ({ settings, clock, lasting }: Deps): OutboundMemory => {
  const { circuitFailures: failures, circuitCooldownMs: cooldownMs, peerTimeoutMs } = settings;
  return {
    circuits: createCircuits({ failures, cooldownMs, probeMs: peerTimeoutMs + PROBE_GRACE_MS }, clock),
    epochs: newEpochMemory(),
    cache: newCacheMemory(clock, lasting === undefined ? undefined : ISOLATE_CACHE),
  };
};

const memories = new WeakMap<object, OutboundMemory>();

const memoryOf = (deps: Deps): OutboundMemory => {
  const key = deps.lasting ?? deps.transport;
  const known = memories.get(key) ?? newMemory(deps);
  memories.set(key, known);
  return known;
};

/** Per transport, which is one per gateway: routes share the clients although each is given only `Deps`. */
const kept = new WeakMap<Deps['transport'], Outbound>();

export const outboundOf = (deps: Deps): Outbound => {
  const known = kept.get(deps.transport);
  if (known !== undefined) return known;
  const { settings, kv, keys, clock, log } = deps;
  const memory = memoryOf(deps);
  const cache = createResponseCache({
    memory: memory.cache,
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
    circuits: memory.circuits,
    cache,
    offline: createOfflineSignals(kv, keys.cursorMac, clock, log),
    clients: createPeerClients({
      transport: deps.transport,
      sealer: deps.sealer,
      load: (peerId) => deps.storage.stores.peers.byId(peerId),
    }),
    health: createPeerHealth(deps.storage.stores.peers, deps.clock, deps.log),
    epochs: createPeerEpochs(
      deps.storage.stores.peers,
      deps.log,
      (peerId) => cache.forget(peerId),
      memory.epochs,
    ),
    witness: createWitness(deps.storage.stores.peers, deps.clock, deps.log),
    revocations: createRevocationMemory(deps.storage.stores.peerTrust, deps.log),
  };
  kept.set(deps.transport, made);
  return made;
};

/**
 * For a runtime whose timers end with a request: lets go of answers whose time is over.
 * @returns when the next one's is, in milliseconds since the epoch; null when nothing is kept
 */
export const purgeOutbound = (deps: Pick<Deps, 'lasting' | 'transport' | 'clock'>): number | null => {
  const { entries } = memories.get(deps.lasting ?? deps.transport)?.cache ?? {};
  if (entries === undefined) return null;
  entries.purgeStale();
  let next: number | null = null;
  for (const { until } of entries.values()) next = Math.min(next ?? until, until);
  return next;
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
