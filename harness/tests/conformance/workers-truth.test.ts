import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCachingProxy } from '../../devstack/components/caching-proxy.ts';
import { openLink, type Link } from '../../devstack/components/link.ts';
import { asking, createPerson, enroll, type Person, setupBody } from './client.ts';
import { openDenoGateway } from './deno-gateway.ts';
import { entryOf, exportPeer, tlsOf } from './exported-peer.ts';
import { openNodeGateway } from './node-gateway.ts';
import { startEdgeServices, type EdgeServices } from './services.ts';
import type { GatewayUnderTest } from './under-test.ts';
import { openWorkerdGateway, type WorkerGateway, type WorkerOptions } from './workerd-gateway.ts';

/** Longer than any answer of a gateway that knows how the database stands, on a machine that does other things. */
const AT_ONCE_MS = 2_500;

/** Counts what the worker leaves unhandled. */
const COUNTING = `
  import worker from './src/runtimes/workerd/main.ts';
  let count = 0;
  addEventListener('unhandledrejection', () => { count += 1; });
  export default {
    ...worker,
    fetch: (request, env, context) =>
      new URL(request.url).pathname === '/rejections' ? new Response(String(count)) : worker.fetch(request, env, context),
  };`;

const bootstrap = async (gateway: GatewayUnderTest): Promise<Person> => {
  const { body } = await asking(gateway)(null, 'POST', '/api/bootstrap/setup', setupBody(gateway, 'root'));
  return { id: body.user.id, token: body.token.text };
};

const problemOf = async (response: Response) => ({
  status: response.status,
  media: response.headers.get('content-type'),
  ...((await response.json()) as { code: string; issues?: readonly { path: string; expected?: string }[] }),
});

