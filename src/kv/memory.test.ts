import { describe, expect, it } from 'vitest';
import { createManualClock, keyValueContract } from './contract.testkit.ts';
import { createMemoryKeyValue } from './memory.ts';

keyValueContract('memory', async () => {
  const clock = createManualClock();
  return { kv: createMemoryKeyValue({ clock }), pass: async (seconds) => clock.advance(seconds) };
});

describe('memory: bounds', () => {
  const clock = createManualClock();

  it('holds no more entries than allowed and drops the least recently used', async () => {
    const kv = createMemoryKeyValue({ clock, maxEntries: 2 });
    await kv.set('a', new Uint8Array(1), 60);
    await kv.set('b', new Uint8Array(1), 60);
    await kv.get('a');
    await kv.set('c', new Uint8Array(1), 60);
    expect(await kv.get('b')).toBeNull();
    expect(await kv.get('a')).not.toBeNull();
  });

  it('holds no more bytes than allowed, and does not keep what alone is too large', async () => {
    const kv = createMemoryKeyValue({ clock, maxBytes: 100 });
    await kv.set('a', new Uint8Array(60), 60);
    await kv.set('b', new Uint8Array(60), 60);
    await kv.set('huge', new Uint8Array(1000), 60);
    expect(await kv.get('a')).toBeNull();
    expect(await kv.get('huge')).toBeNull();
    expect(await kv.get('b')).not.toBeNull();
  });

  it('holds no more buckets than allowed', async () => {
    const kv = createMemoryKeyValue({ clock, maxBuckets: 10 });
    const bucket = { capacity: 1, refillPerSecond: 0.001 };
    for (let index = 0; index < 1000; index += 1) await kv.take(`address-${index}`, bucket);
    expect((await kv.take('address-999', bucket)).allowed).toBe(false);
    expect((await kv.take('address-0', bucket)).allowed).toBe(true);
  });

  it('does not take tokens away when the clock is set back', async () => {
    const hands = createManualClock();
    const kv = createMemoryKeyValue({ clock: hands });
    await kv.take('k', { capacity: 3, refillPerSecond: 1 });
    hands.advance(-3600);
    expect(await kv.take('k', { capacity: 3, refillPerSecond: 1 })).toMatchObject({
      allowed: true,
      remaining: 1,
    });
  });
});
