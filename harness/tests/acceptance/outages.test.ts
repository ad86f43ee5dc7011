import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeKeyMaker } from '../../../ca/x509/request.ts';
import { hung, killed, type Fault } from './faults.ts';
import { bootFederatedWorld, type FederatedWorld } from './federated-world.ts';
import { enrollByHand, type HandMadeClient } from './hand-made-client.ts';
import { grantAndEnroll, seedPeople, type Seeded } from './people.ts';
import { call, must, type Body } from './world.ts';

/** A gives a peer 5 s (federation.peer_timeout_ms); the rest is for a loaded machine. */
const HOME_MS = 7_500;
/** B gives a statement 10 s and the connection one more. */
const WORK_MS = 13_000;
const HEAL_MS = 10_000;

const timed = async <T>(work: () => Promise<T>): Promise<{ readonly ms: number; readonly value: T }> => {
  const begin = performance.now();
  const value = await work();
  return { ms: performance.now() - begin, value };
};

describe('X-71 each service of B down or hung', () => {
  let world: FederatedWorld;
  let seeded: Seeded;
  let hand: HandMadeClient;
  let enrollmentUrl: string;
  const source = 'federated:work';

  beforeAll(async () => {
    world = await bootFederatedWorld();
    seeded = await seedPeople(world, 'out-');
    const scope = { resources: ['tasks'], max_rows_per_query: 100 };
    hand = await enrollByHand(world.work, { user: seeded.alice.name, peer: 'out-hand', scope });
    await grantAndEnroll(world, { subject: seeded.alice, localUser: seeded.ann, peerName: 'work', scope });
    const asked = { user: seeded.bob.name, peer: 'out-pending', scope };
    enrollmentUrl = (await must(201, world.work, '/api/admin/grants', { body: asked })).enrollment.url;
  });
  afterAll(async () => {
    await hand.remove();
    await world.close();
  });

  const askHome = () => call(world.home, '/api/query/tasks?source=all', { token: seeded.ann.token });
  const askWork = () => hand.get('/federation/v1/tasks');
  const ready = async () => {
    const answer = await call(world.work, '/ready', { token: null });
    return { status: answer.status, text: JSON.stringify(answer.body) };
  };
  const redeem = async () => {
    const url = new URL(enrollmentUrl);
    const token = new URLSearchParams(url.hash.slice(1)).get('token');
    const { csrPem } = await makeKeyMaker().keyAndCsr();
    return call(world.work, `${url.pathname}/redeem`, { token: null, body: { token, csr: csrPem } });
  };

  const expectHome = async (isServed: boolean): Promise<void> => {
    const { ms, value } = await timed(askHome);
    expect(value.status).toBe(200);
    expect(value.body.items.some(({ _source }) => _source === 'local')).toBe(true);
    if (isServed) expect(value.body.sources[source]?.status).toBe('complete');
    else {
      expect(value.body.sources[source]?.status).toBe('unreachable');
      expect(value.body.notices.map((notice) => notice.source)).toEqual([source]);
    }
    expect(ms).toBeLessThan(HOME_MS);
  };
  const expectUnavailable = async (ask: () => Promise<{ status: number; body: Body }>): Promise<void> => {
    const { ms, value } = await timed(ask);
    expect([value.status, JSON.stringify(value.body)]).toEqual([503, expect.stringMatching(/_?unavailable/)]);
    expect(JSON.stringify(value.body)).not.toMatch(/127\.0\.0\.1|select |ECONN|at \w+ \(/);
    expect(ms).toBeLessThan(WORK_MS);
  };
  const expectNotReady = async (service: string): Promise<void> => {
    const { ms, value } = await timed(ready);
    expect([value.status, value.text]).toEqual([
      503,
      expect.stringContaining(`"${service}":{"status":"unreachable"`),
    ]);
    expect(ms).toBeLessThan(WORK_MS);
  };
  const expectServed = async (): Promise<void> => {
    const { ms, value } = await timed(askWork);
    expect(value.status).toBe(200);
    expect(ms).toBeLessThan(WORK_MS);
  };
  const expectDegraded = async (service: string): Promise<void> => {
    const { ms, value } = await timed(ready);
    expect([value.status, value.text]).toEqual([200, expect.stringContaining('"status":"degraded"')]);
    expect(value.text).toContain(`"${service}":{"status":"unreachable"`);
    expect(ms).toBeLessThan(WORK_MS);
  };
  const expectRefused = async (): Promise<void> => {
    // Reset where the connection was made in the moment before the socket went.
    await expect(askWork()).rejects.toThrow(/ECONNREFUSED|ECONNRESET|socket hang up/);
  };
  const expectHealed = async (): Promise<void> => {
    const healed = async (): Promise<readonly unknown[]> => {
      const [home, work, state] = await Promise.all([
        askHome().then(({ body }) => body.sources[source]?.status),
        askWork().then(({ status }) => status, String),
        ready().then(({ status }) => status, String),
      ]);
      return [home, work, state];
    };
    await expect.poll(healed, { timeout: HEAL_MS, interval: 100 }).toEqual(['complete', 200, 200]);
  };

  const during: Readonly<Record<string, (fault: Fault) => readonly Promise<void>[]>> = {
    'postgres-b': () => [
      expectHome(false),
      expectUnavailable(askWork),
      expectUnavailable(() => call(world.work, '/api/me')),
      expectNotReady('database'),
    ],
    // Reading goes on within a strict share of the limits (issue 4 point 3); limits.test.ts has the other choice, 503.
    'valkey-b': () => [expectHome(true), expectServed(), expectDegraded('kv')],
    // Reading needs no authority; enrolling does.
    'step-ca': () => [expectHome(true), expectServed(), expectUnavailable(redeem), expectDegraded('ca')],
    'nginx-b': ({ kind }) => [
      expectHome(false),
      // Nobody is there to say 503: refused at once, or silence until the client gives up.
      kind === 'killed' ? expectRefused() : Promise.resolve(),
    ],
  };

  for (const component of Object.keys(during)) {
    it.each([killed, hung])(
      `X-71 H-8 ${component} $kind: bounded, clear, and healed within 10 s`,
      async (fault) => {
        const undo = fault.inflict(world.handle, component);
        try {
          await Promise.all(during[component]?.(fault) ?? []);
        } finally {
          await undo();
        }
        await expectHealed();
      },
    );
  }

  it('X-71 the enrollment that failed while the authority was away works afterwards', async () => {
    expect((await redeem()).status).toBe(201);
  });
});
