import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { makeTestDeps, type TestDeps } from '../../src/app/deps.testkit.ts';
import { createFederationApp, createPublicApp } from '../../src/app/app.ts';
import { callApp, sorted, type Answer } from '../testing/api.testkit.ts';
import { openssl, crlNumber } from '../../ca/testing/openssl.testkit.ts';
import { readCertificate } from '../../ca/x509/certificate.ts';
import { openCrl } from '../../ca/x509/crl-read.ts';
import { pemToDer } from '../../ca/x509/pem.ts';

let deps: TestDeps;
let get: (path: string) => Promise<Answer>;

beforeAll(async () => {
  deps = await makeTestDeps();
  const app = createPublicApp(deps);
  get = (path) => callApp(app, path);
});
afterAll(() => deps.close());

describe('health and readiness', () => {
  it('says the process lives', async () => {
    const answer = await get('/health');
    expect([answer.status, answer.body]).toEqual([200, { status: 'ok' }]);
  });

  it('tells each service’s state', async () => {
    const answer = await get('/ready');
    expect(answer.status).toBe(200);
    const ok = { status: 'ok', latency_ms: expect.any(Number) as number };
    expect(answer.body).toEqual({
      status: 'ready',
      health: 'green',
      findings: [],
      services: { database: ok, kv: ok, ca: ok },
      revocations: 'current',
    });
  });

  it('H-8 is degraded, and answers in time, while the authority hangs: reading needs none', async () => {
    const ca = { ...deps.ca, ping: () => new Promise<never>(() => {}) };
    const answer = await callApp(createPublicApp({ ...deps, ca }), '/ready');
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      status: 'degraded',
      services: { database: { status: 'ok' }, ca: { status: 'unreachable' } },
    });
  });

  it('X-60 a hundred who ask at once cost each service one look', async () => {
    const ping = vi.spyOn(deps.storage, 'ping');
    const answers = await Promise.all(Array.from({ length: 100 }, () => get('/ready')));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(ping).toHaveBeenCalledTimes(1);
    await get('/ready');
    expect(ping).toHaveBeenCalledTimes(2);
  });
});

const readsSerial = async (pem: string, rootPem: string, serial: string): Promise<boolean> => {
  const [der, root] = [pemToDer(pem, 'X509 CRL'), pemToDer(rootPem, 'CERTIFICATE')];
  const issuer = root.ok ? readCertificate(root.value) : root;
  if (!der.ok || !issuer.ok) throw new Error('not readable');
  const list = await openCrl(der.value, issuer.value);
  return list.ok && list.value.revokes(serial);
};

describe('public key material', () => {
  it('is the root certificate and the revocation list', async () => {
    const root = await get('/pki/root.pem');
    expect(root.headers.get('content-type')).toBe('application/x-pem-file');
    expect(new X509Certificate(root.text).ca).toBe(true);
    expect(root.text.match(/BEGIN/g)).toHaveLength(1);

    const pem = await get('/pki/crl?format=pem');
    expect(pem.text).toContain('BEGIN X509 CRL');
    const der = await createPublicApp(deps).request('/pki/crl');
    expect(der.headers.get('content-type')).toBe('application/pkix-crl');
    const body = pem.text.replaceAll(/-----[^-]+-----|\s/g, '');
    expect(Buffer.from(await der.arrayBuffer()).toString('base64')).toBe(body);
    expect((await get('/pki/crl?format=xml')).status).toBe(400);
  });

  it('M6-3 the list it serves is signed by the root, for OpenSSL, has the revoked serial and a rising number', async () => {
    const root = (await get('/pki/root.pem')).text;
    const before = (await get('/pki/crl?format=pem')).text;
    const serial = 'a1b2c3d4e5f60718';
    await deps.ca.revoke(serial, 'cessation_of_operation', deps.clock.now());
    const after = (await get('/pki/crl?format=pem')).text;
    const command = ['crl', '-in', '@crl', '-noout', '-verify', '-CAfile', '@root'];
    expect((await openssl(command, { crl: after, root })).text).toContain('verify OK');
    expect(await readsSerial(before, root, serial)).toBe(false);
    expect(await readsSerial(after, root, serial)).toBe(true);
    expect(await crlNumber(after)).toBeGreaterThan(await crlNumber(before));
  });
});

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const methodsOf = (item: object): readonly string[] =>
  Object.keys(item).filter((key) => METHODS.includes(key));

describe('the document of the API', () => {
  it('is OpenAPI 3.1 whose references all resolve', async () => {
    const { body, text } = await get('/openapi.json');
    expect(body['openapi']).toBe('3.1.0');
    const schemas = (body['components'] as { schemas: object }).schemas;
    const names = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) =>
      ref?.replace('#/components/schemas/', ''),
    );
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) expect(Object.keys(schemas)).toContain(name);
    expect(Object.keys(schemas)).toEqual(
      expect.arrayContaining(['APIKey', 'Credential', 'Problem', 'Task', 'User']),
    );
  });

  it('describes every route with its answers, and never a secret in one', async () => {
    const { body } = await get('/openapi.json');
    const paths = body['paths'] as Record<string, Record<string, Record<string, unknown>>>;
    const app = createPublicApp(deps);
    const federation = createFederationApp(deps, () => null);
    const served = new Set(
      [...app.routes, ...federation.routes]
        .filter(({ method }) => method !== 'ALL')
        // What a parameter may be is no part of the documented path.
        .map(({ method, path }) => `${method} ${path.replaceAll(/\{[^}]*\}/g, '')}`),
    );
    const documented = Object.entries(paths).flatMap(([path, item]) =>
      methodsOf(item).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
    );
    expect(sorted(documented)).toEqual(sorted(served));
    for (const item of Object.values(paths)) {
      for (const operation of methodsOf(item).map((method) => item[method] ?? {})) {
        const responses = Object.keys(operation['responses'] as object);
        expect(responses.some((status) => status.startsWith('2'))).toBe(true);
        expect(responses).toContain('500');
        expect(JSON.stringify(operation['responses'])).not.toContain('secret');
        if (JSON.stringify(operation['security']) !== '[]') expect(responses).toContain('401');
      }
    }
  });

  it('X-77 is a page without script and inline style, under a strict policy', async () => {
    const page = await get('/docs');
    expect(page.status).toBe(200);
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("style-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe-inline');
    expect(page.text).not.toMatch(/<script|<style|\sstyle=|\son\w+=/i);
    expect(page.text).toContain('/api/resources/tasks/{id}');
    const style = await get('/docs/style.css');
    expect(style.headers.get('content-type')).toContain('text/css');
    expect(style.headers.get('x-content-type-options')).toBe('nosniff');
  });
});

describe('a gateway whose database is gone', () => {
  it('is alive, not ready, and tells no secret', async () => {
    const lost = await makeTestDeps();
    const app = createPublicApp(lost);
    await lost.storage.close();
    const ready = await callApp(app, '/ready');
    expect(ready.status).toBe(503);
    expect(ready.body).toMatchObject({
      status: 'unavailable',
      // The embedded authority lives in the database.
      services: {
        database: { status: 'unreachable' },
        kv: { status: 'ok' },
        ca: { status: 'unreachable' },
      },
    });
    expect((await callApp(app, '/health')).status).toBe(200);
    const me = await callApp(app, '/api/me', { token: `mos_${'a'.repeat(43)}` });
    expect(me.status).toBe(503);
    expect(me.text).not.toMatch(/select|PGlite|stack/i);
  });
});
