import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createMemoryKeyValue } from '../../kv/memory.ts';
import { createResponseCache } from './cache.ts';
import { MAX_ENTRY_BYTES } from './cache-memory.ts';

const clock = { now: () => new Date(1_800_000_000_000) };
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

it('is bounded: what was not used for longest goes first, and what is too large is not kept', () => {
  const kv = createMemoryKeyValue({ clock });
  const cache = createResponseCache({ kv, mac: (bytes) => bytes, clock, log: silent, ttlSeconds: 30 });
  cache.told('peer', 30);
  const put = (key: string, characters: number): void => {
    const text = 'x'.repeat(characters);
    cache.put(key, { value: key, asOf: clock.now() }, text, { id: 'peer', localUserId: 'ann' });
  };
  const half = MAX_ENTRY_BYTES / 2;
  put('first', half);
  put('second', half);
  // Each counts as what it takes as JSON, as objects, and as the text that answers are made of: 64 MiB hold 42 of them.
  for (let n = 0; n < 40; n += 1) {
    put(`more ${n}`, half);
    expect(cache.get('first')?.value).toBe('first');
  }
  for (let n = 40; n < 50; n += 1) put(`more ${n}`, half);
  expect(cache.get('first')?.value).toBe('first');
  expect(cache.get('second')).toBeNull();
  expect(cache.get('more 0')).toBeNull();
  put('huge', MAX_ENTRY_BYTES);
  expect(cache.get('huge')).toBeNull();
});

it('F-18 one person’s answers take a bounded part of a shared store, where rate limits live too', async () => {
  const kv = { ...createMemoryKeyValue({ clock }), isLocal: false };
  let shared = 0;
  const counting = {
    ...kv,
    set: (key: string, value: Uint8Array, seconds: number) => {
      shared += value.byteLength;
      return kv.set(key, value, seconds);
    },
  };
  const cache = createResponseCache({
    kv: counting,
    mac: (bytes) => bytes,
    clock,
    log: silent,
    ttlSeconds: 30,
  });
  cache.told('peer', 30);
  const put = (key: string, localUserId: string): void =>
    cache.put(key, { value: key, asOf: clock.now() }, 'x'.repeat(500_000), { id: 'peer', localUserId });
  for (let n = 0; n < 100; n += 1) put(`ann ${n}`, 'ann');
  await cache.settled();
  expect(shared).toBeGreaterThan(3_500_000);
  expect(shared).toBeLessThanOrEqual(4 * 1024 * 1024);
  put('ben', 'ben');
  await cache.settled();
  expect(shared).toBeGreaterThan(4_000_000);
});

describe('F-70 rows of others do not outlive their time in memory', () => {
  const opened = () => {
    let now = 1_800_000_000_000;
    const moving = { now: () => new Date(now) };
    const cache = createResponseCache({
      kv: createMemoryKeyValue({ clock: moving }),
      mac: (bytes) => bytes,
      clock: moving,
      log: silent,
      ttlSeconds: 30,
    });
    for (const peer of ['work', 'other']) cache.told(peer, 30);
    const put = (peer: string, key: string): { readonly row: string } => {
      const value = { row: key };
      cache.put(key, { value, asOf: moving.now() }, key, { id: peer, localUserId: 'ann' });
      return value;
    };
    const pass = async (milliseconds: number): Promise<void> => {
      now += milliseconds;
      await vi.advanceTimersByTimeAsync(milliseconds);
    };
    return { cache, put, pass };
  };
  beforeEach(() => void vi.useFakeTimers({ now: 1_800_000_000_000 }));
  afterEach(() => void vi.useRealTimers());

  it('lets go of an answer when its time is over, although nobody asks for anything any more', async () => {
    const { cache, put, pass } = opened();
    put('work', 'one');
    expect(cache.entries).toBe(1);
    await pass(29_000);
    expect(cache.entries).toBe(1);
    await pass(6_000);
    expect(cache.entries).toBe(0);
  });

  it('lets go of one peer’s answers at once when they are good for nothing any more', () => {
    const { cache, put } = opened();
    for (const key of ['one', 'two', 'two']) put('work', key);
    put('other', 'three');
    cache.forget('work');
    expect(cache.entries).toBe(1);
    expect(cache.get('one')).toBeNull();
    expect(cache.get('three')).not.toBeNull();
    put('work', 'one');
    expect(cache.get('one')).not.toBeNull();
    cache.forget('nobody');
    cache.forget('work');
    expect(cache.entries).toBe(1);
  });
});
