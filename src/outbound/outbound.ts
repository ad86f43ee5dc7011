import type { Clock } from '../../domain/ports/basics.ts';
import type { CoreSettings, Deps } from '../app/deps.ts';
import { createResponseCache, type ResponseCache } from './cache/cache.ts';
import { newCacheMemory, type CacheMemory } from './cache/cache-memory.ts';
import { createCircuits, type Circuits } from './client/circuit.ts';
import { createPeerClients, type PeerClients } from './client/clients.ts';
import { createPeerEpochs, newEpochMemory, type EpochMemory, type PeerEpochs } from './cache/epochs.ts';
import { createOfflineSignals, type OfflineSignals } from './query/offline.ts';
import { createPeerHealth, type PeerHealth } from './peers/health.ts';
import { createWitness, type Witness } from './audit/witness.ts';
import { newPolledAt, type PolledAt } from './revocation/polled-at.ts';
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
export interface OutboundMemory {
  readonly circuits: Circuits;
  readonly epochs: EpochMemory;
  readonly cache: CacheMemory;
  readonly polledAt: PolledAt;
}

/** A probe has the time of any call, and a moment for what is said about it. */
const PROBE_GRACE_MS = 1_000;
/** An isolate has 128 MiB for everything, and a timer of its own lasts no longer than a request. */
const ISOLATE_CACHE = { maxBytes: 16 * 1024 * 1024, hasTimers: false } as const;

/** @param isIsolate of a runtime that starts anew for each request, with little memory */
export const newOutboundMemory = (
  settings: Pick<CoreSettings, 'circuitFailures' | 'circuitCooldownMs' | 'peerTimeoutMs'>,
  clock: Clock,
  isIsolate = false,
): OutboundMemory => {
  const { circuitFailures: failures, circuitCooldownMs: cooldownMs, peerTimeoutMs } = settings;
  return {
    circuits: createCircuits({ failures, cooldownMs, probeMs: peerTimeoutMs + PROBE_GRACE_MS }, clock),
    epochs: newEpochMemory(),
    cache: newCacheMemory(clock, isIsolate ? ISOLATE_CACHE : undefined),
    polledAt: newPolledAt(),
  };
};

/**
 * The clients of a gateway, and what they share. One a gateway: each has connections of its own.
 * @param memory what was learned of peers before, where a runtime starts anew for each request
 */
export const createOutbound = (deps: Deps, memory: OutboundMemory): Outbound => {
  const { settings, kv, keys, clock, log } = deps;
  const cache = createResponseCache({
    memory: memory.cache,
    kv,
    mac: keys.cursorMac,
    clock,
    log,
    ttlSeconds: settings.cacheTtlSeconds,
  });
  return {
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
};

/**
 * For a runtime whose timers end with a request: lets go of answers whose time is over.
 * @returns when the next one's is, in milliseconds since the epoch; null when nothing is kept
 */
export const purgeOutbound = ({ cache: { entries } }: Pick<OutboundMemory, 'cache'>): number | null => {
  entries.purgeStale();
  let next: number | null = null;
  for (const { until } of entries.values()) next = Math.min(next ?? until, until);
  return next;
};

/** For a runtime's shutdown: writes what was noted and lets go of every connection to a peer. */
export const closeOutbound = async ({ health, epochs, cache, witness, clients }: Outbound): Promise<void> => {
  await health.settled();
  await epochs.settled();
  await cache.settled();
  await witness.settled();
  await clients.closeAll();
};
