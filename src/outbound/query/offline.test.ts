import { expect, it } from 'vitest';
import { createMemoryKeyValue } from '../../kv/memory.ts';
import { createOfflineSignals } from './offline.ts';

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

it('F-18 one person’s sessions leave a bounded number of keys in the shared store, and each is told', async () => {
  const clock = { now: () => new Date(1_800_000_000_000) };
  const kv = createMemoryKeyValue({ clock });
  const keys = new Set<string>();
  const counting = {
    ...kv,
    setIfAbsent: (key: string, value: Uint8Array, seconds: number) => {
      keys.add(key);
      return kv.setIfAbsent(key, value, seconds);
    },
  };
  const signals = createOfflineSignals(counting, (bytes) => bytes, clock, silent);
  const peer = { id: 'work', outages: 1 };
  for (let n = 0; n < 400; n += 1) {
    const session = { userId: 'mallory', id: `session ${n}` };
    expect([await signals.isNew(session, peer), await signals.isNew(session, peer)]).toEqual([true, false]);
  }
  expect(keys.size).toBeLessThanOrEqual(32);
  // Another person's are shared as ever: a second replica knows of them.
  const other = createOfflineSignals(counting, (bytes) => bytes, clock, silent);
  const alice = { userId: 'alice', id: 'session' };
  expect([await signals.isNew(alice, peer), await other.isNew(alice, peer)]).toEqual([true, false]);
});
