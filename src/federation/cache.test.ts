import { expect, it } from 'vitest';
import { createMemoryKeyValue } from '../kv/memory.ts';
import { createResponseCache, MAX_ENTRY_BYTES } from './cache.ts';

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
