import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeKeyMaker } from '../../../ca/x509/request.ts';
import { openLink, type Link } from '../../devstack/components/link.ts';
import { stop, type Component } from '../../devstack/components/process.ts';
import { asFront } from '../../devstack/stack/as-front.ts';
import { startGatewayProcess } from '../../devstack/stack/gateway.ts';
import { folderOf, portsOf, readSecret, socketsOf } from '../../devstack/stack/plan.ts';
import { requestSocket, type SocketAnswer } from '../../devstack/stack/unix-request.ts';
import { bootFederatedWorld, type FederatedWorld } from './federated-world.ts';
import { enrollByHand, type HandMadeClient } from './hand-made-client.ts';
import { grantAndEnroll, seedPeople, type Seeded } from './people.ts';
import { call, must } from './world.ts';

const GATEWAY = 'gateway-b-linked';
/** A gives a peer 5 s; the rest is for a loaded machine. */
const HOME_MS = 7_500;
/** B gives a statement 10 s and the connection one more. */
const WORK_MS = 13_000;
const HEAL_MS = 10_000;
const SERVICES = { postgres: 'database', valkey: 'kv', stepCa: 'ca' } as const;
type Name = keyof typeof SERVICES;

const timed = async <T>(work: () => Promise<T>): Promise<{ readonly ms: number; readonly value: T }> => {
  const begin = performance.now();
  const value = await work();
  return { ms: performance.now() - begin, value };
};

