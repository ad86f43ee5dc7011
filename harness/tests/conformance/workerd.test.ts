import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verdictParts } from '../../../domain/peers/certificate-verdict.ts';
import { bundleWorker } from './bundle.ts';
import { conformanceSuite } from './suite.ts';
import { openWorkerdGateway, type WorkerGateway } from './workerd-gateway.ts';

conformanceSuite('workerd, Postgres by Hyperdrive', () => openWorkerdGateway());
conformanceSuite('workerd, Postgres by its own sockets', () => openWorkerdGateway({ database: 'address' }));

describe('workerd: what the edge says of a certificate', () => {
  let gateway: WorkerGateway;
  beforeAll(async () => {
    gateway = await openWorkerdGateway();
  }, 120_000);
  afterAll(() => gateway?.stop());

  it.each([
    ['nothing at all', {}, 'certificate_required'],
    [
      'not verified',
      { certPresented: '1', certVerified: 'FAILED:self signed certificate', certRevoked: '0' },
      'certificate_untrusted',
    ],
    ['no verdict', { certPresented: '1' }, 'certificate_untrusted'],
    ['revoked', { certPresented: '1', certVerified: 'SUCCESS', certRevoked: '1' }, 'certificate_untrusted'],
    [
      'verified, but not handed over',
      { certPresented: '1', certVerified: 'SUCCESS', certRevoked: '0' },
      'certificate_invalid',
    ],
  ])('X-1 %s → 401', async (_name, auth, code) => {
    const answer = await gateway.withClientAuth(auth, '/federation/v1/tasks');
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ code });
  });

  it.each([
    ['certificate has expired', verdictParts('expired')],
    ['certificate is not yet valid', verdictParts('not_yet_valid')],
    ['self signed certificate', verdictParts('other_authority')],
  ])('F-56 %s: in the words of the other fronts', async (reason, parts) => {
    const auth = { certPresented: '1', certVerified: `FAILED:${reason}`, certRevoked: '0' };
    const answer = await gateway.withClientAuth(auth, '/federation/v1/tasks');
    expect(await answer.json()).toMatchObject({ code: 'certificate_untrusted', ...parts });
  });

  it('X-17 a certificate header of the client is not looked at', async () => {
    // Makes the root, which the first use does.
    expect((await gateway.publicFetch('/pki/root.pem')).status).toBe(200);
    const { certificate } = await gateway.forge([]);
    const headers = { 'client-cert': `:${certificate.replace(/-----[^-]+-----|\s/g, '')}:` };
    const answer = await gateway.withClientAuth({}, '/federation/v1/tasks', { headers });
    expect(await answer.json()).toMatchObject({ code: 'certificate_required' });
  });
});

describe('workerd: the bundle', () => {
  it('needs nothing of its host but what workerd has', async () => {
    const { external, inputs } = await bundleWorker();
    // What postgres.js's own build for Workers imports, and what knows which request a statement is of; workerd itself has all of it.
    expect(external).toEqual([
      'cloudflare:sockets',
      'node:async_hooks',
      'node:buffer',
      'node:events',
      'node:stream',
    ]);
    const foreign = inputs.filter((path) =>
      /runtimes\/(node|deno)\/|pglite|undici|pino|@hono\/node-server/.test(path),
    );
    expect(foreign).toEqual([]);
  });
});
