import { LRUCache } from 'lru-cache';
import { toHex } from '../../domain/bytes.ts';
import type { Mac } from '../../domain/paging/cursor.ts';
import type { KeyValue, Log } from '../../domain/ports/basics.ts';
import type { Peer } from '../../domain/ports/federation.ts';
import { abortable } from './body.ts';

/** Who was told what: one signal per session, peer and outage, over all replicas (SPEC M5-6). */
export interface OfflineSignals {
  /**
   * Whether this session has still to be told that the peer can not be reached. True once for each outage; asked only when a
   * peer failed. A store that does not answer is no reason to say nothing.
   */
  isNew(session: Session, peer: Pick<Peer, 'id' | 'outages'>): Promise<boolean>;
}

export interface Session {
  readonly userId: string;
  /** What the client calls it, or its token: only a keyed hash of it goes anywhere. */
  readonly id: string;
}

const MAX_TOLD = 10_000;
const KEEP_SECONDS = 24 * 3_600;
const STORE_WAIT_MS = 250;

const encoder = new TextEncoder();

export const createOfflineSignals = (
  kv: Pick<KeyValue, 'setIfAbsent'>,
  mac: Mac,
  log: Log,
): OfflineSignals => {
  const told = new LRUCache<string, true>({ max: MAX_TOLD });
  return {
    isNew: async ({ userId, id }, peer) => {
      const text = JSON.stringify(['mosaic-offline-1', userId, id, peer.id, peer.outages]);
      const key = toHex(mac(encoder.encode(text)));
      if (told.has(key)) return false;
      // Before anything is awaited, so that of two answers at once only one has it.
      told.set(key, true);
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