describe('Workers tell the truth', () => {
  let services: EdgeServices;
  let link: Link;
  let gateway: WorkerGateway;
  let admin: Person;
  const folder = mkdtempSync(path.join(tmpdir(), 'mosaic-workers-'));

  /** The same database by way of the link. */
  const linked = (): EdgeServices => {
    const by = (address: string): string => {
      const url = new URL(address);
      url.port = String(link.port);
      return url.href;
    };
    const [databaseUrl, databasePeersUrl] = [by(services.databaseUrl), by(services.databasePeersUrl)];
    const environment = {
      ...services.environment,
      DATABASE_URL: databaseUrl,
      DATABASE_PEERS_URL: databasePeersUrl,
    };
    return { ...services, databaseUrl, databasePeersUrl, environment };
  };
  const withWorker = async (
    options: WorkerOptions,
    work: (made: WorkerGateway) => Promise<void>,
  ): Promise<void> => {
    const made = await openWorkerdGateway({ services: linked(), ...options });
    try {
      await work(made);
    } finally {
      await made.stop();
    }
  };

  beforeAll(async () => {
    services = await startEdgeServices();
    link = await openLink(Number(new URL(services.databaseUrl).port));
    gateway = await openWorkerdGateway({ services: linked() });
    admin = await bootstrap(gateway);
  }, 120_000);
  afterAll(async () => {
    await gateway?.stop();
    await link?.close();
    await services?.stop();
    rmSync(folder, { recursive: true });
  }, 60_000);

  it.each(['hyperdrive', 'address'] as const)(
    'F-76 a database that is away (%s): 503 database_unavailable at once, /health needs none, and it comes back',
    async (database) => {
      await withWorker({ database }, async (made) => {
        const me = (): Promise<Response> =>
          made.publicFetch('/api/me', { headers: { authorization: `Bearer ${admin.token}` } });
        expect((await me()).status).toBe(200);
        link.set('reset');
        try {
          // The first one that finds out may wait for its connection; nobody after it does.
          expect(await problemOf(await me())).toMatchObject({ status: 503, code: 'database_unavailable' });
          for (let count = 0; count < 3; count += 1) {
            const start = performance.now();
            const told = await Promise.all(Array.from({ length: 20 }, me));
            expect(performance.now() - start).toBeLessThan(AT_ONCE_MS);
            expect(new Set(told.map(({ status }) => status))).toEqual(new Set([503]));
            expect(told[0]?.headers.get('retry-after')).toBe('1');
            expect(await problemOf(told[1] ?? new Response('{}'))).toMatchObject({
              code: 'database_unavailable',
              media: 'application/problem+json',
            });
          }
          const health = await made.publicFetch('/health');
          expect([health.status, await health.text()]).toEqual([200, '{"status":"ok"}']);
          expect(health.headers.get('x-content-type-options')).toBe('nosniff');
        } finally {
          link.set('through');
        }
        await expect.poll(async () => (await me()).status, { timeout: 20_000, interval: 250 }).toBe(200);
      });
    },
  );

  it('F-76 one that accepts and says nothing is given up after a bounded time', async () => {
    const me = (): Promise<Response> =>
      gateway.publicFetch('/api/me', { headers: { authorization: `Bearer ${admin.token}` } });
    link.set('slow');
    try {
      const start = performance.now();
      expect(await problemOf(await me())).toMatchObject({ status: 503, code: 'database_unavailable' });
      expect(performance.now() - start).toBeLessThan(9_000);
    } finally {
      link.set('through');
    }
    await expect.poll(async () => (await me()).status, { timeout: 20_000, interval: 250 }).toBe(200);
  });

  it('F-77 a Hyperdrive that caches serves nobody: 503, not an answer from before a revocation', async () => {
    const proxy = await openCachingProxy(Number(new URL(services.databaseUrl).port));
    const by = (address: string): string => Object.assign(new URL(address), { port: proxy.port }).href;
    const cached = {
      ...services,
      databaseUrl: by(services.databaseUrl),
      databasePeersUrl: by(services.databasePeersUrl),
    };
    try {
      await withWorker({ services: cached }, async (made) => {
        const headers = { authorization: `Bearer ${admin.token}` };
        const told = await problemOf(await made.publicFetch('/api/me', { headers }));
        expect(told).toMatchObject({ status: 503, code: 'database_unavailable' });
        expect((await made.publicFetch('/health')).status).toBe(200);
      });
      expect(proxy.hits()).toBeGreaterThan(0);
    } finally {
      await proxy.close();
    }
  });

  it.each([
    ['a value that is none', { MOSAIC_LOG_LEVEL: 'loud' }, 'MOSAIC_LOG_LEVEL (log.level)', undefined],
    ['a misspelt name', { MOSAIC_TEIR: 'standalone' }, 'MOSAIC_TEIR', 'MOSAIC_TIER'],
    ['a tier it has not', { MOSAIC_TIER: 'local' }, 'MOSAIC_TIER (tier)', 'standalone on Workers'],
    ['no peers’ bindings', { MOSAIC_PEER_BINDINGS: 'secret-text' }, 'MOSAIC_PEER_BINDINGS', undefined],
  ])('F-78 a configuration with %s is a problem that names the setting', async (_name, env, at, expected) => {
    await withWorker({ env }, async (made) => {
      const told = await problemOf(await made.publicFetch('/health'));
      expect(told).toMatchObject({ status: 503, code: 'misconfigured', media: 'application/problem+json' });
      const issue = told.issues?.find(({ path: named }) => named === at);
      expect(issue).toBeDefined();
      if (expected !== undefined) expect(issue?.expected).toBe(expected);
      expect(JSON.stringify(told)).not.toMatch(/secret-text|loud/);
    });
  });

  it.each(['hyperdrive', 'address'] as const)(
    'F-79 leaves no rejection unhandled when a request’s connections end (%s): a test runner around it would fail',
    async (database) => {
      const sql = postgres(services.databaseMaintenanceUrl, { max: 1, onnotice: () => undefined });
      try {
        const sessions = async (): Promise<number> => {
          const [row] =
            await sql`select count(*)::int as left from pg_stat_activity where application_name like 'mosaic%'`;
          return Number(row?.['left']);
        };
        const before = await sessions();
        await withWorker({ services, database, around: COUNTING }, async (made) => {
          const headers = { authorization: `Bearer ${admin.token}` };
          for (let count = 0; count < 3; count += 1)
            expect((await made.publicFetch('/api/me', { headers })).status).toBe(200);
          await expect.poll(sessions, { timeout: 20_000 }).toBeLessThanOrEqual(before);
          expect(await (await made.publicFetch('/rejections')).text()).toBe('0');
        });
      } finally {
        await sql.end();
      }
    },
  );

  it('F-78 120 requests at once: each has its turn', { timeout: 120_000 }, async () => {
    const ask = asking(gateway);
    const answers = await Promise.all(
      Array.from({ length: 120 }, () => ask(admin, 'GET', '/api/resources/tasks')),
    );
    expect(answers.map(({ status }) => status).filter((status) => status !== 200)).toEqual([]);
  });

  it('F-78 counters are those of the isolate, not of the request that asks', async () => {
    const ask = asking(gateway);
    await createPerson(ask, admin, 'counted');
    const scope = { resources: ['tasks'], max_rows_per_query: 10 };
    const { client } = await enroll(gateway, admin, { user: 'counted', peer: 'home', scope });
    expect((await gateway.federationFetch(client, '/federation/v1/tasks')).status).toBe(200);
    const { text } = await ask(admin, 'GET', '/api/admin/federation/status');
    const { audit } = JSON.parse(text) as { audit: { accepted: number; written: number; dropped: number } };
    expect(audit.written).toBeGreaterThan(0);
    expect(audit.accepted).toBeGreaterThanOrEqual(audit.written);
    expect(audit.dropped).toBe(0);
  });

  it('F-78 a scheduled round reports a gateway that ended without writing out its audit log', async () => {
    const sql = postgres(services.databaseMaintenanceUrl, { max: 1, onnotice: () => undefined });
    try {
      const id = crypto.randomUUID();
      await sql`
        insert into federation_audit_writers (id, started_at, seen_at, ephemeral, accepted, written, dropped)
        values (${id}, now() - interval '1 hour', now() - interval '1 hour', false, 5, 3, 0)`;
      expect(await gateway.scheduled()).toBe('ok');
      const tails = await sql`select kind from federation_audit_gaps where writer_id = ${id}`;
      expect(tails.map(({ kind }) => kind as string)).toEqual(['lost_tail']);
    } finally {
      await sql.end();
    }
  });

  it(
    'F-78 a scheduled round reads the lists of gateways that we ask, by a binding that presents nothing',
    { timeout: 180_000 },
    async () => {
      const work = await openNodeGateway('tls');
      const deno = await openDenoGateway({ services, env: { FEDERATION_ALLOW_PRIVATE_ADDRESSES: 'true' } });
      try {
        const workAdmin = await bootstrap(work);
        await createPerson(asking(work), workAdmin, 'alice');
        const grant = {
          user: 'alice',
          peer: 'home',
          scope: { resources: ['tasks'], max_rows_per_query: 10 },
        };
        const made = await asking(work)(workAdmin, 'POST', '/api/admin/grants', grant);
        const asked = { enrollment_url: made.body.enrollment.url, user: 'root', name: 'listed' };
        const peer = await asking(deno)(admin, 'POST', '/api/admin/peers', asked);
        expect(peer.status).toBe(201);
        const exported = await exportPeer(services, peer.body.id, path.join(folder, 'listed'));
        const [[grantId, entry] = ['', {}]] = Object.entries(entryOf(exported, 'PEER_WORK'));
        const bindings = { [grantId]: { ...entry, lists: 'LISTS_WORK' } };
        const peers = { PEER_WORK: tlsOf(exported), LISTS_WORK: { rootPem: exported.caPem } };
        await withWorker({ env: { MOSAIC_PEER_BINDINGS: JSON.stringify(bindings) }, peers }, async (home) => {
          const stateOf = async (): Promise<unknown> => {
            const { text } = await asking(home)(admin, 'GET', `/api/admin/peers/${peer.body.id}`);
            return (JSON.parse(text) as { state: string }).state;
          };
          expect(await home.scheduled()).toBe('ok');
          expect(await stateOf()).toBe('active');
          const refused = await asking(home)(admin, 'POST', `/api/admin/peers/${peer.body.id}/renew`);
          expect(refused).toMatchObject({ status: 501, body: { code: 'runtime_unsupported' } });
          await asking(work)(workAdmin, 'POST', `/api/admin/grants/${made.body.grant.id}/revoke`, {});
          expect(await home.scheduled()).toBe('ok');
          expect(await stateOf()).toBe('revoked');
        });
      } finally {
        await deno.stop();
        await work.stop();
      }
    },
  );
});
