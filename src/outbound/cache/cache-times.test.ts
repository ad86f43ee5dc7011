import { describe, expect, it } from 'vitest';
import type { AskedPeer } from '../../../domain/ports/peers.ts';
import { createMemoryKeyValue } from '../../kv/memory.ts';
import { cacheKey, createResponseCache } from './cache.ts';

const PEER = { id: 'peer' };
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

describe('MUTANTS cache how long an answer is kept', () => {
  const START = 1_800_000_000_000;
  const world = (ttlSeconds = 30, isLocal = true) => {
    let now = START;
    const hands = { now: () => new Date(now) };
    const stored = new Map<string, { readonly value: Uint8Array; readonly seconds: number }>();
    const asked: string[] = [];
    let fault: Error | null = null;
    const kv = {
      ...createMemoryKeyValue({ clock: hands }),
      isLocal,
      get: async (key: string) => {
        asked.push(key);
        if (fault !== null) throw fault;
        return stored.get(key)?.value ?? null;
      },
      set: async (key: string, value: Uint8Array, seconds: number) => {
        asked.push(key);
        if (fault !== null) throw fault;
        stored.set(key, { value, seconds });
      },
    };
    const warnings: string[] = [];
    const log = { ...silent, warn: (text: string) => void warnings.push(text) };
    const make = () => createResponseCache({ kv, mac: (bytes) => bytes, clock: hands, log, ttlSeconds });
    const cache = make();
    const put = (key: string, json: unknown = [1], asOf = hands.now()): void =>
      cache.put(key, { value: json, asOf }, json, { id: 'peer', localUserId: 'ann' });
    return {
      cache,
      replica: make,
      put,
      stored,
      asked,
      warnings,
      hands,
      pass: (milliseconds: number) => void (now += milliseconds),
      fail: (error: Error | null) => void (fault = error),
    };
  };

  it('ends exactly at its time, counted from when it was asked for', () => {
    const { cache, put, pass, hands } = world();
    cache.told('peer', 10);
    put('a', [1], new Date(hands.now().getTime() - 4_000));
    expect(cache.get('a')).toMatchObject({ value: [1], until: START + 6_000 });
    pass(5_999);
    expect(cache.get('a')).not.toBeNull();
    pass(1);
    expect(cache.get('a')).toBeNull();
  });

  it('is not at all where a peer said nothing, or nought, and where it is over already', () => {
    const { cache, put, hands, pass, stored } = world(30, false);
    put('unsaid');
    cache.told('peer', 0);
    put('nought');
    for (const key of ['unsaid', 'nought']) expect(cache.get(key)).toBeNull();
    pass(1_000_000);
    cache.told('peer', 5);
    put('over', [1], new Date(hands.now().getTime() - 5_000));
    for (const key of ['unsaid', 'nought', 'over']) expect(cache.get(key)).toBeNull();
    expect(stored.size).toBe(0);
    put('just', [1], new Date(hands.now().getTime() - 4_999));
    expect(cache.get('just')).not.toBeNull();
  });

  it('is no longer than this gateway allows, whatever a peer says', () => {
    const { cache, put } = world(30);
    expect(cache.allowed('peer')).toBeNull();
    cache.told('peer', 3_600);
    expect(cache.allowed('peer')).toBe(30);
    put('a');
    expect(cache.get('a')?.until).toBe(START + 30_000);
    cache.told('peer', 7);
    expect(cache.allowed('peer')).toBe(7);
    const off = world(0).cache;
    expect(off.allowed('peer')).toBe(0);
  });

  it('is told to other replicas by a key that says nothing of the question, for the time that is left', async () => {
    const { cache, put, stored, replica, hands } = world(30, false);
    cache.told('peer', 30);
    put('question', ['row'], new Date(hands.now().getTime() - 10_000));
    await cache.settled();
    expect([...stored.values()].map(({ seconds }) => seconds)).toEqual([20]);
    expect([...stored.keys()]).toEqual([expect.stringMatching(/^response:[0-9a-f]+$/)]);
    const other = replica();
    const kept = await other.shared(
      'question',
      PEER,
      (json) => json,
      () => true,
    );
    expect(kept).toMatchObject({ value: ['row'], asOf: new Date(START - 10_000), until: START + 20_000 });
    expect(other.get('question')).toBe(kept);
    expect(
      await other.shared(
        'another question',
        PEER,
        (json) => json,
        () => true,
      ),
    ).toBeNull();
    expect(
      await replica().shared(
        'question',
        PEER,
        () => null,
        () => true,
      ),
    ).toBeNull();
    // What was learned of the peer meanwhile: nothing is kept, whatever is given.
    const late = replica();
    await late.shared(
      'question',
      PEER,
      (json) => json,
      () => false,
    );
    expect(late.get('question')).toBeNull();
  });

  it('does not go to a store that is this very process', async () => {
    const { cache, put, asked } = world(30, true);
    cache.told('peer', 30);
    put('a');
    await cache.settled();
    expect(
      await cache.shared(
        'a',
        PEER,
        (json) => json,
        () => true,
      ),
    ).toBeNull();
    expect(asked).toEqual([]);
  });

  it.each([
    ['of the past', [START - 30_000, START, [1]]],
    ['of a time that is over', [START - 30_000, START - 1, [1]]],
    ['for longer than is allowed here', [START, START + 30_001, [1]]],
    ['without a time', [START, null, [1]]],
    ['without a beginning', ['x', START + 1_000, [1]]],
    ['the answer is not a CRL', { 0: START, 1: START + 1_000, 2: [1] }],
  ])('takes nothing from a store %s', async (_what, held) => {
    const { cache, put, stored, replica } = world(30, false);
    cache.told('peer', 30);
    put('a');
    await cache.settled();
    const [key = ''] = stored.keys();
    stored.set(key, { value: new TextEncoder().encode(JSON.stringify(held)), seconds: 1 });
    expect(
      await replica().shared(
        'a',
        PEER,
        (json) => json,
        () => true,
      ),
    ).toBeNull();
    const good = [START - 1, START + 30_000, [1]];
    stored.set(key, { value: new TextEncoder().encode(JSON.stringify(good)), seconds: 1 });
    expect(
      (
        await replica().shared(
          'a',
          PEER,
          (json) => json,
          () => true,
        )
      )?.until,
    ).toBe(START + 30_000);
    stored.set(key, { value: new TextEncoder().encode('{'), seconds: 1 });
    expect(
      await replica().shared(
        'a',
        PEER,
        (json) => json,
        () => true,
      ),
    ).toBeNull();
  });

  it('leaves a store alone for five seconds after it failed, and says so once', async () => {
    const { cache, asked, warnings, pass, fail } = world(30, false);
    fail(new Error('down'));
    expect(
      await cache.shared(
        'a',
        PEER,
        (json) => json,
        () => true,
      ),
    ).toBeNull();
    fail(null);
    pass(4_999);
    expect(
      await cache.shared(
        'a',
        PEER,
        (json) => json,
        () => true,
      ),
    ).toBeNull();
    expect([asked.length, warnings]).toEqual([
      1,
      ['the shared response cache does not answer and is not used for a while'],
    ]);
    pass(1);
    await cache.shared(
      'a',
      PEER,
      (json) => json,
      () => true,
    );
    expect(asked).toHaveLength(2);
  });

  it('F-18 one person’s part of a store is whole again after thirty seconds', async () => {
    const { cache, put, stored, pass } = world(3_600, false);
    cache.told('peer', 3_600);
    const long = 'x'.repeat(1_000_000);
    for (let n = 0; n < 5; n += 1) put(`early ${n}`, long);
    await cache.settled();
    expect(stored.size).toBe(4);
    pass(29_999);
    put('still', long);
    await cache.settled();
    expect(stored.size).toBe(4);
    pass(1);
    put('late', long);
    await cache.settled();
    expect(stored.size).toBe(5);
  });

  it('names the user, the peer, the grant, the epoch and the whole question', () => {
    const peer = { localUserId: 'ann', id: 'peer', remoteGrantId: 'grant', cacheEpoch: 3 } as AskedPeer;
    const keys = [
      cacheKey(peer, '/tasks?limit=5'),
      cacheKey(peer, '/tasks?limit=6'),
      cacheKey({ ...peer, localUserId: 'ben' }, '/tasks?limit=5'),
      cacheKey({ ...peer, id: 'other' }, '/tasks?limit=5'),
      cacheKey({ ...peer, remoteGrantId: 'other' }, '/tasks?limit=5'),
      cacheKey({ ...peer, cacheEpoch: 4 }, '/tasks?limit=5'),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    expect(cacheKey({ ...peer }, '/tasks?limit=5')).toBe(keys[0]);
  });

  it('counts hits and misses apart', () => {
    const { cache } = world();
    cache.count(true);
    cache.count(true);
    cache.count(false);
    expect(cache.counters).toEqual({ hits: 2, misses: 1 });
  });
});
