import { LRUCache } from 'lru-cache';
import type { Log } from '../../../domain/ports/basics.ts';
import type { Peer, PeerStore } from '../../../domain/ports/peers.ts';

/** The moment at which a peer's row was known to a query: what was learned later makes it out of date. */
export interface Mark {
  readonly peerId: string;
  readonly epoch: number;
  /** Orders marks and news in this replica. */
  readonly at: number;
}

/**
 * What this process has learned of its peers and the database may not say yet. The epoch in the peer's row is what all
 * replicas go by; this is what makes news count at once here, before anything is awaited (SPEC M5-3).
 */
export interface PeerEpochs {
  /** Of a row read just now. */
  mark(peer: Pick<Peer, 'id' | 'cacheEpoch' | 'remoteGrantVersion'>): Mark;
  /** Whether nothing was learned since that concerns what is cached: only then may it be served, or something be kept. */
  isCurrent(mark: Mark): boolean;
  /** Whether something was learned since: an answer asked for before must not be used. */
  isLate(mark: Mark): boolean;
  /** For asking again after what was learned. */
  again(mark: Mark): Mark;
  isRevoked(peerId: string): boolean;
  /** The peer answered a question / refused the grant as a whole. The first refusal after an answer invalidates. */
  admitted(peerId: string): void;
  refused(peerId: string): void;
  /** From here on nothing cached of this peer is served. @returns when the other replicas know, or it was given up */
  invalidate(peerId: string): Promise<void>;
  /** For good: from here on the peer is neither asked nor served from the cache. The caller writes it down. */
  revoke(peerId: string): void;
  /**
   * An answer was decided on a version of the grant. `late`: it was asked for before a newer one was heard of, and must not
   * be used; `news`: what was cached is out of date from here on.
   */
  heard(mark: Mark, peer: Pick<Peer, 'remoteGrantVersion'>, version: number): 'same' | 'news' | 'late';
  /** Resolves when what was learned before the call is written or given up. */
  settled(): Promise<void>;
}

const MAX_PEERS = 10_000;

interface Known {
  epoch: number;
  version: number | null;
  /** When the version was heard of. */
  at: number;
  revoked: boolean;
  /** The last word was a refusal: nothing was kept since. */
  refused: boolean;
  /** A rise of the epoch is not written yet: unless that is under way, the next look at the peer tries again. */
  owed: boolean;
}

/** What was learned, as data alone: it outlives a request where a runtime starts anew for each. */
export interface EpochMemory {
  readonly peers: LRUCache<string, Known>;
  /** Orders marks and news. */
  now: number;
}

export const newEpochMemory = (): EpochMemory => ({ peers: new LRUCache({ max: MAX_PEERS }), now: 0 });

type Peers = Pick<PeerStore, 'raiseCacheEpoch' | 'recordGrantVersion'>;

/** @param outdated is called, before anything is awaited, with each peer whose cached answers are good for nothing any more */
export const createPeerEpochs = (
  peers: Peers,
  log: Log,
  outdated: (peerId: string) => void = () => {},
  memory: EpochMemory = newEpochMemory(),
): PeerEpochs => {
  const { peers: all } = memory;
  const running = new Set<Promise<void>>();
  /** Peers that something is written of now, and whether more came meanwhile. */
  const writing = new Map<string, { isOvertaken: boolean }>();

  const knownOf = (peerId: string): Known => {
    const found = all.get(peerId);
    if (found !== undefined) return found;
    const made = {
      epoch: 0,
      version: null,
      at: 0,
      revoked: false,
      refused: false,
      owed: false,
    };
    all.set(peerId, made);
    return made;
  };

  const write = (peerId: string, known: Known, work: () => Promise<unknown>): Promise<void> => {
    // Owed until it is written: who writes it may go away with its request.
    known.owed = true;
    const before = writing.get(peerId);
    if (before !== undefined) {
      before.isOvertaken = true;
      return Promise.resolve();
    }
    const own = { isOvertaken: false };
    writing.set(peerId, own);
    const done = work()
      .then(
        () => {
          known.owed = own.isOvertaken;
          return undefined;
        },
        (error: unknown) => {
          log.warn('cache epoch not recorded', {
            peer_id: peerId,
            error: error instanceof Error ? error : undefined,
          });
        },
      )
      .finally(() => {
        writing.delete(peerId);
        running.delete(done);
      });
    running.add(done);
    return done;
  };

  const raise = (peerId: string, known: Known): Promise<void> =>
    write(peerId, known, () => peers.raiseCacheEpoch(peerId));

  const invalidate = (peerId: string): Promise<void> => {
    const known = knownOf(peerId);
    known.epoch += 1;
    known.at = memory.now += 1;
    outdated(peerId);
    return raise(peerId, known);
  };

  return {
    mark: ({ id, cacheEpoch, remoteGrantVersion }) => {
      const known = knownOf(id);
      memory.now += 1;
      if (cacheEpoch > known.epoch) {
        known.epoch = cacheEpoch;
        known.version = remoteGrantVersion ?? known.version;
        known.at = memory.now;
        outdated(id);
      }
      if (known.owed && !writing.has(id)) void raise(id, known);
      return { peerId: id, epoch: cacheEpoch, at: memory.now };
    },

    isCurrent: ({ peerId, epoch }) => {
      const known = all.get(peerId);
      return known !== undefined && known.epoch === epoch && !known.revoked;
    },

    isLate: ({ peerId, at }) => {
      const known = all.get(peerId);
      return known === undefined || known.revoked || known.at > at;
    },

    again: ({ peerId, epoch }) => ({ peerId, epoch, at: (memory.now += 1) }),

    isRevoked: (peerId) => all.get(peerId)?.revoked === true,

    admitted: (peerId) => {
      const known = all.get(peerId);
      if (known !== undefined) known.refused = false;
    },

    refused: (peerId) => {
      const known = knownOf(peerId);
      if (known.refused) return;
      known.refused = true;
      void invalidate(peerId);
    },

    invalidate,

    revoke: (peerId) => {
      const known = knownOf(peerId);
      known.revoked = true;
      outdated(peerId);
    },

    heard: (mark, peer, version) => {
      const known = knownOf(mark.peerId);
      known.version ??= peer.remoteGrantVersion;
      const isNews = known.version !== null && known.version !== version;
      if (isNews && mark.at < known.at) return 'late';
      if (isNews) {
        known.epoch = Math.max(known.epoch, mark.epoch) + 1;
        known.at = memory.now += 1;
        outdated(mark.peerId);
      }
      known.version = version;
      // Also what an earlier attempt could not write.
      if (peer.remoteGrantVersion !== version && !writing.has(mark.peerId))
        void write(mark.peerId, known, () => peers.recordGrantVersion(mark.peerId, version));
      return isNews ? 'news' : 'same';
    },

    settled: async () => {
      await Promise.all(running);
    },
  };
};
