import { toHex } from '../../../domain/bytes.ts';
import { parseJson, PLAIN } from '../../../domain/json.ts';
import type { Mac } from '../../../domain/paging/cursor.ts';
import type { Clock, KeyValue, Log } from '../../../domain/ports/basics.ts';
import type { AskedPeer } from '../../../domain/ports/peers.ts';
import { abortable } from '../client/body.ts';
import { MAX_ENTRY_BYTES, newCacheMemory, type CacheMemory } from './cache-memory.ts';
import { createFlights, type Flights } from './flights.ts';
import type { Kept } from './kept.ts';

export interface ResponseCacheParts {
  readonly kv: KeyValue;
  /** Makes keys that tell nothing of what was asked. */
  readonly mac: Mac;
  readonly clock: Clock;
  readonly log: Log;
  /** Longest time anything is kept, whatever a peer says. */
  readonly ttlSeconds: number;
  /** Of an earlier cache, where a runtime starts anew for each request. */
  readonly memory?: CacheMemory;
}

/** Questions since the start that the cache could have answered. */
export interface CacheCounters {
  readonly hits: number;
  readonly misses: number;
}

/**
 * Answers to `list` and `get`, for seconds (SPEC M5). In this process they are objects in bounded memory; outside it, where
 * replicas share a key-value store, ciphertext under a keyed hash. Nothing is written to a disk. A key names the local user,
 * the peer, its grant, its epoch and the whole question, so that no answer reaches anyone or anything else's.
 */
export interface ResponseCache {
  /** How long this peer lets its answers be kept, seconds: null before it said, 0 when not at all. */
  allowed(peerId: string): number | null;
  /** Notes what the peer said with its latest answer; nothing said is 0. */
  told(peerId: string, seconds: number): void;
  get(key: string): Kept<unknown> | null;
  /**
   * What another replica keeps.
   *
   * @param read makes the value of the stored JSON, or null when it is not acceptable
   * @param mayKeep is asked when the store has answered: something may have been learned of the peer meanwhile
   */
  shared<T>(
    key: string,
    peer: Pick<AskedPeer, 'id'>,
    read: (json: unknown) => T | null,
    mayKeep: () => boolean,
  ): Promise<Kept<T> | null>;
  /** @param json what the peer's answer was read from, or the same again */
  put(
    key: string,
    kept: Pick<Kept<unknown>, 'value' | 'asOf'>,
    json: unknown,
    peer: Pick<AskedPeer, 'id' | 'localUserId'>,
  ): void;
  /** Lets go of everything that this process keeps of a peer, at once (FAULTS F-70). */
  forget(peerId: string): void;
  readonly flights: Flights;
  /** Notes how a question that might have been in the cache was answered. */
  count(isHit: boolean): void;
  readonly counters: CacheCounters;
  /** How many answers this process keeps. */
  readonly entries: number;
  /** Resolves when what was put before the call is with the other replicas, or was given up. */
  settled(): Promise<void>;
}

/** A shared store that is slower than this is of no use, and is left alone for a while. */
const SHARED_WAIT_MS = 250;
const SHARED_PAUSE_MS = 5_000;
/** What one person's answers may take in a shared store, of this process and in this time: rate limits live there too (FAULTS F-18). */
const SHARED_BYTES = 4 * 1024 * 1024;
const SHARED_WINDOW_MS = 30_000;

/** Where an answer is kept in this replica’s memory. @param path the verb's address with its whole query */
export const cacheKey = (peer: AskedPeer, path: string): string =>
  JSON.stringify([peer.localUserId, peer.id, peer.remoteGrantId, peer.cacheEpoch, path]);

const encoder = new TextEncoder();

/** What a peer may answer, in the list that it is kept in. */
const SHARED_BOUNDS = { depth: PLAIN.depth + 1, parts: PLAIN.parts + 4, length: MAX_ENTRY_BYTES };

/** As another replica wrote it, authenticated by the key-value port. */
const readShared = (bytes: Uint8Array): { asOf: number; until: number; json: unknown } | null => {
  if (bytes.byteLength > MAX_ENTRY_BYTES) return null;
  const stored = parseJson(new TextDecoder().decode(bytes), SHARED_BOUNDS);
  if (!stored.ok || !Array.isArray(stored.value)) return null;
  const [asOf, until, json] = stored.value as readonly unknown[];
  return typeof asOf === 'number' && typeof until === 'number' ? { asOf, until, json } : null;
};

