import { LRUCache } from 'lru-cache';
import { toHex } from '../../../domain/bytes.ts';
import type { Mac } from '../../../domain/paging/cursor.ts';
import type { Clock, KeyValue, Log, TokenBucket } from '../../../domain/ports/basics.ts';
import type { Peer } from '../../../domain/ports/peers.ts';
import { takeFrom, type Bucket } from '../../../domain/token-bucket.ts';
import { abortable } from '../client/body.ts';

/** Who was told what: one signal per session, peer and outage, over all replicas (SPEC M5-6). */
export interface OfflineSignals {
  /**
   * Whether this session has still to be told that the peer cannot be reached. True once for each outage; asked only when a
   * peer failed. A store that does not answer is no reason to say nothing.
   */
  isNew(session: Session, peer: Pick<Peer, 'id' | 'outages'>): Promise<boolean>;
}

export interface Session {
  readonly userId: string;
  /** What the client calls it, or its token: only a keyed hash of it goes anywhere. */
  readonly id: string;
}

/** Persons remembered here, and sessions of each. */
const MAX_PERSONS = 2_000;
const MAX_SESSIONS = 64;
const KEEP_SECONDS = 4 * 3_600;
const STORE_WAIT_MS = 250;

/**
 * Signals that one person's sessions may leave in the shared store: anybody can name any number of sessions, and rate limits live
 * there too (FAULTS F-18). Beyond it this process alone knows who was told.
 */
const SHARED: TokenBucket = { capacity: 32, refillPerSecond: 32 / KEEP_SECONDS };

const encoder = new TextEncoder();

export const createOfflineSignals = (
  kv: Pick<KeyValue, 'setIfAbsent'>,
  mac: Mac,
  clock: Clock,
  log: Log,
): OfflineSignals => {
  interface Told {
    readonly sessions: LRUCache<string, true>;
    readonly shared: Bucket;
  }
  const persons = new LRUCache<string, Told>({ max: MAX_PERSONS });

  const toldOf = (userId: string): Told => {
    const known = persons.get(userId);
    if (known !== undefined) return known;
    const made = {
      sessions: new LRUCache<string, true>({ max: MAX_SESSIONS }),
      shared: { used: 0, at: clock.now().getTime() },
    };
    persons.set(userId, made);
    return made;
  };

  return {
    isNew: async ({ userId, id }, peer) => {
      const text = JSON.stringify(['mosaic-offline-1', userId, id, peer.id, peer.outages]);
      const key = toHex(mac(encoder.encode(text)));
      const { sessions, shared } = toldOf(userId);
      if (sessions.has(key)) return false;
      // Before anything is awaited, so that of two answers at once only one has it.
      sessions.set(key, true);
      if (!takeFrom(shared, SHARED, clock.now().getTime()).allowed) return true;
      try {
        const once = kv.setIfAbsent(`offline:${key}`, Uint8Array.of(1), KEEP_SECONDS);
        return await abortable(AbortSignal.timeout(STORE_WAIT_MS), once);
      } catch (error) {
        log.warn('offline signal not shared', { error: error instanceof Error ? error : undefined });
        return true;
      }
    },
  };
};
