import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asking, type Ask, type Body as EdgeBody, type Person, setupBody } from '../conformance/client.ts';
import { openDenoGateway } from '../conformance/deno-gateway.ts';
import { entryOf, exportPeer, tlsOf, type ExportedPeer } from '../conformance/exported-peer.ts';
import { startEdgeServices, type EdgeServices } from '../conformance/services.ts';
import type { GatewayUnderTest } from '../conformance/under-test.ts';
import { openWorkerdGateway, type MutualTls, type WorkerGateway } from '../conformance/workerd-gateway.ts';
import { bootFederatedWorld, type FederatedWorld } from './federated-world.ts';
import { seedPeople, type Seeded } from './people.ts';
import { must } from './world.ts';

interface Impostor {
  readonly url: string;
  readonly certificatePem: string;
  readonly fingerprint: string;
  /** Requests that got as far as HTTP. */
  readonly requests: readonly string[];
  close(): void;
}

/** A server for the same host name, of an authority nobody pinned. */
const startImpostor = async (): Promise<Impostor> => {
  const folder = mkdtempSync(path.join(tmpdir(), 'mosaic-impostor-'));
  const [key, cert] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  execFileSync('openssl', ['req', '-x509', '-days', '1', ...ec, ...names, '-keyout', key, '-out', cert], {
    stdio: 'ignore',
  });
  const requests: string[] = [];
  const tls = { key: readFileSync(key), cert: readFileSync(cert) };
  const server = https.createServer(tls, (request, response) => {
    requests.push(request.url ?? '');
    response.setHeader('content-type', 'application/json').end('{"items":[],"next_cursor":null}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const print = execFileSync('openssl', ['x509', '-in', cert, '-noout', '-fingerprint', '-sha256'], {
    encoding: 'utf8',
  });
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    certificatePem: readFileSync(cert, 'utf8'),
    fingerprint: print
      .slice(print.indexOf('=') + 1)
      .replaceAll(':', '')
      .trim()
      .toLowerCase(),
    requests,
    close: () => {
      server.close();
      server.closeAllConnections();
      rmSync(folder, { recursive: true });
    },
  };
};

