import { describe, expect, it } from 'vitest';
import { createMemoryKeyValue } from '../../kv/memory.ts';
import { learnRevoked } from '../revocation/peer-epoch.ts';
import { queryItem, queryList, type Answer } from './query.ts';
import type { SourceSelector } from './query-sources.ts';
import {
  ANN,
  TRACE,
  asker,
  fakePeer,
  problem,
  taskAt,
  uuidOf,
  type Asker,
  type FakePeer,
} from './query.testkit.ts';

const KEPT = 'max-age=30, grant-version=1';
const BEN = { ...ANN, userId: uuidOf(0xb) };

const keptPeer = (title: string, terms: string | null = KEPT): FakePeer =>
  Object.assign(fakePeer([taskAt(1, 1, title)]), { terms });

interface Asked {
  readonly source?: SourceSelector;
  readonly limit?: number;
  readonly isFresh?: boolean;
  readonly session?: string;
  readonly principal?: typeof ANN;
}

const list = (
  from: Asker,
  { source = 'all', limit = 10, principal = ANN, ...asked }: Asked = {},
): Promise<Answer> =>
  queryList(from.deps, {
    ...from.as(principal),
    resource: 'tasks',
    source,
    traceId: TRACE,
    limit,
    cursor: undefined,
    session: 'test',
    isFresh: false,
    ...asked,
  });
const get = (from: Asker, id: string): Promise<Answer> =>
  queryItem(from.deps, {
    ...from.as(),
    resource: 'tasks',
    source: 'federated:work',
    traceId: TRACE,
    id,
    session: 'test',
    isFresh: false,
  });
const work = (from: Asker): FakePeer => {
  const peer = from.peers['work'];
  if (peer === undefined) throw new Error('no such peer');
  return peer;
};
const sourceOf = ({ page }: Answer) => page.sources['federated:work'];
const titles = ({ page }: Answer): readonly unknown[] => page.items.map(({ title }) => title);
const codeOf = (work_: Promise<unknown>): Promise<unknown> =>
  work_.then(
    () => 'no error',
    (error: { readonly code?: string }) => error.code,
  );

