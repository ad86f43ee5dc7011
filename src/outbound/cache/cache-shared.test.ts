import { afterEach, describe, expect, it, vi } from 'vitest';
import { PLAIN } from '../../../domain/json.ts';
import type { KeyValue } from '../../../domain/ports/basics.ts';
import { createMemoryKeyValue } from '../../kv/memory.ts';
import { createResponseCache } from './cache.ts';
import { MAX_ENTRY_BYTES, newCacheMemory } from './cache-memory.ts';

const clock = { now: () => new Date(1_800_000_000_000) };
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

const replicaOf = (kv: KeyValue) => {
  const cache = createResponseCache({ kv, mac: (bytes) => bytes, clock, log: silent, ttlSeconds: 30 });
  cache.told('peer', 30);
  return cache;
};

const shared = (cache: ReturnType<typeof replicaOf>) =>
  cache.shared(
    'question',
    { id: 'peer' },
    (json) => json,
    () => true,
  );

const nested = (depth: number): unknown => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`);
/** Two brackets, and a comma between any two. */
const ofParts = (parts: number): unknown => Array.from({ length: parts - 1 }, () => 1);

it.each([
  ['as deep as a peer may answer', nested(PLAIN.depth), true],
  ['deeper', nested(PLAIN.depth + 1), false],
  ['of as many parts as a peer may answer', ofParts(PLAIN.parts), true],
  ['of more parts', ofParts(PLAIN.parts + 1), false],
])('MUTANTS cache what another replica keeps is read when it is %s', async (_what, json, isRead) => {
  const kv = { ...createMemoryKeyValue({ clock }), isLocal: false };
  const one = replicaOf(kv);
  one.put('question', { value: json, asOf: clock.now() }, json, { id: 'peer', localUserId: 'ann' });
  await one.settled();
  const kept = await shared(replicaOf(kv));
  expect(kept !== null).toBe(isRead);
});

afterEach(() => void vi.useRealTimers());

it('MUTANTS cache waits a quarter of a second for a shared store, and no longer', async () => {
  vi.useFakeTimers();
  // The clock of a signal is the host's own.
  vi.spyOn(AbortSignal, 'timeout').mockImplementation((milliseconds) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new DOMException('late', 'TimeoutError')), milliseconds);
    return controller.signal;
  });
  const hanging = {
    ...createMemoryKeyValue({ clock }),
    isLocal: false,
    get: () => new Promise<never>(() => {}),
  };
  const answers: unknown[] = [];
  void shared(replicaOf(hanging)).then((answer) => answers.push(answer));
  await vi.advanceTimersByTimeAsync(249);
  expect(answers).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(answers).toEqual([null]);
});

const START = clock.now().getTime();

/** The text of an answer, so long that a store keeps it in exactly so many bytes. */
const keptIn = (bytes: number, letter = 'x'): string => {
  const around = JSON.stringify([START, START + 30_000, '']).length;
  return letter.repeat((bytes - around) / new TextEncoder().encode(letter).byteLength);
};

it.each([
  ['as large as an answer may be', keptIn(MAX_ENTRY_BYTES), true],
  ['larger', keptIn(MAX_ENTRY_BYTES + 1), false],
  ['larger, although of fewer characters', keptIn(MAX_ENTRY_BYTES + 2, 'é'), false],
])('MUTANTS cache what another replica keeps is read when it is %s', async (_what, text, isRead) => {
  const bytes = new TextEncoder().encode(JSON.stringify([START, START + 30_000, text]));
  const kv = { ...createMemoryKeyValue({ clock }), isLocal: false, get: async () => bytes };
  const kept = await shared(replicaOf(kv));
  expect(kept !== null).toBe(isRead);
});

it('MUTANTS cache keeps an answer that is as large as one may be with its key, and none that is larger', async () => {
  const stored: string[] = [];
  const set = async (key: string) => void stored.push(key);
  const cache = replicaOf({ ...createMemoryKeyValue({ clock }), isLocal: false, set });
  for (const [key, bytes] of [
    ['fits', MAX_ENTRY_BYTES - 4],
    ['over', MAX_ENTRY_BYTES - 3],
  ] as const)
    cache.put(key, { value: key, asOf: clock.now() }, keptIn(bytes), { id: 'peer', localUserId: 'ann' });
  await cache.settled();
  expect([cache.get('fits')?.value, cache.get('over'), stored.length]).toEqual(['fits', null, 1]);
});

it('MUTANTS cache is settled when what was put is with the other replicas', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cache = replicaOf({ ...createMemoryKeyValue({ clock }), isLocal: false, set: () => promise });
  cache.put('a', { value: 'a', asOf: clock.now() }, 'a', { id: 'peer', localUserId: 'ann' });
  const order: string[] = [];
  const settled = cache.settled().then(() => order.push('settled'));
  await new Promise((next) => setTimeout(next));
  order.push('written');
  resolve();
  await settled;
  expect(order).toEqual(['written', 'settled']);
});

it.each([0, 1])(
  'MUTANTS cache what another replica keeps is read to its last millisecond: %i left',
  async (left) => {
    const bytes = new TextEncoder().encode(JSON.stringify([START - 1_000, START + left, 'row']));
    const kv = { ...createMemoryKeyValue({ clock }), isLocal: false, get: async () => bytes };
    expect((await shared(replicaOf(kv)))?.value).toBe(left === 0 ? undefined : 'row');
  },
);

it('MUTANTS cache one person’s part of a shared store is four mebibytes, to the byte', async () => {
  const sizes: number[] = [];
  const set = async (_key: string, value: Uint8Array) => void sizes.push(value.byteLength);
  const cache = replicaOf({ ...createMemoryKeyValue({ clock }), isLocal: false, set });
  const put = (key: string, json: string): void =>
    cache.put(key, { value: json, asOf: clock.now() }, json, { id: 'peer', localUserId: 'ann' });
  const quarter = MAX_ENTRY_BYTES - 100;
  for (const key of ['a', 'b', 'c', 'd']) put(key, keptIn(quarter));
  put('no more than is left', keptIn(401));
  put('what is left', keptIn(400));
  put('nothing is left', keptIn(50));
  await cache.settled();
  expect(sizes).toEqual([quarter, quarter, quarter, quarter, 400]);
  // It is that person's part, and nobody else's.
  const ben = { id: 'peer', localUserId: 'ben' };
  cache.put('of another', { value: 'b', asOf: clock.now() }, keptIn(quarter), ben);
  await cache.settled();
  expect(sizes).toHaveLength(6);
});

describe('MUTANTS cache of a runtime without timers', () => {
  const world = () => {
    let now = START;
    const hands = { now: () => new Date(now) };
    const memory = newCacheMemory(hands, { maxBytes: 10_000_000, hasTimers: false });
    const kv = createMemoryKeyValue({ clock: hands });
    const make = () =>
      createResponseCache({ kv, mac: (bytes) => bytes, clock: hands, log: silent, ttlSeconds: 30, memory });
    const put = (cache: ReturnType<typeof make>, key: string): void =>
      cache.put(key, { value: key, asOf: hands.now() }, key, { id: 'peer', localUserId: 'ann' });
    return { make, put, pass: (milliseconds: number) => void (now += milliseconds) };
  };

  it('what an earlier one kept is there for the next', () => {
    const { make, put } = world();
    const [one, next] = [make(), make()];
    one.told('peer', 30);
    put(one, 'a');
    one.count(true);
    expect([next.get('a')?.value, next.allowed('peer'), next.counters.hits]).toEqual(['a', 30, 1]);
  });

  it('answers that are over leave the memory when another is kept, once in five seconds', () => {
    const { make, put, pass } = world();
    const cache = make();
    cache.told('peer', 1);
    put(cache, 'over');
    pass(4_999);
    put(cache, 'fresh');
    expect(cache.entries).toBe(2);
    pass(1);
    put(cache, 'newest');
    expect(cache.entries).toBe(2);
    expect([cache.get('fresh')?.value, cache.get('newest')?.value]).toEqual(['fresh', 'newest']);
  });
});
