import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLink, type Link } from '../../devstack/components/link.ts';
import { freePort } from '../../devstack/components/sockets.ts';
import { asking, createPerson, type Ask, type Person, setupBody } from './client.ts';
import { openDenoGateway } from './deno-gateway.ts';
import { entryOf, exportPeer, tlsOf } from './exported-peer.ts';
import { openNodeGateway } from './node-gateway.ts';
import { startEdgeServices, type EdgeServices } from './services.ts';
import type { GatewayUnderTest } from './under-test.ts';
import { openWorkerdGateway } from './workerd-gateway.ts';

const FAILURES = 3;
const QUERY = '/api/query/tasks?source=federated:work';
/** Longer than the test: nothing is tried again meanwhile. */
const COOLDOWN_MS = 600_000;

const bootstrap = async (gateway: GatewayUnderTest): Promise<Person> => {
  const { body } = await asking(gateway)(null, 'POST', '/api/bootstrap/setup', setupBody(gateway, 'root'));
  return { id: body.user.id, token: body.token.text };
};

interface Shown {
  readonly circuit: { readonly state: string };
}

describe('F-74 what is learned of a peer is kept from one question to the next', () => {
  let work: GatewayUnderTest;
  let workAdmin: Person;
  /** The way to the federation listener, on which connections are counted; enrollment and lists go past it. */
  let link: Link;
  let services: EdgeServices;
  const folder = mkdtempSync(path.join(tmpdir(), 'mosaic-breaker-'));

  beforeAll(async () => {
    const port = await freePort();
    link = await openLink(port);
    [work, services] = await Promise.all([
      openNodeGateway('tls', {
        listen: { public: { port: 0 }, federation: { port } },
        federation: {
          default_rate_limit_per_minute: 100_000,
          url: `https://localhost:${link.port}`,
          enrollment_base_url: `https://localhost:${port}`,
        },
      }),
      startEdgeServices(),
    ]);
    workAdmin = await bootstrap(work);
    const alice = await createPerson(asking(work), workAdmin, 'alice');
    await asking(work)(alice, 'POST', '/api/resources/tasks', { title: 'at work' });
  }, 120_000);
  afterAll(async () => {
    await work?.stop();
    await services?.stop();
    await link?.close();
    rmSync(folder, { recursive: true });
  }, 60_000);

  const enroll = async (ask: Ask, admin: Person): Promise<string> => {
    link.set('through');
    const scope = { resources: ['tasks'], max_rows_per_query: 10 };
    const grant = { user: 'alice', peer: 'home', scope };
    const made = await asking(work)(workAdmin, 'POST', '/api/admin/grants', grant);
    const asked = { enrollment_url: made.body.enrollment.url, user: 'root' };
    const peer = await ask(admin, 'POST', '/api/admin/peers', asked);
    expect(peer).toMatchObject({ status: 201 });
    return peer.body.id;
  };

  /** @param page asked for, another one than a replica's that shares the store @returns how the circuit stands in the end */
  const trial = async (ask: Ask, person: Person, page: number): Promise<readonly string[]> => {
    link.set('through');
    const first = await ask(person, 'GET', `${QUERY}&limit=${page}`);
    expect(first.body.items.map(({ title }) => title)).toEqual(['at work']);
    expect(first.headers.get('cache-status')).toMatch(/fwd=miss; stored$/);
    const second = await ask(person, 'GET', `${QUERY}&limit=${page}`);
    expect(second.headers.get('cache-status')).toMatch(/hit; ttl=\d+$/);
    const before = link.connections();
    link.set('reset');
    // Each asks for another page, which is in no cache.
    const codeOf = async (limit: number): Promise<string> =>
      (await ask(person, 'GET', `${QUERY}&limit=${limit}`)).body.code;
    for (let count = 0; count < FAILURES; count += 1)
      expect(await codeOf(2 + count)).toBe('peer_unreachable');
    // The first may fail on a connection that was open already, and a client may try a connection more than once.
    const called = link.connections();
    expect(called - before).toBeGreaterThanOrEqual(FAILURES - 1);
    for (let count = 0; count < 2 * FAILURES; count += 1)
      expect(await codeOf(20 + count)).toBe('peer_circuit_open');
    expect(link.connections()).toBe(called);
    const own = await ask(person, 'GET', '/api/peers');
    const { items } = JSON.parse(own.text) as { readonly items: readonly Shown[] };
    return items.map(({ circuit }) => circuit.state);
  };

  const edge = {
    FEDERATION_CIRCUIT_FAILURES: String(FAILURES),
    FEDERATION_CIRCUIT_COOLDOWN_MS: String(COOLDOWN_MS),
    FEDERATION_PEER_RETRIES: '0',
    FEDERATION_ALLOW_PRIVATE_ADDRESSES: 'true',
  };

  it('on Node: a dead peer is called so many times, and then not; /api/peers says so', async () => {
    const home = await openNodeGateway('tls', {
      federation: {
        allow_private_addresses: true,
        circuit_failures: FAILURES,
        circuit_cooldown_ms: COOLDOWN_MS,
        peer_retries: 0,
      },
    });
    try {
      const admin = await bootstrap(home);
      await enroll(asking(home), admin);
      expect(await trial(asking(home), admin, 50)).toEqual(['open']);
    } finally {
      await home.stop();
    }
  });

  it('on Deno, and on Workers over the same database', async () => {
    const deno = await openDenoGateway({ services, env: edge });
    const admin = await bootstrap(deno);
    try {
      const id = await enroll(asking(deno), admin);
      const exported = await exportPeer(services, id, path.join(folder, 'work'));
      expect(await trial(asking(deno), admin, 51)).toEqual(['open']);
      const workerd = await openWorkerdGateway({
        services,
        env: { ...edge, MOSAIC_PEER_BINDINGS: JSON.stringify(entryOf(exported, 'PEER_WORK')) },
        peers: { PEER_WORK: tlsOf(exported) },
      });
      try {
        expect(await trial(asking(workerd), admin, 52)).toEqual(['open']);
      } finally {
        await workerd.stop();
      }
    } finally {
      await deno.stop();
    }
  });
});
