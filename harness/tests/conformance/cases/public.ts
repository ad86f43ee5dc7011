import { describe, expect, it } from 'vitest';
import { expectProblem, read } from '../client.ts';
import type { World } from './world.ts';

export const publicCases = (world: World) =>
  describe('public surface', () => {
    it('lives and is ready', async () => {
      expect(await world.ask(null, 'GET', '/health')).toMatchObject({ status: 200, body: { status: 'ok' } });
      const ready = await world.ask(null, 'GET', '/ready');
      expect(ready).toMatchObject({
        status: 200,
        body: { status: 'ready', services: { database: { status: 'ok' } } },
      });
    });

    it('sends its security headers with every answer', async () => {
      for (const path of ['/health', '/nowhere']) {
        const { headers } = await world.ask(null, 'GET', path);
        expect(headers.get('x-content-type-options')).toBe('nosniff');
        expect(headers.get('cache-control')).toBe('no-store');
      }
    });

    it('answers unknown addresses and methods as problems, with the caller’s trace id', async () => {
      const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
      const headers = { traceparent: `00-${trace}-00f067aa0ba902b7-01` };
      const absent = await read(await world.gateway.publicFetch('/nowhere', { headers }));
      expectProblem(absent, 404, 'not_found');
      expect(absent.body.trace_id).toBe(trace);
      const wrong = await world.ask(null, 'POST', '/health');
      expectProblem(wrong, 405, 'method_not_allowed');
      expect(wrong.headers.get('allow')).toContain('GET');
    });

    it('publishes root and revocation list', async () => {
      expect((await world.ask(null, 'GET', '/pki/root.pem')).text).toMatch(/^-----BEGIN CERTIFICATE-----/);
      expect((await world.ask(null, 'GET', '/pki/crl?format=pem')).text).toMatch(/^-----BEGIN X509 CRL-----/);
      const der = await world.gateway.publicFetch('/pki/crl');
      expect(der.headers.get('content-type')).toBe('application/pkix-crl');
      // DER of a SEQUENCE.
      expect(new Uint8Array(await der.arrayBuffer())[0]).toBe(0x30);
    });

    it('describes itself as OpenAPI 3.1, and as a page', async () => {
      const { body } = await world.ask(null, 'GET', '/openapi.json');
      expect(body.openapi).toMatch(/^3\.1\./);
      const paths = [
        '/health',
        '/api/bootstrap/setup',
        '/api/admin/grants',
        '/enrollment/v1/redeem',
        '/federation/v1/capabilities',
      ];
      expect(Object.keys(body.paths)).toEqual(expect.arrayContaining(paths));
      const page = await world.ask(null, 'GET', '/docs');
      expect(page.headers.get('content-type')).toMatch(/^text\/html/);
      expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    });
  });
