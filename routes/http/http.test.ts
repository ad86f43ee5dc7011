import { describe as group, expect, it } from 'vitest';
import { MosaicError } from '../../domain/errors.ts';
import type { LogFields } from '../../domain/ports/basics.ts';
import { traceIdOf } from '../../domain/telemetry/traceparent.ts';
import { createBase, type BaseDeps } from './http.ts';

const SETTINGS: BaseDeps['settings'] = {
  gatewayName: 'test',
  federationUrl: 'https://127.0.0.1:1',
  enrollmentBaseUrl: 'https://127.0.0.1:1',
  leafLifetimeSeconds: 3_600,
  enrollmentTokenSeconds: 900,
  defaultRateLimitPerMinute: 60,
  allowPrivateAddresses: true,
  allowLoopbackHttp: true,
  peerTimeoutMs: 1_000,
  circuitFailures: 5,
  circuitCooldownMs: 10_000,
  peerRetries: 0,
  cacheTtlSeconds: 30,
  bodyLimitBytes: 1_000,
};
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const TRACEPARENT = `00-${TRACE}-00f067aa0ba902b7-01`;

const setUp = (surface: 'public' | 'federation' = 'public') => {
  const logged: { message: string; fields: LogFields | undefined }[] = [];
  const log = (message: string, fields?: LogFields): void => void logged.push({ message, fields });
  const deps: BaseDeps = {
    settings: SETTINGS,
    random: { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) },
    log: { debug: log, info: log, warn: log, error: log },
  };
  const app = createBase(deps, { surface });
  app.get('/things/:id', (c) => c.json({ trace: c.get('traceId') }));
  app.delete('/things/:id', (c) => c.body(null, 204));
  app.post('/echo', async (c) => c.text(await c.req.text()));
  app.get('/refuse', () => {
    throw new MosaicError('rate_limited', {
      retryAfterSeconds: 1.2,
      rateLimit: { policy: 'grant', limit: 60, windowSeconds: 60 },
    });
  });
  app.get('/login', () => {
    throw new MosaicError('unauthenticated');
  });
  app.get('/crash', () => {
    throw new Error('select secret from vault');
  });
  return { app, logged };
};

const problemOf = async (response: Response): Promise<Record<string, unknown>> => {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  return (await response.json()) as Record<string, unknown>;
};

group('createBase', () => {
  it('takes the trace id of a well-formed traceparent and makes one otherwise', async () => {
    const { app } = setUp();
    const given = await app.request('/things/1', { headers: { traceparent: TRACEPARENT } });
    expect(await given.json()).toEqual({ trace: TRACE });
    const made = (await (await app.request('/things/1')).json()) as { trace: string };
    expect(made.trace).toMatch(/^[0-9a-f]{32}$/);
  });

  it.each(['', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, `ff-${TRACE}-00f067aa0ba902b7-01`, TRACE])(
    'ignores the malformed traceparent %j',
    (header) => expect(traceIdOf(header)).toBeNull(),
  );

  it('sends security headers with answers, refusals and crashes alike', async () => {
    const { app } = setUp();
    for (const path of ['/things/1', '/refuse', '/crash', '/nowhere']) {
      const { headers } = await app.request(path);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    }
  });

  it('answers an unknown address as a problem with the trace id', async () => {
    const response = await setUp().app.request('/nowhere', { headers: { traceparent: TRACEPARENT } });
    expect(response.status).toBe(404);
    expect(await problemOf(response)).toMatchObject({ code: 'not_found', status: 404, trace_id: TRACE });
  });

  it('answers 405 with Allow where the address is known', async () => {
    const response = await setUp().app.request('/things/1', { method: 'PUT' });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('HEAD, GET, DELETE');
    expect(await problemOf(response)).toMatchObject({ code: 'method_not_allowed' });
  });

  it('rounds Retry-After up', async () => {
    const response = await setUp().app.request('/refuse');
    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toBe('2');
    expect(response.headers.get('ratelimit-policy')).toBe('"grant";q=60;w=60');
    expect(response.headers.get('ratelimit')).toBe('"grant";r=0;t=2');
    expect(await response.json()).toMatchObject({ limit: 60, window: 60, retry_after: 2 });
  });

  it('names the bearer scheme on the public surface only', async () => {
    expect((await setUp('public').app.request('/login')).headers.get('www-authenticate')).toContain('Bearer');
    expect((await setUp('federation').app.request('/login')).headers.get('www-authenticate')).toBeNull();
  });

  it('logs a crash and tells nothing of it', async () => {
    const { app, logged } = setUp();
    const response = await app.request('/crash');
    expect(response.status).toBe(500);
    const text = JSON.stringify(await problemOf(response));
    expect(text).toContain('internal');
    expect(text).not.toMatch(/vault|select|at /);
    expect(logged[0]?.fields?.['error']).toBeInstanceOf(Error);
  });

  it('X-61 refuses long addresses, many parameters, broken percent-encoding and large bodies', async () => {
    const { app } = setUp();
    expect((await app.request(`/things/${'x'.repeat(9_000)}`)).status).toBe(414);
    const many = Array.from({ length: 10_000 }, (_, index) => `a${index}`);
    expect((await app.request(`/things/1?${many.slice(0, 101).join('&')}`)).status).toBe(400);
    expect((await app.request(`/things/1?${many.slice(0, 100).join('&')}`)).status).toBe(200);
    expect((await app.request(`/things/1?${many.join('&')}`)).status).toBe(414);
    expect((await app.request('/things/%ff')).status).toBe(400);
    const large = await app.request('/echo', { method: 'POST', body: 'x'.repeat(1_001) });
    expect(large.status).toBe(413);
    expect(await problemOf(large)).toMatchObject({ code: 'payload_too_large' });
    expect((await app.request('/echo', { method: 'POST', body: 'x'.repeat(1_000) })).status).toBe(200);
  });

  it('X-61 refuses an oversized body that is streamed without a length', async () => {
    const chunk = new TextEncoder().encode('x'.repeat(400));
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent += 1;
        if (sent > 1_000) controller.close();
        else controller.enqueue(chunk);
      },
    });
    const request = new Request('http://gateway.test/echo', {
      method: 'POST',
      body,
      duplex: 'half',
    } as RequestInit);
    expect((await setUp().app.request(request)).status).toBe(413);
    expect(sent).toBeLessThan(20);
  });
});
