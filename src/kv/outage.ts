import { LRUCache } from 'lru-cache';
import { MosaicError } from '../../domain/errors.ts';
import type { Clock, KeyValue, Log, TakeResult, TokenBucket } from '../../domain/ports/basics.ts';
import { unavailable } from './commands.ts';
import { takeFrom, type Bucket } from '../../domain/token-bucket.ts';

export interface OutageOptions {
  /** While the store is away: `local`, a strict bucket in this process for each one there; `refuse`, nothing (503). */
  readonly whenDown: 'local' | 'refuse';
  /** What part of each limit this process gives out on its own, above 0 and up to 1: one over the number of replicas. */
  readonly share: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Most buckets held here. One that is dropped starts anew, with a tenth. */
  readonly maxBuckets?: number;
}

/** What a process knows of the store's state: data alone, so that it outlives a connection. */
export interface Outage {
  /** The store, asked only while it answers. */
  guard(inner: KeyValue): KeyValue;
}

interface LocalBucket extends Bucket {
  /** Of which outage: each begins with a tenth at most. */
  outage: number;
}

const MAX_BUCKETS = 10_000;
const FIRST_PROBE_MS = 100;
const MAX_PROBE_MS = 1_000;
/** A probe that did not come back is given up: it may have ended with the request it ran beside. */
const LOST_PROBE_MS = 5_000;
const MARKER_SECONDS = 86_400;
/** Long before it would end: a marker that ended looks like a store that came back empty. */
const RENEW_MARKER_MS = 3_600_000;
/** What part of its capacity a bucket here begins with, at least one token. */
const FIRST_PART = 0.1;
const PRESENT = Uint8Array.of(1);

const isOutage = (error: unknown): boolean => error instanceof MosaicError && error.code === 'unavailable';

/**
 * Decides what becomes of the rate limits while the shared store is away (docs/reference/key-value.md). The first call that finds it
 * away waits for its timeout; from then on nobody does: calls fail, or are decided here, at once, and beside them one probe
 * at a time asks whether it is back. Nothing is gained by knocking the store over: buckets here begin with a tenth and refill
 * with this process's share only, and a store that comes back empty counts beside them until its buckets would be full anyway.
 */
export const createOutage = (options: OutageOptions): Outage => {
  const { whenDown, share, clock, log } = options;
  const buckets = new LRUCache<string, LocalBucket>({ max: options.maxBuckets ?? MAX_BUCKETS });
  const marker = `outage:${crypto.randomUUID()}`;
  let outage = 0;
  let isDown = false;
  let markedAt = -Infinity;
  let pause = FIRST_PROBE_MS;
  let probeAt = 0;
  let probingSince: number | null = null;
  /** When the store came back empty, in milliseconds since the epoch. */
  let emptiedAt = -Infinity;

  const now = (): number => clock.now().getTime();

  const wentDown = (): void => {
    if (isDown) return;
    isDown = true;
    outage += 1;
    pause = FIRST_PROBE_MS;
    probeAt = now() + pause;
    log.warn('key-value store is away', { rate_limits: whenDown === 'local' ? 'local' : 'refused' });
  };

  const cameBack = (isEmpty: boolean): void => {
    if (!isDown) return;
    isDown = false;
    if (isEmpty) emptiedAt = now();
    log.info('key-value store is back', { emptied: isEmpty });
  };

  const mark = async (inner: KeyValue): Promise<void> => {
    markedAt = now();
    await inner.set(marker, PRESENT, MARKER_SECONDS);
  };

  const renewMark = (inner: KeyValue): void => {
    if (isDown || now() - markedAt < RENEW_MARKER_MS) return;
    mark(inner).catch(() => (markedAt = -Infinity));
  };

  const probe = async (inner: KeyValue): Promise<void> => {
    try {
      const isEmpty = (await inner.get(marker)) === null;
      // Always a write: a demoted primary gives what it has, and takes nothing.
      await mark(inner);
      cameBack(isEmpty);
    } catch {
      pause = Math.min(MAX_PROBE_MS, pause * 2);
      probeAt = now() + pause;
    } finally {
      probingSince = null;
    }
  };

  const probeBeside = (inner: KeyValue): void => {
    const at = now();
    const isLost = probingSince !== null && at - probingSince > LOST_PROBE_MS;
    if ((probingSince !== null && !isLost) || at < probeAt) return;
    probingSince = at;
    void probe(inner);
  };

  /** Throws at once while the store is known to be away. */
  const ask = async <T>(inner: KeyValue, work: () => Promise<T>): Promise<T> => {
    if (isDown) {
      probeBeside(inner);
      throw unavailable('the key-value store is away');
    }
    try {
      return await work();
    } catch (error) {
      if (isOutage(error)) wentDown();
      throw error;
    }
  };

  const takeHere = (key: string, { capacity, refillPerSecond }: TokenBucket): TakeResult => {
    const own = {
      capacity: Math.max(1, Math.floor(capacity * share)),
      refillPerSecond: refillPerSecond * share,
    };
    const at = now();
    const mostUsed = own.capacity - Math.max(1, Math.floor(own.capacity * FIRST_PART));
    const bucket = buckets.get(key) ?? { used: mostUsed, at, outage };
    if (bucket.outage !== outage) {
      const refilled = (Math.max(0, at - bucket.at) / 1_000) * own.refillPerSecond;
      bucket.used = Math.max(mostUsed, bucket.used - refilled);
      bucket.at = at;
      bucket.outage = outage;
    }
    buckets.set(key, bucket);
    return takeFrom(bucket, own, at);
  };

  return {
    guard: (inner) => ({
      get: (key) => ask(inner, () => inner.get(key)),
      set: (key, value, ttlSeconds) => ask(inner, () => inner.set(key, value, ttlSeconds)),
      setIfAbsent: (key, value, ttlSeconds) => ask(inner, () => inner.setIfAbsent(key, value, ttlSeconds)),
      delete: (key) => ask(inner, () => inner.delete(key)),

      take: async (key, bucket) => {
        renewMark(inner);
        if (now() - emptiedAt < (bucket.capacity / bucket.refillPerSecond) * 1_000 && !isDown) {
          const here = takeHere(key, bucket);
          if (!here.allowed) return here;
        }
        try {
          return await ask(inner, () => inner.take(key, bucket));
        } catch (error) {
          if (whenDown === 'refuse' || !isOutage(error)) throw error;
          return takeHere(key, bucket);
        }
      },

      // Always asks: whoever wants to know is told the truth, and the answer counts here too.
      ping: async () => {
        try {
          await inner.ping();
        } catch (error) {
          if (isOutage(error)) wentDown();
          throw error;
        }
        if (isDown) {
          probeAt = 0;
          probeBeside(inner);
        } else renewMark(inner);
      },

      close: () => inner.close(),
      isOptional: whenDown === 'local',
    }),
  };
};
