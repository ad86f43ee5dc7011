import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { enrollByHand, type HandMadeClient } from './hand-made-client.ts';
import { seedPeople } from './people.ts';
import { must, type World } from './world.ts';

interface Counters {
  readonly accepted: number;
  readonly written: number;
  readonly dropped: number;
}

/** ABUSE 37. */
const PAUSE_SECONDS = 60;
const REQUESTS = 150;
/** Of whoever holds the table, to find it by. */
const HOLDER = 'the audit table stands still';
/** Nobody holds it longer, whatever becomes of the test. */
const LONGEST_SECONDS = 300;
const SOON = { timeout: 30_000, interval: 20 };

/** On a real server, where one table can stand still while the others go on. */
export const describeAuditOutage = (components: string, boot: () => Promise<World>): void => {
  describe(`an audit store that stands still on ${components}`, () => {
    let world: World;
    let hand: HandMadeClient;
    let grantId: string;

    beforeAll(async () => {
      world = await boot();
      const { alice } = await seedPeople(world, 'slow-');
      const scope = { resources: ['tasks'], max_rows_per_query: 100 };
      hand = await enrollByHand(world.work, { user: alice.name, peer: 'slow-audit', scope });
      ({ grantId } = hand);
      await must(200, world.work, `/api/admin/grants/${grantId}`, {
        method: 'PATCH',
        body: { rate_limit_per_minute: 100_000 },
      });
    });
    afterAll(async () => {
      await hand.remove();
      await world.close();
    });

    const counters = async (): Promise<Counters> =>
      (await must(200, world.work, '/api/admin/audit/counters')) as unknown as Counters;
    const load = async (): Promise<readonly number[]> => {
      const took: number[] = [];
      for (let request = 0; request < REQUESTS; request += 1) {
        const begin = performance.now();
        expect((await hand.get('/federation/v1/tasks')).status).toBe(200);
        took.push(performance.now() - begin);
      }
      return took;
    };
    /** Until it is let go of, and not by the clock: a busy machine takes as long as it takes. @returns what lets go */
    const holdTable = async (): Promise<() => Promise<void>> => {
      const held = world.work
        .sql(
          `do $$ begin /* ${HOLDER} */ lock table federation_audit_log in access exclusive mode; perform pg_sleep(${LONGEST_SECONDS}); end $$`,
        )
        .catch((error: unknown) => error);
      const holders = `from pg_stat_activity where query like 'do%${HOLDER}%' and pid <> pg_backend_pid()`;
      const locks = `select 1 from pg_locks where relation = 'federation_audit_log'::regclass and granted
        and mode = 'AccessExclusiveLock' and pid in (select pid ${holders})`;
      await expect.poll(async () => (await world.work.sql(locks)).length, SOON).toBe(1);
      return async () => {
        await world.work.sql(`select pg_cancel_backend(pid) ${holders}`);
        await held;
      };
    };
    const pause = (milliseconds = 300): Promise<void> =>
      new Promise((resolve) => setTimeout(resolve, milliseconds));

    it('F-64 M4-8 X-37 the latency of requests does not change, and accepted = written + dropped exactly', async () => {
      await load();
      const usual = Math.max(Math.min(...(await load())), Math.min(...(await load())));
      await world.work.flushAudit();
      const before = await counters();
      const letGo = await holdTable();
      const from = performance.now();
      const took: number[] = [];
      // Fewer in all than the queue holds.
      while (performance.now() - from < PAUSE_SECONDS * 1_000) {
        took.push(...(await load()));
        await pause(2_000);
      }
      // What else the machine does slows many of them down; what waits for the table would slow all of them.
      const slow = Math.min(...took);
      const during = await counters();
      await letGo();
      await world.work.flushAudit();
      const after = await counters();
      expect(slow).toBeLessThan(usual * 2 + 5);
      expect(during.accepted - before.accepted).toBe(took.length);
      // Nothing came through meanwhile, so the table stood still indeed.
      expect(during.written).toBe(before.written);
      expect(after.accepted).toBe(after.written + after.dropped);
      expect(after.dropped).toBe(before.dropped);
      const [stored] = await world.work.sql(
        `select count(*)::int as count from federation_audit_log where grant_id = $1 and verb = 'list'`,
        [grantId],
      );
      expect(Number(stored?.['count'])).toBe(3 * REQUESTS + took.length);
    }, 150_000);

    it('X-38 what nginx refuses, before any handler, is audited with its reason', async () => {
      const refused = async (): Promise<number> => {
        const [row] = await world.work.sql(
          `select count(*)::int as count from federation_audit_log
            where grant_id is null and status = 401 and reason_code = 'certificate_required'`,
        );
        return Number(row?.['count']);
      };
      const before = await refused();
      const { fetch = globalThis.fetch, federationUrl } = world.work;
      for (const attempt of [1, 2, 3])
        expect((await fetch(`${federationUrl}/federation/v1/tasks?q=${attempt}`)).status).toBe(401);
      const deadline = performance.now() + 15_000;
      while ((await refused()) < before + 3 && performance.now() < deadline) {
        await pause();
        await world.work.flushAudit();
      }
      expect(await refused()).toBe(before + 3);
    });

    it('strict: a grant’s answers wait for the log, and are 503 without a row when it does not come', async () => {
      const strict = async (isStrict: boolean) =>
        must(200, world.work, `/api/admin/grants/${grantId}`, {
          method: 'PATCH',
          body: { audit_strict: isStrict },
        });
      await strict(true);
      expect((await hand.get('/federation/v1/tasks')).status).toBe(200);
      const letGo = await holdTable();
      const held = await hand.get('/federation/v1/tasks');
      expect([held.status, held.body.code]).toEqual([503, 'audit_unavailable']);
      expect(held.body).not.toHaveProperty('items');
      await letGo();
      expect((await hand.get('/federation/v1/tasks')).status).toBe(200);
      await strict(false);
    });
  });
};
