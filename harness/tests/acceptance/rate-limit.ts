import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { enrollByHand, type HandMadeClient } from './hand-made-client.ts';
import { seedPeople, type Seeded } from './people.ts';
import { must, type World } from './world.ts';

const CAPACITY = 60;

/** SPEC M4-6 and M4-7, and ABUSE 57, at layer E. */
export const describeRateLimit = (components: string, boot: () => Promise<World>): void => {
  describe(`the rate limit on ${components}`, () => {
    let world: World;
    let seeded: Seeded;
    let serial = 0;

    beforeAll(async () => {
      world = await boot();
      seeded = await seedPeople(world, 'm4-');
    });
    afterAll(() => world.close());

    const setLimit = (hand: HandMadeClient, perMinute: number) =>
      must(200, world.work, `/api/admin/grants/${hand.grantId}`, {
        method: 'PATCH',
        body: { rate_limit_per_minute: perMinute },
      });
    const limited = async (perMinute: number): Promise<HandMadeClient> => {
      serial += 1;
      const scope = { resources: ['tasks'], max_rows_per_query: 10 };
      const hand = await enrollByHand(world.work, {
        user: seeded.alice.name,
        peer: `limited${serial}`,
        scope,
      });
      await setLimit(hand, perMinute);
      return hand;
    };
    const ask = (hand: HandMadeClient) => hand.get('/federation/v1/tasks?limit=1');
    const wait = (seconds: number): Promise<void> =>
      new Promise((resolve) => setTimeout(resolve, seconds * 1_000));

    it('M4-6 X-57 exactly 60 of 200 concurrent requests pass; 429 with Retry-After, and a retry then succeeds', async () => {
      const hand = await limited(CAPACITY);
      const from = performance.now();
      const answers = await Promise.all(Array.from({ length: 200 }, () => ask(hand)));
      // One comes back each second while the 200 connections are made.
      const refilled = Math.ceil((performance.now() - from) / 1_000);
      const passed = answers.filter(({ status }) => status === 200).length;
      expect(passed).toBeGreaterThanOrEqual(CAPACITY);
      expect(passed).toBeLessThanOrEqual(CAPACITY + refilled);
      const refused = answers.filter(({ status }) => status === 429);
      expect(refused).toHaveLength(200 - passed);
      for (const { headers, body } of refused) {
        expect(body).toMatchObject({ code: 'rate_limited', limit: CAPACITY, window: 60, retry_after: 1 });
        expect([headers['retry-after'], headers['ratelimit-policy'], headers['ratelimit']]).toEqual([
          '1',
          '"grant";q=60;w=60',
          '"grant";r=0;t=1',
        ]);
      }
      await wait(1);
      expect((await ask(hand)).status).toBe(200);
      await hand.remove();
    });

    it('M4-7 an override takes effect at the very next request, up and down', async () => {
      const hand = await limited(2);
      expect([(await ask(hand)).status, (await ask(hand)).status, (await ask(hand)).status]).toEqual([
        200, 200, 429,
      ]);
      await setLimit(hand, 4);
      const raised = [await ask(hand), await ask(hand), await ask(hand)];
      expect(raised.map(({ status }) => status)).toEqual([200, 200, 429]);
      expect(raised[0]?.headers['ratelimit-policy']).toBe('"grant";q=4;w=60');
      // One that gives back a token in ten seconds: a busy machine may take a second between two of these.
      await setLimit(hand, 6);
      expect((await ask(hand)).status).toBe(200);
      await setLimit(hand, 1);
      const lowered = await ask(hand);
      expect([lowered.status, lowered.body.limit]).toEqual([429, 1]);
      await hand.remove();
    });

    it('F-6 a refusal comes a little late, so that few connections cannot have thousands a second', async () => {
      const hand = await limited(1);
      await ask(hand);
      for (let round = 0; round < 3; round += 1) {
        const from = performance.now();
        const { status } = await ask(hand);
        // Timers may be a millisecond early; an answer that is not held comes within a few.
        expect([status, performance.now() - from >= 99]).toEqual([429, true]);
      }
      await hand.remove();
    });

    it('a suspended peer is refused at the very next request', async () => {
      const hand = await limited(600);
      const set = (state: string) =>
        world.work.sql(
          `update federation_peers p set state = $2::peer_state from federation_grants g where g.peer_id = p.id and g.id = $1`,
          [hand.grantId, state],
        );
      for (let round = 0; round < 3; round += 1) {
        expect((await ask(hand)).status).toBe(200);
        await set('suspended');
        expect((await ask(hand)).body.code).toBe('forbidden');
        await set('active');
      }
      expect((await ask(hand)).status).toBe(200);
      await hand.remove();
    });
  });
};