export const createResponseCache = (parts: ResponseCacheParts): ResponseCache => {
  const { kv, mac, clock, log, ttlSeconds } = parts;
  const isShared = kv.isLocal !== true;
  const memory = parts.memory ?? newCacheMemory(clock);
  const { entries, limits, spent, counters } = memory;
  const running = new Set<Promise<void>>();

  const sharedKey = (key: string): string =>
    `response:${toHex(mac(encoder.encode(`mosaic-response-1${key}`)))}`;

  /** Never longer than a moment, and no error: without the store an answer is just not cached elsewhere. */
  const atStore = async <T>(work: () => Promise<T>): Promise<T | null> => {
    if (!isShared || clock.now().getTime() < memory.pausedUntil) return null;
    try {
      return await abortable(AbortSignal.timeout(SHARED_WAIT_MS), work());
    } catch (error) {
      memory.pausedUntil = clock.now().getTime() + SHARED_PAUSE_MS;
      log.warn('the shared response cache does not answer and is not used for a while', {
        error: error instanceof Error ? error : undefined,
      });
      return null;
    }
  };

  /** Whether a person's answers are still within what that person may have in the shared store. */
  const maySpend = (userId: string, bytes: number, now: number): boolean => {
    const held = spent.get(userId);
    const isOver = held === undefined || now - held.since >= SHARED_WINDOW_MS;
    const used = isOver ? 0 : held.bytes;
    if (used + bytes > SHARED_BYTES) return false;
    spent.set(userId, { since: isOver ? now : held.since, bytes: used + bytes });
    return true;
  };

  /** For runtimes where a timer ends with the request that set it, as in Workers: the next answer cleans up. */
  const purge = (now: number): void => {
    if (now - memory.purgedAt < SHARED_PAUSE_MS) return;
    memory.purgedAt = now;
    entries.purgeStale();
  };

  return {
    allowed: (peerId) => (ttlSeconds === 0 ? 0 : (limits.get(peerId) ?? null)),
    told: (peerId, seconds) => void limits.set(peerId, Math.min(ttlSeconds, seconds)),
    get: (key) => {
      const kept = entries.get(key);
      // The map still gives what ends in this very millisecond.
      return kept !== undefined && clock.now().getTime() < kept.until ? kept : null;
    },

    shared: async <T>(
      key: string,
      peer: Pick<AskedPeer, 'id'>,
      read: (json: unknown) => T | null,
      mayKeep: () => boolean,
    ) => {
      const bytes = await atStore(() => kv.get(sharedKey(key)));
      const found = bytes === null ? null : readShared(bytes);
      if (found === null) return null;
      const left = found.until - clock.now().getTime();
      const value = left > 0 && left <= ttlSeconds * 1000 ? read(found.json) : null;
      if (value === null || bytes === null) return null;
      const kept = { value, forms: {}, asOf: new Date(found.asOf), until: found.until, peerId: peer.id };
      if (!mayKeep()) return null;
      memory.keep(key, kept, bytes.byteLength, left);
      return kept;
    },

    put: (key, { value, asOf }, json, { id: peerId, localUserId }) => {
      const now = clock.now().getTime();
      purge(now);
      const until = asOf.getTime() + (limits.get(peerId) ?? 0) * 1000;
      if (until <= now) return;
      const bytes = encoder.encode(JSON.stringify([asOf.getTime(), until, json]));
      if (bytes.byteLength + key.length > MAX_ENTRY_BYTES) return;
      memory.keep(key, { value, forms: {}, asOf, until, peerId }, bytes.byteLength, until - now);
      if (!maySpend(localUserId ?? '', bytes.byteLength, now)) return;
      const writing = atStore(() => kv.set(sharedKey(key), bytes, (until - now) / 1000)).then(
        () => undefined,
      );
      running.add(writing);
      void writing.finally(() => running.delete(writing));
    },

    forget: (peerId) => memory.forget(peerId),

    flights: createFlights(),

    count: (isHit) => {
      if (isHit) counters.hits += 1;
      else counters.misses += 1;
    },
    counters,

    get entries() {
      return entries.size;
    },

    settled: async () => {
      await Promise.all(running);
    },
  };
};