describe('X-71 a slow or resetting network between B and each of its services', () => {
  let world: FederatedWorld;
  let seeded: Seeded;
  let hand: HandMadeClient;
  let gateway: Component | undefined;
  let links: Readonly<Record<Name | 'nginx', Link>>;
  let enrollment: URL;
  const source = 'federated:work';

  /** A third gateway of B, whose every service is behind a link. */
  const startLinked = async (): Promise<Component> => {
    const { state } = world.handle;
    const linked = (file: string): string => {
      const url = new URL(readSecret(file));
      url.port = String(links.postgres.port);
      return url.href;
    };
    const { databaseUrlFile, databasePeersUrlFile, databaseMaintenanceUrlFile } = state.gateways.b;
    const password = readSecret(`${folderOf(state, 'valkey-b')}/password`);
    return startGatewayProcess(state, 'b', GATEWAY, {
      environment: {
        DATABASE_URL: linked(databaseUrlFile),
        DATABASE_PEERS_URL: linked(databasePeersUrlFile),
        DATABASE_MAINTENANCE_URL: linked(databaseMaintenanceUrlFile),
        VALKEY_URL: `valkey://mosaic:${password}@127.0.0.1:${links.valkey.port}`,
        STEP_CA_URL: `https://127.0.0.1:${links.stepCa.port}`,
      },
    });
  };

  beforeAll(async () => {
    world = await bootFederatedWorld();
    const { state } = world.handle;
    const b = portsOf(state, 'b');
    const [postgres, valkey, stepCa, nginx] = await Promise.all(
      [b.postgres, b.valkey, state.ports.stepCa, b.federation].map(openLink),
    );
    links = { postgres, valkey, stepCa, nginx } as typeof links;
    gateway = await startLinked();
    seeded = await seedPeople(world, 'slow-');
    const scope = { resources: ['tasks'], max_rows_per_query: 100 };
    hand = await enrollByHand(world.work, { user: seeded.alice.name, peer: 'slow-hand', scope });
    await grantAndEnroll(world, { subject: seeded.alice, localUser: seeded.ann, peerName: 'work', scope });
    await world.home.sql(`update federation_peers set federation_url = $1 where direction = 'outbound'`, [
      `https://localhost:${links.nginx.port}`,
    ]);
    const asked = { user: seeded.bob.name, peer: 'slow-pending', scope };
    enrollment = new URL((await must(201, world.work, '/api/admin/grants', { body: asked })).enrollment.url);
  }, 120_000);
  afterAll(async () => {
    if (gateway !== undefined) await stop(gateway);
    await Promise.all(Object.values(links ?? {}).map((link) => link.close()));
    await hand?.remove();
    await world?.close();
  }, 60_000);

  const sockets = () => socketsOf(world.handle.state, GATEWAY);
  const list = (): Promise<SocketAnswer> => {
    return requestSocket(sockets().federation, '/federation/v1/tasks', {
      headers: asFront(world.handle.state, GATEWAY, hand.certFile),
    });
  };
  const ready = (): Promise<SocketAnswer> => requestSocket(sockets().public, '/ready');
  const redeem = async (): Promise<SocketAnswer> => {
    const token = new URLSearchParams(enrollment.hash.slice(1)).get('token');
    const { csrPem } = await makeKeyMaker().keyAndCsr();
    return requestSocket(sockets().public, `${enrollment.pathname}/redeem`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-for': '127.0.0.1' },
      body: JSON.stringify({ token, csr: csrPem }),
    });
  };
  const askHome = () => call(world.home, '/api/query/tasks?source=all', { token: seeded.ann.token });

  const expectUnavailable = async (ask: () => Promise<SocketAnswer>): Promise<void> => {
    const { ms, value } = await timed(ask);
    expect([value.status, value.text]).toEqual([503, expect.stringMatching(/_?unavailable/)]);
    expect(value.text).not.toMatch(/127\.0\.0\.1|select |ECONN|at \w+ \(/);
    expect(ms).toBeLessThan(WORK_MS);
  };
  const expectNotReady = async (name: Name): Promise<void> => {
    const { ms, value } = await timed(ready);
    const text: unknown = expect.stringContaining(`"${SERVICES[name]}":{"status":"unreachable"`);
    expect([value.status, value.text]).toEqual([503, text]);
    expect(ms).toBeLessThan(WORK_MS);
  };
  const expectServed = async (): Promise<void> => {
    const { ms, value } = await timed(list);
    expect(value.status).toBe(200);
    expect(ms).toBeLessThan(WORK_MS);
  };
  const expectDegraded = async (name: Name): Promise<void> => {
    const { ms, value } = await timed(ready);
    expect([value.status, value.text]).toEqual([200, expect.stringContaining('"status":"degraded"')]);
    expect(value.text).toContain(`"${SERVICES[name]}":{"status":"unreachable"`);
    expect(ms).toBeLessThan(WORK_MS);
  };
  const during: Readonly<Record<Name, () => readonly Promise<void>[]>> = {
    postgres: () => [expectUnavailable(list), expectNotReady('postgres')],
    // Reading goes on within a strict share of the limits (kv.when_down).
    valkey: () => [expectServed(), expectDegraded('valkey')],
    // Reading needs no authority; enrolling does.
    stepCa: () => [expectServed(), expectUnavailable(redeem), expectDegraded('stepCa')],
  };

  for (const name of ['postgres', 'valkey', 'stepCa'] as const) {
    it.each(['slow', 'reset'] as const)(
      `X-71 ${name} %s: bounded, clear, healed within 10 s`,
      async (mode) => {
        links[name].set(mode);
        try {
          await Promise.all(during[name]());
        } finally {
          links[name].set('through');
        }
        const healed = async () => {
          const [listed, state] = [await list(), await ready()];
          return [listed.status, state.status, /unreachable|degraded/.test(state.text)];
        };
        await expect.poll(healed, { timeout: HEAL_MS, interval: 100 }).toEqual([200, 200, false]);
      },
    );
  }

  it.each(['slow', 'reset'] as const)(
    'X-71 nginx %s: home answers with its own rows in time, and blends again within 10 s',
    async (mode) => {
      links.nginx.set(mode);
      try {
        const { ms, value } = await timed(askHome);
        expect(value.status).toBe(200);
        expect(value.body.items.length).toBeGreaterThan(0);
        expect(value.body.items.every(({ _source }) => _source === 'local')).toBe(true);
        expect(value.body.sources[source]?.status).toBe('unreachable');
        expect(value.body.notices.map((notice) => notice.source)).toEqual([source]);
        expect(ms).toBeLessThan(HOME_MS);
      } finally {
        links.nginx.set('through');
      }
      const healed = async () => (await askHome()).body.sources[source]?.status;
      await expect.poll(healed, { timeout: HEAL_MS, interval: 100 }).toBe('complete');
    },
  );

  it('X-71 a grant is not taken for revoked by any of it, and the enrollment that failed works afterwards', async () => {
    const statuses = await world.work.sql('select distinct status::text from federation_grants order by 1');
    expect(statuses.map(({ status }) => status)).toEqual(['active', 'pending']);
    expect((await redeem()).status).toBe(201);
  });
});
