import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeKeyMaker } from '../../../ca/x509/request.ts';
import { asFront } from '../../devstack/stack/as-front.ts';
import { socketsOf } from '../../devstack/stack/plan.ts';
import { processOf } from '../../devstack/stack/stack.ts';
import { requestSocket } from '../../devstack/stack/unix-request.ts';
import { bootFederatedWorld, type FederatedWorld } from './federated-world.ts';
import { enrollByHand, type HandMadeClient } from './hand-made-client.ts';
import { addRow, seedPeople, type Person, type Seeded } from './people.ts';
import { end, ENDINGS, slowTask, startAsking } from './revoked-under-load.ts';
import { call, must, type Body } from './world.ts';

const REPLICAS = ['gateway-b', 'gateway-b-2'] as const;
const REDEMPTIONS = 100;
/** Until enough was asked; a busy machine takes longer. */
const SOON = { timeout: 30_000, interval: 20 };

describe('two replicas of B on one database behind one nginx', () => {
  let world: FederatedWorld;
  let seeded: Seeded;
  let hand: HandMadeClient;
  let serial = 0;

  beforeAll(async () => {
    world = await bootFederatedWorld({ replicasOfB: REPLICAS.length });
    seeded = await seedPeople(world, 'rep-');
    for (let index = 0; index < 10; index += 1)
      await addRow(world.work, seeded.alice, 'tasks', `more ${index}`);
    hand = await enrollByHand(world.work, {
      user: seeded.alice.name,
      peer: 'rep-hand',
      scope: {
        resources: ['tasks'],
        filters: { tasks: { include_teams: [seeded.T1, seeded.T2] } },
        max_rows_per_query: 100,
      },
    });
  });
  afterAll(async () => {
    await hand.remove();
    await world.close();
  });

  /** As the front would ask that replica. */
  const askReplica = async (name: string, pathname: string): Promise<{ status: number; body: Body }> => {
    const { federation } = socketsOf(world.handle.state, name);
    const headers = asFront(world.handle.state, name, hand.certFile);
    const answer = await requestSocket(federation, pathname, { headers });
    return { status: answer.status, body: JSON.parse(answer.text) as Body };
  };
  const ids = (body: Body): readonly string[] => body.items.map(({ id }) => id);

  it('X-23 100 concurrent redemptions give exactly one certificate, one active grant, and 99 times 410', async () => {
    const { grant, enrollment } = await must(201, world.work, '/api/admin/grants', {
      body: {
        user: seeded.alice.name,
        peer: 'rep-raced',
        scope: { resources: ['tasks'], max_rows_per_query: 5 },
      },
    });
    const url = new URL(enrollment.url);
    const token = new URLSearchParams(url.hash.slice(1)).get('token');
    const keys = makeKeyMaker();
    const requests = await Promise.all(
      Array.from({ length: REDEMPTIONS }, async () => (await keys.keyAndCsr()).csrPem),
    );
    /** The front takes 64 requests with a body of one address at once: who is told so asks again, as a peer does. */
    const redeem = async (csr: string): Promise<number> => {
      for (let attempt = 1; ; attempt += 1) {
        const response = await (world.work.fetch ?? fetch)(`${url.origin}${url.pathname}/redeem`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ token, csr }),
        });
        const { code } = (await response.json()) as { code?: string };
        if (response.status !== 429 || attempt === REDEMPTIONS) return response.status;
        expect([code, response.headers.get('retry-after')]).toEqual(['rate_limited', '1']);
        await pause(20);
      }
    };
    const statuses = await Promise.all(requests.map(redeem));
    const count = (wanted: number): number => statuses.filter((status) => status === wanted).length;
    expect([count(201), count(410)]).toEqual([1, REDEMPTIONS - 1]);
    const certificates = await world.work.sql(
      `select status::text from issued_certificates where grant_id = $1`,
      [grant.id],
    );
    expect(certificates).toEqual([{ status: 'issued' }]);
    const peers = await world.work.sql(
      `select p.state::text, g.status::text from federation_grants g join federation_peers p on p.id = g.peer_id where g.id = $1`,
      [grant.id],
    );
    expect(peers).toEqual([{ state: 'active', status: 'active' }]);
  });

  it('both give the same list, page by page, and a cursor of one goes on at the other', async () => {
    const whole = await Promise.all(
      REPLICAS.map((name) => askReplica(name, '/federation/v1/tasks?limit=100')),
    );
    expect(whole.map(({ status }) => status)).toEqual([200, 200]);
    const expected = ids((whole[0] as { body: Body }).body);
    expect(expected.length).toBeGreaterThan(10);
    expect(ids((whole[1] as { body: Body }).body)).toEqual(expected);
    for (const first of [0, 1]) {
      const seen: string[] = [];
      let cursor: string | null = null;
      for (let page = 0; page === 0 || cursor !== null; page += 1) {
        const suffix: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
        const answer = await askReplica(
          REPLICAS[((first + page) % 2) as 0 | 1],
          `/federation/v1/tasks?limit=3${suffix}`,
        );
        expect(answer.status).toBe(200);
        seen.push(...ids(answer.body));
        cursor = answer.body.next_cursor;
      }
      expect(seen).toEqual(expected);
    }
  });

  it('X-52 a revocation at one is seen by the very next request at the other', async () => {
    const doomed = await enrollByHand(world.work, {
      user: seeded.bob.name,
      peer: 'rep-doomed',
      scope: { resources: ['tasks'], max_rows_per_query: 5 },
    });
    const ask = (name: string) =>
      requestSocket(socketsOf(world.handle.state, name).federation, '/federation/v1/tasks', {
        headers: asFront(world.handle.state, name, doomed.certFile),
      });
    for (const name of REPLICAS) expect((await ask(name)).status).toBe(200);
    const revoked = await requestSocket(
      socketsOf(world.handle.state, REPLICAS[0]).public,
      `/api/admin/grants/${doomed.grantId}/revoke`,
      {
        method: 'POST',
        headers: {
          authorization: `Bearer ${world.work.adminToken}`,
          'content-type': 'application/json',
        },
        body: '{}',
      },
    );
    expect(revoked.status).toBe(200);
    const answers = await Promise.all(REPLICAS.map(ask));
    expect(answers.map(({ status, text }) => [status, (JSON.parse(text) as Body).code])).toEqual([
      [403, 'grant_revoked'],
      [403, 'grant_revoked'],
    ]);
    await doomed.remove();
  });

  /** Somebody who may be deleted, with rows of the own. */
  const subject = async (): Promise<Person> => {
    serial += 1;
    const name = `rep-subject${serial}`;
    const { id } = await must(201, world.work, '/api/admin/users', { body: { name } });
    const token = await must(201, world.work, '/api/admin/tokens', { body: { user_id: id, name } });
    const person = { id, name, token: token.text };
    await addRow(world.work, person, 'tasks', `row of ${name}`);
    return person;
  };
  const enrolled = async (): Promise<{ hand: HandMadeClient; row: string }> => {
    const { name } = await subject();
    const scope = { resources: ['tasks'], max_rows_per_query: 50 };
    return {
      hand: await enrollByHand(world.work, { user: name, peer: `of-${name}`, scope }),
      row: `row of ${name}`,
    };
  };

  it.each(ENDINGS)(
    'X-52 a %s under load over both, on kept-alive connections: nothing sent after the command returned gets a row',
    async (ending) => {
      const { hand: doomed } = await enrolled();
      const load = startAsking(doomed, `${world.work.federationUrl}/federation/v1/tasks?limit=50`, 8);
      const answeredOk = () => load.asked.filter(({ status }) => status === 200).length;
      await expect.poll(answeredOk, SOON).toBeGreaterThan(20);
      const { startedAt, returnedAt } = await end(world.work, doomed.grantId, ending);
      const sentAfter = () => load.asked.filter(({ sentAt }) => sentAt > returnedAt).length;
      await expect.poll(sentAfter, SOON).toBeGreaterThan(20);
      await load.stop();
      const before = load.asked.filter(({ sentAt }) => sentAt < startedAt);
      const after = load.asked.filter(({ sentAt }) => sentAt > returnedAt);
      expect(before.filter(({ status }) => status === 200).length).toBeGreaterThan(20);
      expect(after.length).toBeGreaterThan(20);
      expect(after.filter(({ status }) => status === 200)).toEqual([]);
      await doomed.remove();
    },
  );

  it.each(ENDINGS)(
    'X-52 a statement that still sees the grant of a %s has ended when the command returns',
    async (ending) => {
      const { hand: doomed, row } = await enrolled();
      const restore = await slowTask(world.work, row, 1.5);
      const load = startAsking(doomed, `${world.work.federationUrl}/federation/v1/tasks?limit=50`, 2);
      try {
        const reading = async (): Promise<number> => {
          const active = `select 1 from pg_stat_activity where state = 'active' and wait_event = 'PgSleep'`;
          return (await world.work.sql(active)).length;
        };
        await expect.poll(reading, SOON).toBe(2);
        const { startedAt, returnedAt } = await end(world.work, doomed.grantId, ending);
        expect(await reading()).toBe(0);
        await load.stop();
        const inFlight = load.asked.filter(
          ({ sentAt, answeredAt }) => sentAt < startedAt && answeredAt > startedAt,
        );
        // They began before and may answer; the command waited for them.
        expect(inFlight.map(({ status }) => status)).toEqual([200, 200]);
        expect(load.asked.filter(({ sentAt, status }) => sentAt > returnedAt && status === 200)).toEqual([]);
      } finally {
        await load.stop();
        await restore();
      }
      await doomed.remove();
    },
  );

  it('a peer that was suspended is served again when it is resumed', async () => {
    const { hand } = await enrolled();
    const { peer } = await must(200, world.work, `/api/admin/grants/${hand.grantId}`);
    await end(world.work, hand.grantId, 'suspended peer');
    expect((await hand.get('/federation/v1/tasks')).body.code).toBe('forbidden');
    // Once more changes nothing.
    await end(world.work, hand.grantId, 'suspended peer');
    await must(200, world.work, `/api/admin/peers/${peer?.id}/resume`, { method: 'POST' });
    expect((await hand.get('/federation/v1/tasks')).status).toBe(200);
    const again = await call(world.work, `/api/admin/peers/${peer?.id}/resume`, { method: 'POST' });
    expect([again.status, again.body.code]).toEqual([409, 'invalid_transition']);
    await hand.remove();
  });

  it('M4-6 the bucket of a grant is one for both', async () => {
    const limited = await enrollByHand(world.work, {
      user: seeded.bob.name,
      peer: 'rep-limited',
      scope: { resources: ['tasks'], max_rows_per_query: 5 },
    });
    await must(200, world.work, `/api/admin/grants/${limited.grantId}`, {
      method: 'PATCH',
      body: { rate_limit_per_minute: 10 },
    });
    const statuses: number[] = [];
    for (let index = 0; index < 20; index += 1) {
      const name = REPLICAS[(index % 2) as 0 | 1];
      const { federation } = socketsOf(world.handle.state, name);
      const answer = await requestSocket(federation, '/federation/v1/tasks', {
        headers: asFront(world.handle.state, name, limited.certFile),
      });
      statuses.push(answer.status);
    }
    // One token comes back every six seconds.
    const passed = statuses.filter((status) => status === 200).length;
    expect(passed).toBeGreaterThanOrEqual(10);
    expect(passed).toBeLessThanOrEqual(12);
    expect(statuses.filter((status) => status === 429)).toHaveLength(20 - passed);
    await limited.remove();
  });

  it('one of them killed costs nobody an answer', async () => {
    process.kill(processOf(world.handle.stateDir, 'gateway-b-2').pid, 'SIGKILL');
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => hand.get('/federation/v1/tasks?limit=100')),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  });
});