describe('the response cache', () => {
  it('M5-1 the second identical list is served from the cache, until its time is over', async () => {
    const from = asker([], { work: keptPeer('one') });
    const first = await list(from);
    expect(sourceOf(first)).toMatchObject({ status: 'complete', more: false });
    expect(first.cacheStatus).toBe('"federated:work"; fwd=miss; stored');
    from.pass(10_000);
    const second = await list(from);
    expect(second.page.items).toMatchObject([{ title: 'one', _cached: true }]);
    expect(sourceOf(second)).toMatchObject({ status: 'cached', _cached: true, more: false, count: 1 });
    expect(sourceOf(second)?.as_of).toBe(sourceOf(first)?.as_of);
    expect(second.cacheStatus).toBe('"federated:work"; hit; ttl=20');
    expect(work(from).requests).toBe(1);
    from.pass(20_001);
    expect(sourceOf(await list(from))).toMatchObject({ status: 'complete' });
    expect(work(from).requests).toBe(2);
  });

  it('keeps single rows too, but not their absence', async () => {
    const from = asker([], { work: keptPeer('one') });
    await get(from, uuidOf(1));
    expect((await get(from, uuidOf(1))).page.items).toMatchObject([{ title: 'one', _cached: true }]);
    expect(work(from).requests).toBe(1);
    for (const _time of [1, 2]) expect(await codeOf(get(from, uuidOf(9)))).toBe('not_found');
    expect(work(from).requests).toBe(3);
  });

  it('another question is another entry, and `no-cache` asks the peer', async () => {
    const from = asker([], { work: keptPeer('one') });
    await list(from);
    await list(from, { limit: 9 });
    expect(work(from).requests).toBe(2);
    expect((await list(from, { isFresh: true })).cacheStatus).toBe('"federated:work"; fwd=request; stored');
    expect(work(from).requests).toBe(3);
  });

  it.each([
    ['says nothing', null],
    ['says 0', 'max-age=0, grant-version=1'],
    ['says something else', 'max-age=soon, grant-version=1'],
  ])('nothing is kept of a peer that %s', async (_what, terms) => {
    const from = asker([], { work: keptPeer('one', terms) });
    await list(from);
    await list(from);
    expect(work(from).requests).toBe(2);
    expect((await list(from)).cacheStatus).toBe('"federated:work"; fwd=bypass');
  });

  it('nothing is kept longer than the peer says, nor than this gateway is configured', async () => {
    const short = asker([], { work: keptPeer('one', 'max-age=2, grant-version=1') });
    await list(short);
    short.pass(1_900);
    expect(sourceOf(await list(short))?.status).toBe('cached');
    short.pass(200);
    expect(sourceOf(await list(short))?.status).toBe('complete');
    const off = asker([], { work: keptPeer('one') }, 1_000, { cacheTtlSeconds: 0 });
    await list(off);
    await list(off);
    expect(work(off).requests).toBe(2);
  });

  it('X-44 two grants, the same question, 10,000 interleaved: no answer of the other', async () => {
    const from = asker([], { work: keptPeer('of ann'), other: keptPeer('of ben') });
    const [, other] = from.peerRows;
    from.peerRows[1] = { ...(other as NonNullable<typeof other>), name: 'work', localUserId: BEN.userId };
    const answers = await Promise.all(
      Array.from({ length: 10_000 }, async (_, n) => {
        const isAnn = n % 2 === 0;
        if (n % 1_000 < 2) await Promise.resolve();
        const answer = await list(from, { principal: isAnn ? ANN : BEN, source: 'federated:work' });
        return titles(answer).join() === (isAnn ? 'of ann' : 'of ben');
      }),
    );
    expect(answers.every(Boolean)).toBe(true);
    const later = await list(from, { principal: BEN, source: 'federated:work' });
    expect(later.page.items).toMatchObject([{ title: 'of ben', _cached: true }]);
  }, 60_000);

  it('one call for all who ask the same at once, and nobody waits for who went away', async () => {
    const from = asker([], { work: keptPeer('one') });
    await list(from, { limit: 1 });
    const before = work(from).requests;
    const answers = await Promise.all(Array.from({ length: 50 }, () => list(from)));
    expect(work(from).requests).toBe(before + 1);
    expect(answers.every((answer) => titles(answer).join() === 'one')).toBe(true);
    expect(answers.filter(({ cacheStatus }) => cacheStatus?.includes('collapsed'))).toHaveLength(49);
  });

  it('F-10 180 cold lists are one call; where nothing may be kept who comes later gets a later answer', async () => {
    const cold = asker([], { work: keptPeer('one') });
    await Promise.all(Array.from({ length: 180 }, () => list(cold)));
    const never = asker([], { work: keptPeer('one', 'max-age=0, grant-version=1') });
    await Promise.all(Array.from({ length: 2_000 }, () => list(never)));
    const fresh = asker([], { work: keptPeer('one') });
    await Promise.all(Array.from({ length: 2_000 }, () => list(fresh, { isFresh: true })));
    expect([cold, never, fresh].map((one) => work(one).requests)).toEqual([1, 2, 2]);
  });

  it('M5-3 10,000 cached reads race with the moment a revocation is learned: no row after it', async () => {
    const from = asker([taskAt(5, 5, 'local')], { work: keptPeer('secret') });
    await list(from);
    const start = from.deps.clock.now().toISOString();
    const before: boolean[] = [];
    const after: boolean[] = [];
    const reads = Array.from({ length: 10_000 }, async (_, n) => {
      for (let turn = 0; turn < n % 200; turn += 1) await Promise.resolve();
      const answer = await list(from);
      const isBefore = answer.page.sources['local']?.as_of === start;
      (isBefore ? before : after).push(titles(answer).includes('secret'));
    });
    const learning = (async () => {
      for (let turn = 0; turn < 100; turn += 1) await Promise.resolve();
      const done = learnRevoked(from.deps, { id: from.peerRows[0]?.id ?? '' });
      from.pass(1);
      await done;
    })();
    await Promise.all([...reads, learning]);
    expect(before.includes(true)).toBe(true);
    expect(after.length).toBeGreaterThan(100);
    expect(after.includes(true)).toBe(false);
    expect(sourceOf(await list(from))).toMatchObject({ status: 'denied', count: 0 });
  }, 60_000);

  it('M5-3 an answer that comes after its revocation was learned is neither given nor kept', async () => {
    const from = asker([taskAt(5, 5, 'local')], { work: keptPeer('secret') });
    let answer: (response: Response) => void = () => undefined;
    work(from).fault = () => new Promise((resolve) => (answer = resolve));
    const late = list(from);
    await expect.poll(() => work(from).requests).toBe(1);
    await learnRevoked(from.deps, { id: from.peerRows[0]?.id ?? '' });
    answer(
      Response.json(
        { items: [taskAt(1, 1, 'secret')], next_cursor: null },
        { headers: { 'mosaic-cache-control': KEPT } },
      ),
    );
    expect(titles(await late)).toEqual(['local']);
    expect(sourceOf(await late)).toMatchObject({ status: 'denied', peer_code: 'grant_revoked' });
  });

  it('M5-3 an answer asked for before a scope change was heard of is asked for again', async () => {
    const from = asker([], { work: keptPeer('wide') });
    await list(from, { limit: 1 });
    const held: ((response: Response) => void)[] = [];
    work(from).fault = () => new Promise((resolve) => held.push(resolve));
    const late = list(from, { limit: 7 });
    await expect.poll(() => held.length).toBe(1);
    // Meanwhile another question hears of the new version.
    Object.assign(work(from), {
      fault: null,
      terms: 'max-age=30, grant-version=2',
      rows: [taskAt(1, 2, 'narrow')],
    });
    await list(from, { limit: 8 });
    const wide = { items: [taskAt(1, 1, 'wide')], next_cursor: null };
    held[0]?.(Response.json(wide, { headers: { 'mosaic-cache-control': KEPT } }));
    expect(titles(await late)).toEqual(['narrow']);
    expect(titles(await list(from, { limit: 1 }))).toEqual(['narrow']);
  });

  it.each(['grant_revoked', 'grant_expired', 'certificate_revoked', 'forbidden'])(
    'M5-3 a refusal %s of one question ends what is kept of all',
    async (code) => {
      const from = asker([], { work: keptPeer('secret') });
      await list(from, { limit: 1 });
      work(from).fault = () => problem(403, code);
      await codeOf(list(from, { limit: 2 }));
      expect(await codeOf(list(from, { limit: 1, source: 'federated:work' }))).toBe('peer_refused');
    },
  );

  it('X-56 a peer that can not be reached costs nothing of what is kept, and is never taken for revoked', async () => {
    const from = asker([], { work: keptPeer('one') });
    await list(from, { limit: 1 });
    for (const fault of [
      () => Promise.reject(new TypeError('reset')),
      () => new Response('<html>', { status: 502 }),
      () => problem(503, 'grant_revoked'),
    ]) {
      work(from).fault = fault;
      await codeOf(list(from, { limit: 2, source: 'federated:work' }));
      expect(from.peerRows[0]).toMatchObject({ state: 'active', cacheEpoch: 0 });
      expect(titles(await list(from, { limit: 1 }))).toEqual(['one']);
    }
  });
});

