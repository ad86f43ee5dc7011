import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPostgresStorage } from '../../../db/connect/postgres.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { setupTokenOf } from '../../../src/directory/setup-token.ts';
import { createCallScope } from '../../../src/runtimes/common/call-scope.ts';
import { startGateway, type RunningGateway } from '../../../src/runtimes/node/boot/start.ts';
import { silent } from '../../../src/runtimes/node/front/front.testkit.ts';
import { urlsOf } from '../../devstack/components/postgres.ts';
import { startCluster, type Cluster } from '../migrate/cluster.ts';
import { lockTable } from '../migrate/lock-table.ts';

const BUDGET_MS = 1_500;
/** What a busy machine takes besides. A statement alone would take ten seconds. */
const SLACK_MS = 4_000;

/** What requests read and write; the audit log and leases are of no request. */
const TABLES = [
  'users',
  'api_tokens',
  'teams',
  'memberships',
  'federation_grants',
  'federation_peers',
  'issued_certificates',
  'gateway_secrets',
  'tasks',
];

interface Told {
  readonly status: number;
  readonly code: string | undefined;
  readonly retryAfter: string | null;
  readonly ms: number;
}

describe('a request whose statements wait', () => {
  let cluster: Cluster;
  let url: string;
  let gateway: RunningGateway;
  let token = '';

  const ask = async (
    method: string,
    at: string,
    body?: object,
  ): Promise<Told & { readonly body: unknown }> => {
    const from = performance.now();
    const answer = await fetch(`${gateway.publicUrl}${at}`, {
      method,
      headers: {
        ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
        'content-type': 'application/json',
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    const isJson = answer.headers.get('content-type')?.includes('json') === true;
    const told = (isJson ? JSON.parse(text) : {}) as { readonly code?: string };
    const retryAfter = answer.headers.get('retry-after');
    return { status: answer.status, code: told.code, retryAfter, ms: performance.now() - from, body: told };
  };
  const waitingForLocks = () =>
    cluster.underneath(
      url,
      `select pid from pg_stat_activity where application_name = 'mosaic-federation' and wait_event_type = 'Lock'`,
    );

  beforeAll(async () => {
    cluster = await startCluster();
    url = await cluster.create();
    const urls = urlsOf(url);
    const sealingKey = randomBytes(32);
    const { config } = loadConfig({
      env: {
        MOSAIC_TIER: 'standalone',
        MOSAIC_DATA_DIR: path.join(cluster.folder, 'data'),
        MOSAIC_SEALING_KEY: sealingKey.toString('base64'),
        DATABASE_URL: urls.url,
        DATABASE_PEERS_URL: urls.peersUrl,
        DATABASE_MAINTENANCE_URL: urls.maintenanceUrl,
        MOSAIC_DATABASE_REQUEST_TIMEOUT_MS: String(BUDGET_MS),
        MOSAIC_PUBLIC_PORT: '0',
        MOSAIC_FEDERATION_PORT: '0',
      },
    });
    gateway = await startGateway(config, { log: silent });
    const made = await ask('POST', '/api/bootstrap/setup', {
      name: 'root',
      setup_token: setupTokenOf(Uint8Array.from(sealingKey)),
    });
    ({ text: token } = (made.body as { readonly token: { readonly text: string } }).token);
  }, 120_000);
  afterAll(async () => {
    await gateway.stop();
    await cluster.close();
  });

  it('F-22 H-4 ends within its budget, in a queue as well, and leaves the connections free', async () => {
    const letGo = await lockTable(cluster, url, 'teams');
    const told = await Promise.all(
      Array.from({ length: 10 }, (_, index) => ask('POST', '/api/admin/teams', { name: `stuck-${index}` })),
    );
    for (const { status, code, retryAfter, ms } of told) {
      expect([status, code, retryAfter]).toEqual([503, 'database_unavailable', '1']);
      expect(ms).toBeLessThan(BUDGET_MS + SLACK_MS);
    }
    // The lock is still held: what runs was ended at the server, and others have the connections.
    expect((await ask('POST', '/api/admin/users', { name: 'meanwhile' })).status).toBe(201);
    await expect.poll(waitingForLocks, { timeout: 10_000 }).toEqual([]);
    await letGo();
    expect((await ask('POST', '/api/admin/teams', { name: 'after' })).status).toBe(201);
    const [row] = await cluster.underneath<{ readonly n: number }>(
      url,
      `select count(*)::int as n from teams where name like 'stuck-%'`,
    );
    expect(row?.n).toBe(0);
  }, 60_000);

  it('F-22 F-21 is never a fault of the gateway nor of what is stored, whichever table it waits for', async () => {
    for (const name of TABLES) {
      const letGo = await lockTable(cluster, url, name);
      const told = await Promise.all([
        ask('GET', '/api/me'),
        ask('GET', '/api/admin/users'),
        ask('POST', '/api/admin/teams', { name: `team-${name}` }),
        ask('GET', '/api/admin/grants'),
        ask('GET', '/api/admin/federation/status'),
        ask('GET', '/api/resources/tasks'),
        ask('GET', '/api/query/tasks'),
      ]);
      await letGo();
      for (const { status, code, ms } of told) {
        expect([name, status < 300 ? 200 : status, code]).toEqual(
          status < 300 ? [name, 200, code] : [name, 503, 'database_unavailable'],
        );
        expect(ms).toBeLessThan(BUDGET_MS + SLACK_MS);
      }
    }
    expect((await ask('GET', '/api/admin/users')).status).toBe(200);
  }, 120_000);

  it('F-22 takes from one budget for several statements and a transaction, and only while it is a request', async () => {
    const storage = await openPostgresStorage({
      ...urlsOf(url),
      leaseSeconds: 0,
      requestTimeoutMs: BUDGET_MS,
      peerRequestTimeoutMs: 400,
      callScope: createCallScope(),
    });
    const letGo = await lockTable(cluster, url, 'users');
    const insert = (name: string) =>
      storage
        .transaction(({ users }) =>
          users.insert({ id: crypto.randomUUID(), name, isAdmin: false, createdAt: new Date() }),
        )
        .then(
          () => 'done',
          (error: { readonly code?: string }) => error.code,
        );
    const from = performance.now();
    let later: Promise<unknown> = Promise.resolve();
    const told = await storage.within('peer', async () => {
      const first = await insert('budget-1');
      const again = performance.now();
      const second = await insert('budget-2');
      // Nothing was left to wait for.
      expect(performance.now() - again).toBeLessThan(300);
      later = new Promise((resolve) => setTimeout(resolve, 50)).then(() => insert('budget-3'));
      return [first, second];
    });
    expect(told).toEqual(['database_unavailable', 'database_unavailable']);
    expect(performance.now() - from).toBeLessThan(400 + SLACK_MS);
    await expect.poll(waitingForLocks, { timeout: 10_000 }).toHaveLength(1);
    await letGo();
    // What a request has set going is bound by its own limits when the request was answered.
    expect(await later).toBe('done');
    await storage.close();
  }, 60_000);

  it('F-23 answers every read while sessions are ended again and again', async () => {
    const storage = await openPostgresStorage({ ...urlsOf(url), callScope: createCallScope() });
    const read = () =>
      storage
        .within('person', () => storage.stores.grants.byId(crypto.randomUUID()))
        .then(
          () => 'answered',
          (error: { readonly code?: string }) => error.code,
        );
    const told = new Set<string | undefined>();
    for (let round = 0; round < 15; round += 1) {
      await Promise.all(Array.from({ length: 6 }, read));
      const ending = cluster
        .underneath(
          url,
          `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'mosaic-federation'
           and pid <> pg_backend_pid() and query like '%federation_grants%'`,
        )
        .then(() => null);
      const isEnded = () => Promise.race([ending, Promise.all(Array.from({ length: 6 }, read))]);
      for (let now = await isEnded(); now !== null; now = await isEnded())
        for (const how of now) told.add(how);
    }
    expect([...told]).toEqual(['answered']);
    await storage.close();
  }, 60_000);
});
