import { LRUCache } from 'lru-cache';
import {
  CHECKPOINT_HEADER,
  PLACE_HEADER,
  readCheckpoint,
  readPlace,
  type Place,
} from '../../../domain/audit/checkpoint.ts';
import type { Clock, Log } from '../../../domain/ports/basics.ts';
import type { PeerStore } from '../../../domain/ports/peers.ts';

/** The furthest that one writer of a peer's audit log was seen at. */
export interface Remembered {
  readonly writerId: string;
  readonly seq: number;
  readonly head: string;
  /** The newest signed checkpoint of that chain, as it came. */
  readonly checkpoint: string | null;
  /** When, RFC 3339. */
  readonly at: string;
  /** An entry for which the peer has reported two different hashes. */
  readonly conflict: number | null;
}

/**
 * Remembers what peers say of their audit logs with each answer, so that they cannot take it back later, and tells which
 * checkpoint to show them. Nothing of a peer's rows is in it, and no answer waits for it.
 */
export interface Witness {
  /** What to send along with the next request; null when the peer knows already. */
  show(peerId: string): string | null;
  note(peerId: string, headers: Headers): void;
  /** Writes down what is not yet. */
  settled(): Promise<void>;
  forget(peerId: string): void;
}

/** News of a peer are written no more often than this. */
const QUIET_MS = 5_000;
/** A showing may have been lost on its way. */
const SHOW_AGAIN_MS = 60_000;
const MAX_PEERS = 10_000;
/** Starts of a peer's replicas that are remembered; the oldest are forgotten first. */
const MAX_WRITERS = 32;

interface Entry {
  writers: Map<string, Remembered>;
  newest: string | null;
  shown: string | null;
  shownAt: number;
  writtenAt: number;
  isDirty: boolean;
  work: Promise<void> | null;
}

const isRemembered = (value: unknown): value is Remembered => {
  if (typeof value !== 'object' || value === null) return false;
  const { writerId, seq, head, checkpoint, at, conflict } = value as Record<string, unknown>;
  return (
    typeof writerId === 'string' &&
    typeof seq === 'number' &&
    typeof head === 'string' &&
    (checkpoint === null || typeof checkpoint === 'string') &&
    typeof at === 'string' &&
    (conflict === null || typeof conflict === 'number')
  );
};

/** What was stored; nothing for what is not ours. */
export const readRemembered = (text: string | null): readonly Remembered[] => {
  if (text === null) return [];
  try {
    const value = JSON.parse(text) as unknown;
    return Array.isArray(value) ? value.filter(isRemembered) : [];
  } catch {
    return [];
  }
};

const seqOf = (checkpoint: string | null): number =>
  checkpoint === null ? 0 : (readCheckpoint(checkpoint)?.seq ?? 0);

/** The further of two, without forgetting that they contradict each other. */
const merge = (one: Remembered | undefined, other: Remembered): Remembered => {
  if (one === undefined) return other;
  const further = other.seq > one.seq ? other : one;
  const contradicts = one.seq === other.seq && one.head !== other.head;
  return {
    ...further,
    checkpoint: seqOf(other.checkpoint) > seqOf(one.checkpoint) ? other.checkpoint : one.checkpoint,
    conflict: one.conflict ?? other.conflict ?? (contradicts ? one.seq : null),
  };
};

const newestFirst = (all: Iterable<Remembered>): readonly Remembered[] =>
  [...all].toSorted((a, b) => (a.at < b.at ? 1 : -1)).slice(0, MAX_WRITERS);

type Peers = Pick<PeerStore, 'auditOf' | 'setAuditSeen'>;

export const createWitness = (peers: Peers, clock: Clock, log: Log): Witness => {
  const entries = new LRUCache<string, Entry>({ max: MAX_PEERS });
  const running = new Set<Promise<void>>();

  const store = async (peerId: string, entry: Entry): Promise<void> => {
    entry.isDirty = false;
    entry.writtenAt = clock.now().getTime();
    // Another replica may write to the same row: then once more on what it wrote.
    for (let attempt = 0; attempt < 4; attempt += 1) {
      const known = await peers.auditOf(peerId);
      if (known === null) return;
      for (const remembered of readRemembered(known.seen))
        entry.writers.set(remembered.writerId, merge(entry.writers.get(remembered.writerId), remembered));
      const kept = newestFirst(entry.writers.values());
      entry.writers = new Map(kept.map((remembered) => [remembered.writerId, remembered]));
      if (await peers.setAuditSeen(peerId, known.seen, JSON.stringify(kept))) return;
    }
    entry.isDirty = true;
  };

  const write = (peerId: string, entry: Entry): Promise<void> => {
    if (entry.work !== null) return entry.work;
    const work = store(peerId, entry)
      .catch((error: unknown) => {
        entry.isDirty = true;
        log.warn('what a peer reported of its audit log could not be recorded', {
          peer_id: peerId,
          error: error instanceof Error ? error : undefined,
        });
      })
      .finally(() => {
        entry.work = null;
        running.delete(work);
      });
    entry.work = work;
    running.add(work);
    return work;
  };

  const remember = (peerId: string, entry: Entry, place: Place, checkpoint: string | null): void => {
    const { writerId, seq, head } = place;
    const before = entry.writers.get(writerId);
    const at = clock.now().toISOString();
    const after = merge(before, { writerId, seq, head, checkpoint, at, conflict: null });
    if (after.conflict !== null && before?.conflict === null) {
      log.error(
        'a peer has reported two different hashes for one entry of its audit log; run mosaic federation audit reconcile',
        {
          alert: 'audit_two_heads',
          peer_id: peerId,
          writer_id: writerId,
          seq: after.conflict,
        },
      );
    }
    entry.writers.set(writerId, after);
    // A peer that makes up writers makes us forget its own old ones, and nothing else.
    if (entry.writers.size > 2 * MAX_WRITERS)
      entry.writers = new Map(newestFirst(entry.writers.values()).map((kept) => [kept.writerId, kept]));
  };

  return {
    show: (peerId) => {
      const entry = entries.get(peerId);
      if (entry === undefined || entry.newest === null) return null;
      const now = clock.now().getTime();
      if (entry.shown === entry.newest && now - entry.shownAt < SHOW_AGAIN_MS) return null;
      entry.shown = entry.newest;
      entry.shownAt = now;
      return entry.newest;
    },

    note: (peerId, headers) => {
      const place = readPlace(headers.get(PLACE_HEADER) ?? '');
      if (place === null) return;
      const text = headers.get(CHECKPOINT_HEADER);
      const checkpoint = text !== null && readCheckpoint(text)?.writerId === place.writerId ? text : null;
      const entry: Entry = entries.get(peerId) ?? {
        writers: new Map(),
        newest: null,
        shown: null,
        shownAt: 0,
        writtenAt: 0,
        isDirty: false,
        work: null,
      };
      remember(peerId, entry, place, checkpoint);
      if (checkpoint !== null) entry.newest = checkpoint;
      entry.isDirty = true;
      entries.set(peerId, entry);
      if (clock.now().getTime() - entry.writtenAt >= QUIET_MS) void write(peerId, entry);
    },

    settled: async () => {
      await Promise.all(running);
      for (const [peerId, entry] of entries.entries()) if (entry.isDirty) void write(peerId, entry);
      await Promise.all(running);
    },

    forget: (peerId) => void entries.delete(peerId),
  };
};