describe('Deno and workerd ask a gateway behind nginx: step-ca, Postgres, mutual TLS', () => {
  let world: FederatedWorld;
  let seeded: Seeded;
  let services: EdgeServices;
  const folder = mkdtempSync(path.join(tmpdir(), 'mosaic-edge-peers-'));
  let deno: GatewayUnderTest;
  let impostor: Impostor;
  let admin: Person;
  let sql: postgres.Sql;
  let alices: ExportedPeer;
  let bobs: ExportedPeer;
  const workers: WorkerGateway[] = [];
  const QUERY = '/api/query/tasks?source=federated:work';

  const enrollAtDeno = async (subject: string, name: string): Promise<ExportedPeer> => {
    const scope = { resources: ['tasks'], max_rows_per_query: 100 };
    // Nothing kept: what a worker may not ask for must not come from what another was given.
    const body = { user: subject, peer: `edge-${name}`, scope, cache_ttl_seconds: 0 };
    const { enrollment } = await must(201, world.work, '/api/admin/grants', { body });
    const asked = { enrollment_url: enrollment.url, user: 'root', name };
    const added = await asking(deno)(admin, 'POST', '/api/admin/peers', asked);
    expect(added).toMatchObject({ status: 201, body: { first_call: { ok: true, gateway: 'work' } } });
    return exportPeer(services, added.body.id, path.join(folder, name));
  };

  const worker = async (bindings: object, peers: Record<string, MutualTls>): Promise<Ask> => {
    const env = { MOSAIC_PEER_BINDINGS: JSON.stringify(bindings) };
    const made = await openWorkerdGateway({ services, env, peers });
    workers.push(made);
    return asking(made);
  };
  const owners = (body: EdgeBody): readonly unknown[] =>
    body.items.map((item) => [item._source, (item as unknown as { owner_id: string }).owner_id]);
  const personal = (id: string): readonly unknown[] => [
    ['federated:work', id],
    ['federated:work', id],
  ];

  beforeAll(async () => {
    [world, services, impostor] = await Promise.all([
      bootFederatedWorld(),
      startEdgeServices(),
      startImpostor(),
    ]);
    seeded = await seedPeople(world, 'edge-');
    deno = await openDenoGateway({ services, env: { FEDERATION_ALLOW_PRIVATE_ADDRESSES: 'true' } });
    const made = await asking(deno)(null, 'POST', '/api/bootstrap/setup', setupBody(deno, 'root'));
    admin = { id: made.body.user.id, token: made.body.token.text };
    sql = postgres(services.databaseMaintenanceUrl, { max: 1, onnotice: () => undefined });
    alices = await enrollAtDeno(seeded.alice.name, 'work');
    bobs = await enrollAtDeno(seeded.bob.name, 'bob');
  }, 120_000);
  afterAll(async () => {
    await Promise.all(workers.map((one) => one.stop()));
    await deno?.stop();
    await sql?.end();
    await services?.stop();
    impostor?.close();
    await world?.close();
    rmSync(folder, { recursive: true });
  }, 60_000);

  it('from Deno: the subject’s rows of B, through its front', async () => {
    const { status, body } = await asking(deno)(admin, 'GET', QUERY);
    expect([status, owners(body)]).toEqual([200, personal(seeded.alice.id)]);
  });

  it('from workerd: the same rows, by the binding that was declared for the grant', async () => {
    const bindings = { ...entryOf(alices, 'PEER_WORK'), ...entryOf(bobs, 'PEER_BOB') };
    const ask = await worker(bindings, { PEER_WORK: tlsOf(alices), PEER_BOB: tlsOf(bobs) });
    const mine = await ask(admin, 'GET', QUERY);
    expect([mine.status, owners(mine.body)]).toEqual([200, personal(seeded.alice.id)]);
    const other = await ask(admin, 'GET', '/api/query/tasks?source=federated:bob');
    expect([other.status, owners(other.body)]).toEqual([200, [['federated:bob', seeded.bob.id]]]);
  });

  it('every export of a key is in the audit log', async () => {
    const { text } = await asking(deno)(admin, 'GET', '/api/admin/audit');
    const { items } = JSON.parse(text) as { items: readonly { action: string }[] };
    expect(items.filter(({ action }) => action === 'peer.export')).toHaveLength(2);
  });

  it('from workerd without a binding: says which entry is missing', async () => {
    const ask = await worker({}, {});
    const { text } = await ask(admin, 'GET', QUERY);
    expect(text).toContain(`MOSAIC_PEER_BINDINGS has no entry for grant ${alices.grantId}.`);
    const absent = await worker(entryOf(alices, 'PEER_WORK'), {});
    expect((await absent(admin, 'GET', QUERY)).text).toContain('This deployment has no binding PEER_WORK.');
  });

  it('from workerd with another grant’s certificate in the binding: not one row of the other person', async () => {
    const ask = await worker(entryOf(alices, 'PEER_WORK'), { PEER_WORK: tlsOf(bobs) });
    const { text, body } = await ask(admin, 'GET', QUERY);
    expect(text).toContain('presents the certificate of another grant');
    expect(body.items ?? []).toEqual([]);
    expect(text).not.toContain(seeded.bob.id);
  });

  describe('a B of a foreign authority at the peer’s address', () => {
    beforeAll(async () => {
      await sql`update federation_peers set federation_url = ${impostor.url} where id is not null`;
    });

    it('is refused from Deno, and not one request reaches it', async () => {
      const { body, text } = await asking(deno)(admin, 'GET', QUERY);
      expect(text).toContain('peer_unreachable');
      expect(body.items ?? []).toEqual([]);
      expect(impostor.requests).toEqual([]);
    });

    it('is refused from workerd, and not one request reaches it', async () => {
      const ask = await worker(entryOf(alices, 'PEER_WORK'), { PEER_WORK: tlsOf(alices) });
      const { body, text } = await ask(admin, 'GET', QUERY);
      expect(text).toContain('peer_unreachable');
      expect(body.items ?? []).toEqual([]);
      expect(impostor.requests).toEqual([]);
    });

    it('is refused from workerd when the binding was made for the foreign authority', async () => {
      const foreign = { ...tlsOf(alices), rootPem: impostor.certificatePem };
      const declared = entryOf({ ...alices, caFingerprint: impostor.fingerprint }, 'PEER_WORK');
      const ask = await worker(declared, { PEER_WORK: foreign });
      const { text } = await ask(admin, 'GET', QUERY);
      expect(text).toContain('is for another authority than the one this peer is pinned to');
      expect(impostor.requests).toEqual([]);
    });
  });

  it('enrolling with a foreign authority’s fingerprint spends no token', async () => {
    const scope = { resources: ['tasks'], max_rows_per_query: 5 };
    const body = { user: seeded.carol.name, peer: 'edge-foreign', scope };
    const { enrollment } = await must(201, world.work, '/api/admin/grants', { body });
    const url = enrollment.url.replace(/ca=sha256:[0-9a-f]{64}$/, `ca=sha256:${impostor.fingerprint}`);
    const add = (enrollment_url: string) =>
      asking(deno)(admin, 'POST', '/api/admin/peers', { enrollment_url, user: 'root', name: 'late' });
    expect(await add(url)).toMatchObject({ body: { code: 'ca_pin_mismatch' } });
    expect(await add(enrollment.url)).toMatchObject({ status: 201 });
  });
});
