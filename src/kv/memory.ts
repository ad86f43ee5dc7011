import { LRUCache } from 'lru-cache';
import type { Clock, KeyValue } from '../../domain/ports/basics.ts';
import { assertBucket, takeFrom, type Bucket } from '../../domain/token-bucket.ts';

export interface MemoryKeyValueOptions {
  readonly clock: Clock;
  /** Most values held at once; the least recently used go first. */
  readonly maxEntries?: number;
  /** Most bytes of keys and values together. A single value larger than that is not kept at all. */
  readonly maxBytes?: number;
  /** Most token buckets held at once. One that is dropped is full again when it comes back. */
  readonly maxBuckets?: number;
}

const DEFAULT_MAX_ENTRIES = 10_000;
const DEFAULT_MAX_BYTES = 32 * 1024 * 1024;
const DEFAULT_MAX_BUCKETS = 100_000;

/** What is over at once would be everybody's. */
const assertLasting = (ttlSeconds: number): void => {
  if (!(ttlSeconds > 0)) throw new RangeError('a time to live must be above 0 seconds');
};

/**
 * The key-value port in this process's memory: for tier `local`, and for one replica. Bounded in entries,
 * bytes and buckets, so that no traffic can grow it without end.
 */
export const createMemoryKeyValue = (options: MemoryKeyValueOptions): KeyValue => {
  const { clock, maxEntries = DEFAULT_MAX_ENTRIES, maxBytes = DEFAULT_MAX_BYTES } = options;
  const values = new LRUCache<string, Uint8Array>({
    max: maxEntries,
    maxSize: maxBytes,
    sizeCalculation: (value, key) => Math.max(1, value.byteLength + key.length),
    // Asked for the time on each look-up, so that no timer holds the process or lags behind the clock.
    ttlResolution: 0,
    perf: { now: () => clock.now().getTime() },
  });
  const buckets = new LRUCache<string, Bucket>({ max: options.maxBuckets ?? DEFAULT_MAX_BUCKETS });

  return {
    isLocal: true,

    get: async (key) => values.get(key)?.slice() ?? null,

    set: async (key, value, ttlSeconds) => {
      if (ttlSeconds <= 0) values.delete(key);
      else values.set(key, value.slice(), { ttl: ttlSeconds * 1000 });
    },

    setIfAbsent: async (key, value, ttlSeconds) => {
      assertLasting(ttlSeconds);
      if (values.has(key)) return false;
      values.set(key, value.slice(), { ttl: ttlSeconds * 1000 });
      return true;
    },

    delete: async (key) => {
      values.delete(key);
    },

    take: async (key, bucket) => {
      assertBucket(bucket);
      const now = clock.now().getTime();
      const held = buckets.get(key) ?? { used: 0, at: now };
      buckets.set(key, held);
      return takeFrom(held, bucket, now);
    },

    ping: async () => {},

    close: async () => {
      values.clear();
      buckets.clear();
    },
  };
};