describe('the shared part of the cache', () => {
  const recorded = () => {
    const clock = { now: () => new Date(1_800_000_000_000) };
    const kv = Object.assign(createMemoryKeyValue({ clock }), { isLocal: false });
    const keys: string[] = [];
    const { set } = kv;
    kv.set = (key, value, ttl) => {
      keys.push(key);
      return set(key, value, ttl);
    };
    return { kv, keys };
  };

  it('another replica serves what one has kept, under keys that tell nothing', async () => {
    const { kv, keys } = recorded();
    const one = asker([], { work: keptPeer('one') }, 1_000, {}, kv);
    const two = asker([], { work: keptPeer('another') }, 1_000, {}, kv);
    await list(one);
    await one.deps.outbound.cache.settled();
    const answer = await list(two);
    expect(answer.page.items).toMatchObject([{ title: 'one', _cached: true }]);
    expect(work(two).requests).toBe(0);
    expect(keys.every((key) => /^response:[0-9a-f]{64}$/.test(key))).toBe(true);
  });

  it('M5-3 is not served once the epoch in the database is another', async () => {
    const { kv } = recorded();
    const one = asker([], { work: keptPeer('one') }, 1_000, {}, kv);
    const two = asker([], { work: keptPeer('another') }, 1_000, {}, kv);
    await list(one);
    await one.deps.outbound.cache.settled();
    two.peerRows[0] = { ...(two.peerRows[0] as NonNullable<(typeof two.peerRows)[0]>), cacheEpoch: 1 };
    expect(titles(await list(two))).toEqual(['another']);
  });

  it.each([
    ['fails', () => Promise.reject(new Error('down'))],
    ['hangs', () => new Promise<never>(() => undefined)],
  ])('a store that %s costs a moment once, and no answer', async (_what, broken) => {
    const { kv } = recorded();
    Object.assign(kv, { get: broken, set: broken });
    const from = asker([], { work: keptPeer('one') }, 5_000, {}, kv);
    const start = performance.now();
    for (let n = 1; n < 20; n += 1) expect(titles(await list(from, { limit: n }))).toEqual(['one']);
    expect(performance.now() - start).toBeLessThan(1_500);
    expect(sourceOf(await list(from, { limit: 1 }))?.status).toBe('cached');
  });
});

