import { LRUCache } from 'lru-cache';
import type { Clock } from '../../../domain/ports/basics.ts';
import type { Kept } from './kept.ts';

export interface Stored extends Kept<unknown> {
  readonly peerId: string;
}

/** What is kept of answers in this process, as data alone: it may outlive a request. */
export interface CacheMemory {
  readonly entries: LRUCache<string, Stored>;
  /** Keeps one, unless it is too large. @param bytes of its JSON @param ttl in milliseconds */
  keep(key: string, stored: Stored, bytes: number, ttl: number): void;
  /** Lets go of everything of a peer, at once (FAULTS F-70). */
  forget(peerId: string): void;
  /** How long each peer lets its answers be kept, seconds. */
  readonly limits: LRUCache<string, number>;
  /** What each person's answers took in the shared store. */
  readonly spent: LRUCache<string, { readonly since: number; readonly bytes: number }>;
  readonly counters: { hits: number; misses: number };
  /** Milliseconds since the epoch. */
  pausedUntil: number;
  purgedAt: number;
}

export interface CacheMemoryOptions {
  /** Of all answers together. */
  readonly maxBytes: number;
  /**
   * Each answer has a timer, which keeps no process alive. Not where a timer ends with the request that set it, as on Workers: to stop it
   * from another request would stop a timer of that one.
   */
  readonly hasTimers: boolean;
}

const MAX_BYTES = 64 * 1024 * 1024;
/** What an answer takes here, against its JSON: the rows as objects, and the text that answers are made of. */
const WEIGHT = 3;
/** Larger answers are not kept. */
export const MAX_ENTRY_BYTES = 1024 * 1024;
const MAX_ENTRY_SIZE = WEIGHT * MAX_ENTRY_BYTES;
const MAX_PEERS = 10_000;

export const newCacheMemory = (
  clock: Clock,
  { maxBytes, hasTimers }: CacheMemoryOptions = { maxBytes: MAX_BYTES, hasTimers: true },
): CacheMemory => {
  /** The keys of what is kept, by peer. */
  const keysOf = new Map<string, Set<string>>();
  const entries = new LRUCache<string, Stored>({
    maxSize: maxBytes,
    maxEntrySize: MAX_ENTRY_SIZE,
    ttlResolution: 0,
    // Rows of others must not outlive their time in memory only because nobody asks again.
    ttlAutopurge: hasTimers,
    perf: { now: () => clock.now().getTime() },
    disposeAfter: ({ peerId }, key, reason) => {
      if (reason === 'set') return;
      const keys = keysOf.get(peerId);
      keys?.delete(key);
      if (keys?.size === 0) keysOf.delete(peerId);
    },
  });
  return {
    entries,
    keep: (key, stored, bytes, ttl) => {
      const size = WEIGHT * bytes + key.length;
      if (size > MAX_ENTRY_SIZE) return;
      const keys = keysOf.get(stored.peerId) ?? new Set();
      keysOf.set(stored.peerId, keys.add(key));
      entries.set(key, stored, { size, ttl });
    },
    forget: (peerId) => {
      const keys = keysOf.get(peerId) ?? [];
      keysOf.delete(peerId);
      for (const key of keys) entries.delete(key);
    },
    limits: new LRUCache({ max: MAX_PEERS }),
    spent: new LRUCache({ max: MAX_PEERS }),
    counters: { hits: 0, misses: 0 },
    pausedUntil: 0,
    purgedAt: 0,
  };
};
