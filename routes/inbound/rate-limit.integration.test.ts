import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type Answer, type Gateway } from '../testing/gateway.testkit.ts';
import { enrolledPeer, seedRows, type EnrolledPeer } from '../testing/peer.testkit.ts';

type Replica = 0 | 1;

describe('the rate limit of a grant, on two replicas', () => {
  let gateway: Gateway;

  beforeAll(async () => {
    gateway = await startGateway();
    const alice = await gateway.user('alice');
    await seedRows(gateway, 'tasks', alice.id, 3);
  });
  afterAll(() => gateway.close());

  const limited = (perMinute: number): Promise<EnrolledPeer> =>
    enrolledPeer(
      gateway,
      'alice',
      { resources: ['tasks'], max_rows_per_query: 10 },
      { rate_limit_per_minute: perMinute },
    );
  const setLimit = async (peer: EnrolledPeer, perMinute: number): Promise<void> => {
    const { grantId } = peer;
    const { status } = await gateway.admin(
      `/grants/${grantId}`,
      { rate_limit_per_minute: perMinute },
      'PATCH',
    );
    expect(status).toBe(200);
  };
  const ask = (peer: EnrolledPeer, replica: Replica, path = '/tasks'): Promise<Answer> =>
    gateway.ask(peer.der, `/federation/v1${path}`, {}, replica);
  const both = async (peer: EnrolledPeer, count: number): Promise<readonly number[]> => {
    const asked = Array.from({ length: count }, (_, index) => ask(peer, (index % 2) as Replica));
    return (await Promise.all(asked)).map(({ status }) => status);
  };
  const count = (statuses: readonly number[], wanted: number): number =>
    statuses.filter((status) => status === wanted).length;

  it('tells the limit and what is left with each answer', async () => {
    const peer = await limited(60);
    const fields = ({ headers }: Answer): readonly (string | null)[] => [
      headers.get('ratelimit-policy'),
      headers.get('ratelimit'),
      headers.get('retry-after'),
    ];
    expect(fields(await ask(peer, 0))).toEqual(['"grant";q=60;w=60', '"grant";r=59;t=1', null]);
    expect(fields(await ask(peer, 1))).toEqual(['"grant";q=60;w=60', '"grant";r=58;t=2', null]);
    const slow = await limited(1);
    expect(fields(await ask(slow, 0))).toEqual(['"grant";q=1;w=60', '"grant";r=0;t=60', null]);
    const refused = await ask(slow, 1);
    expect(refused.status).toBe(429);
    expect(fields(refused)).toEqual(['"grant";q=1;w=60', '"grant";r=0;t=60', '60']);
    expect(refused.body).toMatchObject({ code: 'rate_limited', limit: 1, window: 60, retry_after: 60 });
  });

  it('X-57 exactly 60 of 200 concurrent requests pass', async () => {
    const peer = await limited(60);
    const before = performance.now();
    const statuses = await both(peer, 200);
    const refilled = Math.floor((performance.now() - before) / 1_000) + 1;
    expect(count(statuses, 200)).toBeGreaterThanOrEqual(60);
    expect(count(statuses, 200)).toBeLessThanOrEqual(60 + refilled);
    expect(count(statuses, 429)).toBe(200 - count(statuses, 200));
  });

  it('M4-7 a raised limit lets the next request of every replica through', async () => {
    for (const replica of [0, 1] as const) {
      const peer = await limited(2);
      expect(await both(peer, 6)).toEqual(expect.arrayContaining([200, 200, 429, 429, 429, 429]));
      await setLimit(peer, 5);
      const answer = await ask(peer, replica);
      expect([answer.status, answer.headers.get('ratelimit-policy')]).toEqual([200, '"grant";q=5;w=60']);
      const statuses = await both(peer, 10);
      expect([count(statuses, 200), count(statuses, 429)]).toEqual([2, 8]);
    }
  });

  it('M4-7 a lowered limit holds for the next request of every replica: not one more passes', async () => {
    const peer = await limited(60);
    expect(await both(peer, 4)).toEqual([200, 200, 200, 200]);
    await setLimit(peer, 6);
    // Both replicas still have the old limit at hand, and all of these begin before either has read anything.
    const statuses = await both(peer, 20);
    expect([count(statuses, 200), count(statuses, 429)]).toEqual([2, 18]);
    const refused = await ask(peer, 0);
    expect([refused.status, refused.headers.get('ratelimit-policy')]).toEqual([429, '"grant";q=6;w=60']);
    expect(refused.headers.get('retry-after')).toBe('10');
  });

  it('M4-7 a limit lowered below what was used refuses the very next request, whatever it asks', async () => {
    for (const path of ['/tasks', '/capabilities', `/tasks/${crypto.randomUUID()}`]) {
      const peer = await limited(60);
      expect(await both(peer, 6)).toEqual([200, 200, 200, 200, 200, 200]);
      await setLimit(peer, 3);
      const answers = [await ask(peer, 0, path), await ask(peer, 1, path)];
      expect(answers.map(({ status, body }) => [status, body.code])).toEqual([
        [429, 'rate_limited'],
        [429, 'rate_limited'],
      ]);
    }
  });

  it('a flood of refused requests reads the grant a few times, not once each', async () => {
    const peer = await limited(1);
    await both(peer, 2);
    const { grants } = gateway.deps.storage.stores;
    const original = grants.byId.bind(grants);
    let reads = 0;
    const counted = grants as { byId: typeof original };
    counted.byId = (id) => {
      reads += 1;
      return original(id);
    };
    try {
      expect(count(await both(peer, 200), 429)).toBe(200);
    } finally {
      counted.byId = original;
    }
    expect(reads).toBeGreaterThanOrEqual(1);
    expect(reads).toBeLessThan(30);
  });

  it('a suspended peer is refused by the very next request of every replica, and served again after resuming', async () => {
    const peer = await limited(600);
    const { peers } = gateway.deps.storage.stores;
    expect(await both(peer, 4)).toEqual([200, 200, 200, 200]);
    for (let round = 0; round < 5; round += 1) {
      expect(await peers.setState(peer.peerId, 'active', 'suspended')).toBe(true);
      const answers = await Promise.all([ask(peer, 0), ask(peer, 1), ask(peer, 0, '/capabilities')]);
      expect(answers.map(({ status, body }) => [status, body.code])).toEqual(
        Array.from({ length: 3 }, () => [403, 'forbidden']),
      );
      expect(await peers.setState(peer.peerId, 'suspended', 'active')).toBe(true);
      expect(await both(peer, 2)).toEqual([200, 200]);
    }
  });
});
