import { LRUCache } from 'lru-cache';
import type { Clock, Log } from '../../../domain/ports/basics.ts';
import type { PeerStore } from '../../../domain/ports/peers.ts';

/** Notes on the peer's row when it last answered and when it last failed, without ever holding up an answer. */
export interface PeerHealth {
  /** @param code null for a success, otherwise the failure's code */
  note(peerId: string, code: string | null): void;
  /** Resolves when what was noted before the call is written or given up. */
  settled(): Promise<void>;
}

/** A change is written at once; the same news again only after this long. */
const QUIET_MS = 5_000;
const MAX_PEERS = 10_000;

interface News {
  readonly code: string | null;
  /** A success after a failure; null when nothing was known before. */
  readonly recovered: boolean | null;
  readonly at: Date;
}

interface Entry {
  written: News | null;
  waiting: News | null;
  busy: boolean;
}

type Peers = Pick<PeerStore, 'recordSuccess' | 'recordFailure'>;

export const createPeerHealth = (peers: Peers, clock: Clock, log: Log): PeerHealth => {
  const entries = new LRUCache<string, Entry>({ max: MAX_PEERS });
  const running = new Set<Promise<unknown>>();

  const write = async (peerId: string, entry: Entry): Promise<void> => {
    while (entry.waiting !== null) {
      const news = entry.waiting;
      entry.waiting = null;
      entry.written = news;
      try {
        await (news.code === null
          ? peers.recordSuccess(peerId, news.at, news.recovered)
          : peers.recordFailure(peerId, news.at, news.code));
      } catch (error) {
        entry.written = null;
        log.warn('peer health not recorded', {
          peer_id: peerId,
          error: error instanceof Error ? error : undefined,
        });
      }
    }
    // In the same turn as the last look at `waiting`, so that no news falls between the two.
    entry.busy = false;
  };

  return {
    note: (peerId, code) => {
      const entry = entries.get(peerId) ?? { written: null, waiting: null, busy: false };
      const at = clock.now();
      const last = entry.waiting ?? entry.written;
      if (last !== null && last.code === code && at.getTime() - last.at.getTime() < QUIET_MS) return;
      // A recovery that is not written yet is not lost to what comes after it.
      const owed = entry.waiting?.recovered === true;
      const recovered = last === null ? null : owed || (code === null && last.code !== null);
      entry.waiting = { code, at, recovered };
      entries.set(peerId, entry);
      if (entry.busy) return;
      entry.busy = true;
      const work = write(peerId, entry).finally(() => running.delete(work));
      running.add(work);
    },
    settled: async () => {
      await Promise.all(running);
    },
  };
};