describe('offline', () => {
  const down = () => Promise.reject(new TypeError('refused'));
  const signals = async (from: Asker, times: number, session = 'test'): Promise<number> => {
    const codes: string[] = [];
    for (let n = 0; n < times; n += 1)
      codes.push(...(await list(from, { session })).page.notices.map(({ code }) => code));
    return codes.filter((code) => code === 'federation_offline').length;
  };

  it('M5-6 one signal a session and outage, again only after the peer was back', async () => {
    const from = asker([taskAt(5, 5, 'local')], { work: fakePeer([taskAt(1, 1)]) }, 1_000, {
      circuitFailures: 100,
    });
    expect(await signals(from, 2)).toBe(0);
    work(from).fault = down;
    expect(await signals(from, 10)).toBe(1);
    expect(await signals(from, 10, 'another')).toBe(1);
    const both = await Promise.all([list(from, { session: 'at once' }), list(from, { session: 'at once' })]);
    expect(
      both.flatMap(({ page }) => page.notices).filter(({ code }) => code === 'federation_offline'),
    ).toHaveLength(1);
    work(from).fault = null;
    expect(await signals(from, 2)).toBe(0);
    work(from).fault = down;
    expect(await signals(from, 10)).toBe(1);
  });

  it('M5-6 shared by replicas, and told rather than kept back when the store does not answer', async () => {
    const clock = { now: () => new Date() };
    const kv = createMemoryKeyValue({ clock });
    const replicas = [1, 2].map(() => asker([], { work: fakePeer([]) }, 1_000, {}, kv));
    let told = 0;
    for (const from of replicas) {
      work(from).fault = down;
      told += await signals(from, 3);
    }
    expect(told).toBe(1);
    kv.setIfAbsent = () => Promise.reject(new Error('down'));
    const alone = asker([], { work: fakePeer([]) }, 1_000, {}, kv);
    work(alone).fault = down;
    expect(await signals(alone, 3, 'other')).toBe(1);
  });

  it('a denial is no outage', async () => {
    const from = asker([], { work: fakePeer([]) });
    work(from).fault = () => problem(403, 'grant_revoked');
    expect(await signals(from, 5)).toBe(0);
  });
});

describe('retries and the circuit', () => {
  it('a call that did not get through is tried again, a word of the peer is not', async () => {
    const from = asker([], { work: fakePeer([taskAt(1, 1)]) }, 2_000, { peerRetries: 2 });
    let resets = 2;
    work(from).fault = () => {
      resets -= 1;
      if (resets === 0) work(from).fault = null;
      return Promise.reject(new TypeError('reset'));
    };
    expect(titles(await list(from))).toEqual(['task 1']);
    expect(work(from).requests).toBe(3);
    for (const fault of [
      () => problem(403, 'grant_revoked'),
      () => problem(503, 'database_unavailable'),
      () => new Response('<html>', { status: 503, headers: { 'retry-after': '3' } }),
      () => new Response('{', { headers: { 'content-type': 'application/json' } }),
    ]) {
      Object.assign(work(from), { fault, requests: 0 });
      await list(from);
      expect(work(from).requests).toBe(1);
    }
  });

  it('M5-4 an open circuit fails at once, says since when, and what is kept is served meanwhile', async () => {
    const from = asker([taskAt(5, 5, 'local')], { work: keptPeer('one') }, 2_000, {
      circuitFailures: 2,
      peerRetries: 3,
    });
    await list(from, { limit: 3 });
    Object.assign(work(from), { fault: () => Promise.reject(new TypeError('refused')), requests: 0 });
    await list(from, { limit: 4 });
    expect(work(from).requests).toBe(2);
    from.pass(1_000);
    const answer = await list(from, { limit: 4 });
    expect(work(from).requests).toBe(2);
    expect(sourceOf(answer)).toMatchObject({
      status: 'unreachable',
      code: 'peer_circuit_open',
      as_of: new Date(1_800_000_000_000).toISOString(),
    });
    expect(sourceOf(await list(from, { limit: 3 }))?.status).toBe('cached');
    expect(await codeOf(list(from, { limit: 4, source: 'federated:work' }))).toBe('peer_circuit_open');
  });
});
