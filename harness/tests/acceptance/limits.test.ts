import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asFront } from '../../devstack/stack/as-front.ts';
import { socketsOf } from '../../devstack/stack/plan.ts';
import { requestSocket } from '../../devstack/stack/unix-request.ts';
import { hung, killed } from './faults.ts';
import { bootFederatedWorld, type FederatedWorld } from './federated-world.ts';
import { enrollByHand, type HandMadeClient } from './hand-made-client.ts';
import { seedPeople, type Seeded } from './people.ts';
import { must, type Body } from './world.ts';

const REPLICAS = ['gateway-b', 'gateway-b-2'] as const;
const HEAL_MS = 10_000;
const scope = { resources: ['tasks'], max_rows_per_query: 10 };

interface Asked {
  readonly status: number;
  readonly ms: number;
  readonly body: Body;
}

/** Rate limits of two replicas of B on one Valkey, while it is there and while it is not. */
describe.each(['local', 'refuse'] as const)('rate limits with kv.when_down %s', (whenDown) => {
  let world: FederatedWorld;
  let seeded: Seeded;
  let hands: HandMadeClient[] = [];

  beforeAll(async () => {
    const gatewayEnvironment = { MOSAIC_KV_WHEN_DOWN: whenDown };
    world = await bootFederatedWorld({ replicasOfB: REPLICAS.length, gatewayEnvironment });
    seeded = await seedPeople(world, 'lim-');
  });
  afterAll(async () => {
    for (const hand of hands) await hand.remove();
    await world.close();
  });

  const setLimit = (hand: HandMadeClient, perMinute: number) =>
    must(200, world.work, `/api/admin/grants/${hand.grantId}`, {
      method: 'PATCH',
      body: { rate_limit_per_minute: perMinute },
    });
  const limited = async (perMinute: number): Promise<HandMadeClient> => {
    const hand = await enrollByHand(world.work, {
      user: seeded.alice.name,
      peer: `lim${hands.length}`,
      scope,
    });
    hands = [...hands, hand];
    await setLimit(hand, perMinute);
    return hand;
  };
  /** As the front would ask that replica. */
  const ask = async (hand: HandMadeClient, replica: number): Promise<Asked> => {
    const name = REPLICAS[(replica % 2) as 0 | 1];
    const { federation } = socketsOf(world.handle.state, name);
    const headers = asFront(world.handle.state, name, hand.certFile);
    const from = performance.now();
    const answer = await requestSocket(federation, '/federation/v1/tasks', {
      headers,
    });
    return {
      status: answer.status,
      ms: performance.now() - from,
      body: JSON.parse(answer.text) as Body,
    };
  };
  const many = (hand: HandMadeClient, count: number): Promise<readonly Asked[]> =>
    Promise.all(Array.from({ length: count }, (_, index) => ask(hand, index)));
  const passed = (answers: readonly Asked[]): number => answers.filter(({ status }) => status === 200).length;

  it('X-57 exactly 60 of 200 concurrent requests pass, over both', async () => {
    const hand = await limited(60);
    const from = performance.now();
    const answers = await many(hand, 200);
    const refilled = Math.ceil((performance.now() - from) / 1_000);
    expect(passed(answers)).toBeGreaterThanOrEqual(60);
    expect(passed(answers)).toBeLessThanOrEqual(60 + refilled);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(200 - passed(answers));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect((await ask(hand, 1)).status).toBe(200);
  });

  it('M4-7 an override made at one is seen by the next request at the other, raised and lowered', async () => {
    const hand = await limited(4);
    expect(passed(await many(hand, 10))).toBe(4);
    await setLimit(hand, 8);
    const raised = await ask(hand, 1);
    expect([raised.status, passed(await many(hand, 10))]).toEqual([200, 3]);
    await setLimit(hand, 30);
    expect(passed(await many(hand, 10))).toBe(10);
    await setLimit(hand, 20);
    // Both have the old limit at hand, and 18 are used.
    expect(passed(await many(hand, 10))).toBeLessThanOrEqual(3);
    expect((await ask(hand, 0)).status).toBe(429);
  });

  it.each([killed, hung])(
    'X-71 Valkey $kind: decided at once, strictly, and healed within 10 s',
    async (fault) => {
      const [one, other, fresh] = [await limited(6), await limited(6), await limited(10_000)];
      expect(passed(await many(one, 2))).toBe(2);
      const undo = fault.inflict(world.handle, 'valkey-b');
      try {
        const first = await Promise.all([ask(one, 0), ask(one, 1)]);
        const then = [...(await many(one, 20)), ...(await many(other, 20))];
        if (whenDown === 'refuse') {
          // After it came back empty, strict buckets count beside it for a minute: those refuse with 429.
          const codes = new Set([...first, ...then].map(({ body }) => body.code));
          expect([...codes].filter((code) => code !== 'rate_limited')).toEqual(['unavailable']);
        } else {
          // One a replica and grant; a share of 3 a minute is one more in 20 s.
          const all = [...first, ...then].map(({ status }) => status);
          expect(all.filter((status) => status !== 200 && status !== 429)).toEqual([]);
          // (Hung comes a moment after killed: then this process's tokens may be spent already.)
          if (fault === killed) expect(all).toContain(200);
          expect(passed([...first, ...then])).toBeLessThanOrEqual(6);
        }
        // Nobody but the first waits: a command's timeout is a second, and these are forty.
        const times = then.map(({ ms }) => ms).toSorted((a, b) => a - b);
        expect(times[times.length / 2]).toBeLessThan(1_000);
      } finally {
        await undo();
      }
      const both = async (): Promise<number> => passed(await many(fresh, 20));
      await expect.poll(both, { timeout: HEAL_MS, interval: 500 }).toBe(20);
    },
  );
});
