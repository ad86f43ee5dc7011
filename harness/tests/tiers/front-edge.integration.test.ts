import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verdictParts, type CertificateVerdict } from '../../../domain/peers/certificate-verdict.ts';
import { ERROR_CATALOGUE, MosaicError, toProblem, type ErrorCode } from '../../../domain/errors.ts';
import {
  createAuthority,
  issueClient,
  type ClientCertificate,
} from '../../../src/runtimes/node/front/front.testkit.ts';
import {
  openFrontEdge,
  problemOf,
  sendRaw,
  statusOf,
  type FrontEdge,
} from '../../devstack/components/front-edge.ts';

/** nginx writes its log out after a second. */
const FLUSHED = { timeout: 10_000 };
const CLOSE = 'Host: localhost\r\nConnection: close\r\n';
const get = (target: string, more = ''): string => `GET ${target} HTTP/1.1\r\n${CLOSE}${more}\r\n`;
const post = (target: string, bytes: number): string =>
  `POST ${target} HTTP/1.1\r\n${CLOSE}Content-Type: application/json\r\nContent-Length: ${bytes}\r\n\r\n${'a'.repeat(bytes)}`;

describe('the nginx that operators get', () => {
  const apart = { ms: 0 };
  const authorityClock = { now: () => new Date(Date.now() + apart.ms) };
  let edge: FrontEdge;
  let peer: ClientCertificate;
  beforeAll(async () => {
    edge = await openFrontEdge({ authorityClock, limits: { requests_per_connection: 100 } });
    peer = await edge.client();
  });
  afterAll(() => edge.close());

  const expectProblem = (answer: string, status: number, code: ErrorCode): void => {
    expect(statusOf(answer)).toBe(status);
    expect(answer).toMatch(/^content-type: application\/problem\+json\r$/im);
    const { title, remedy } = ERROR_CATALOGUE[code];
    expect(problemOf(answer)).toMatchObject({ status, code, title, remedy });
  };

  describe('F-3 bodies', () => {
    it.each([
      ['/api/bootstrap/setup', 32],
      ['/api/admin/users', 32],
      ['/enrollment/v1/redeem', 32],
      ['/api/resources/notes', 1_024],
    ])(
      '%s takes %d KB, and a byte more is 413 without the gateway hearing of it',
      async (target, kilobytes) => {
        expect(statusOf(await sendRaw(edge, 'public', post(target, kilobytes * 1_024)))).toBe(200);
        const before = edge.passed.length;
        expectProblem(
          await sendRaw(edge, 'public', post(target, kilobytes * 1_024 + 1)),
          413,
          'payload_too_large',
        );
        expect(edge.passed.length).toBe(before);
      },
    );

    it('a peer’s request takes 32 KB', async () => {
      const target = '/federation/v1/renew';
      expect(statusOf(await sendRaw(edge, 'federation', post(target, 32_768), peer))).toBe(200);
      expectProblem(await sendRaw(edge, 'federation', post(target, 32_769), peer), 413, 'payload_too_large');
    });
  });

  describe('F-41 what is not HTTP/1.1 as it should be', () => {
    const sides = [['public'], ['federation']] as const;
    const of = (side: 'public' | 'federation'): readonly [string, Partial<ClientCertificate>] =>
      side === 'public' ? ['/api/bootstrap/setup', {}] : ['/federation/v1/renew', peer];
    const chunked = (target: string, body: string): string =>
      `POST ${target} HTTP/1.1\r\n${CLOSE}Transfer-Encoding: chunked\r\n\r\n${body}`;

    it.each(sides)('HTTP/0.9 gets nothing on the %s side', async (side) => {
      const [target, client] = of(side);
      const before = edge.passed.length;
      const answer = await sendRaw(edge, side, `GET ${target}\r\n`, client).catch(() => '');
      expect(statusOf(answer)).toBe(0);
      expect(answer).not.toContain('"app"');
      expect(edge.passed.length).toBe(before);
    });

    it.each(sides)('chunked bodies are refused on the %s side, however they are framed', async (side) => {
      const [target, client] = of(side);
      const before = edge.passed.length;
      const bodies = {
        plain: '5\r\nhello\r\n0\r\n\r\n',
        'bare LF after the size': '5\nhello\r\n0\r\n\r\n',
        'bare LF everywhere': '5\nhello\n0\n\n',
        'an extension of 70 KB': `5;${'a'.repeat(70_000)}\r\nhello\r\n0\r\n\r\n`,
        'a request inside': '0\r\n\r\nGET /api/me HTTP/1.1\r\nHost: localhost\r\n\r\n',
      };
      for (const [name, body] of Object.entries(bodies)) {
        const answer = await sendRaw(edge, side, chunked(target, body), client);
        expect([name, statusOf(answer)]).toEqual([name, 411]);
        expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
      }
      expectProblem(await sendRaw(edge, side, chunked(target, bodies.plain), client), 411, 'invalid_request');
      expect(edge.passed.length).toBe(before);
    });

    it.each(sides)('two readings of where a body ends are 400 on the %s side', async (side) => {
      const [target, client] = of(side);
      const before = edge.passed.length;
      const heads = [
        'Content-Length: 5\r\nTransfer-Encoding: chunked',
        'Content-Length: 5\r\nContent-Length: 6',
        'Content-Length : 5',
        'Content-Length: +5',
        'Transfer-Encoding: gzip, chunked',
        'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
        'Host: other',
      ];
      for (const head of heads) {
        const text = `POST ${target} HTTP/1.1\r\n${CLOSE}${head}\r\n\r\nhello`;
        const answer = await sendRaw(edge, side, text, client);
        expect([head, statusOf(answer) >= 400 && statusOf(answer) < 500]).toEqual([head, true]);
      }
      expect(edge.passed.length).toBe(before);
    });

    it('what nginx reads leniently reaches the gateway framed anew: one request, with its length', async () => {
      const before = edge.passed.length;
      const text = `POST /api/bootstrap/setup HTTP/1.1\nHost: localhost\nConnection: close\nContent-Length: 5\n\nhello`;
      const answer = await sendRaw(edge, 'public', text);
      expect(statusOf(answer)).toBe(200);
      const [request, ...others] = edge.passed.slice(before);
      expect(others).toEqual([]);
      expect(request).toMatchObject({ path: '/api/bootstrap/setup', body: 'hello' });
      expect(request?.headers['content-length']).toBe('5');
      expect(request?.headers['transfer-encoding']).toBeUndefined();
    });

    it('what nginx refuses on its own is a problem document of the catalogue', async () => {
      expectProblem(await sendRaw(edge, 'public', 'nonsense\r\n\r\n'), 400, 'invalid_request');
      expectProblem(
        await sendRaw(edge, 'public', `TRACE / HTTP/1.1\r\n${CLOSE}\r\n`),
        405,
        'method_not_allowed',
      );
      expectProblem(await sendRaw(edge, 'public', get(`/${'a'.repeat(20_000)}`)), 414, 'uri_too_long');
      expectProblem(
        await sendRaw(edge, 'public', get('/', `X-Long: ${'a'.repeat(20_000)}\r\n`)),
        431,
        'invalid_request',
      );
      // F-57: a version of HTTP that nobody speaks, no host, and CONNECT. Of two hosts nginx 1.22 takes the first.
      const odd = [
        [`GET / HTTP/7.1\r\n${CLOSE}\r\n`, 505],
        ['GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
        [`CONNECT a:443 HTTP/1.1\r\n${CLOSE}\r\n`, 400],
      ] as const;
      for (const [request, status] of odd)
        expectProblem(await sendRaw(edge, 'public', request), status, 'invalid_request');
      expectProblem(await sendRaw(edge, 'public', get('/_problem/400')), 404, 'not_found');
      expectProblem(await sendRaw(edge, 'federation', get('/other'), peer), 404, 'not_found');
    });
  });

  describe('who is who', () => {
    it('F-36 X-17 every request is proven by the front, whatever the client sent', async () => {
      const before = edge.passed.length;
      const own = `Mosaic-Front-Proof: ${'0'.repeat(64)}\r\nmosaic_front_proof: x\r\nClient-Cert: :AAAA:\r\n`;
      for (const target of ['/api/me', '/api/resources/tasks', '/docs', '/pki/crl'])
        await sendRaw(edge, 'public', get(target, own));
      for (const target of ['/federation/v1/tasks', '/federation/v1/search?q=x', '/pki/crl'])
        await sendRaw(edge, 'federation', get(target, own), peer);
      const requests = edge.passed.slice(before);
      expect(requests).toHaveLength(7);
      for (const { headers } of requests)
        expect(edge.keeper.isProven(headers['mosaic-front-proof'] ?? '')).toBe(true);
      expect(
        requests.map(({ headers }) => (headers['client-cert']?.length ?? 0) > 100).filter(Boolean),
      ).toHaveLength(2);
      expect(edge.keeper.isProven('0'.repeat(64))).toBe(false);
    });

    it('F-9 without a certificate the peers’ side has the revocation list, and nothing else', async () => {
      const before = edge.passed.length;
      expect(statusOf(await sendRaw(edge, 'federation', get('/pki/crl?format=pem')))).toBe(200);
      expect(statusOf(await sendRaw(edge, 'federation', get('/pki/root.pem')))).toBe(200);
      const seen = edge.passed.slice(before);
      expect(seen.map(({ app, headers }) => [app, headers['client-cert'] ?? ''])).toEqual([
        ['public', ''],
        ['public', ''],
      ]);
      for (const target of [
        '/federation/v1/tasks',
        '/pki/crl/../../federation/v1/tasks',
        '/pki%2fcrl/../federation/v1/tasks',
        '/pki/crl/',
        '/pki/other',
        '/api/me',
        '/',
      ])
        expectProblem(await sendRaw(edge, 'federation', get(target)), 401, 'certificate_required');
      const stranger = await issueClient(await createAuthority());
      for (const target of ['/pki/crl', '/federation/v1/tasks'])
        expectProblem(await sendRaw(edge, 'federation', get(target), stranger), 401, 'certificate_untrusted');
      expect(edge.passed.length).toBe(before + 2);
    });

    it('F-56 a certificate that is not good is told why and what to do, in the words of the own front', async () => {
      const refusal = async (client: Pick<ClientCertificate, 'cert' | 'key'>) =>
        problemOf(await sendRaw(edge, 'federation', get('/federation/v1/tasks'), client));
      const says = async (client: Pick<ClientCertificate, 'cert' | 'key'>, verdict: CertificateVerdict) =>
        expect(await refusal(client)).toMatchObject(
          toProblem(new MosaicError('certificate_untrusted', verdictParts(verdict))),
        );
      const before = edge.passed.length;
      const hour = 3_600_000;
      const from = async (hours: number) => {
        apart.ms = hours * hour;
        try {
          return await issueClient(edge.ca, hour, authorityClock.now());
        } finally {
          apart.ms = 0;
        }
      };
      await says(await from(-2), 'expired');
      await says(await from(2), 'not_yet_valid');
      await says(await issueClient(await createAuthority()), 'other_authority');
      expect(edge.passed.length).toBe(before);
    });
  });

  describe('F-39 the logs', () => {
    const TOKEN = 'tokenCanary0123456789abcdefghijklmnopqrstuvwxyz';

    it('hold no token, no word and no control character of an address, and are lines of JSON', async () => {
      const targets = [
        `/enrollment/v1%23token=${TOKEN}`,
        `/enrollment/v1#token=${TOKEN}`,
        `/enrollment/v1?token=${TOKEN}`,
        `/enrollment/v1/${TOKEN}`,
        `/${TOKEN}`,
        `/api/query/tasks;${TOKEN}?q=${TOKEN}`,
        `/api/admin/users/${TOKEN}`,
        `/federation/v1/serach/${TOKEN}?q=${TOKEN}`,
        `/api//${TOKEN}/../../pki/${TOKEN}`,
        `/api/%9b31m%c2%9b%e2%80%a8%7f%ff%00${TOKEN}`,
        `/api/\u009b31m\u007f\u0085\u00ff\u00e2\u0080\u00a8${TOKEN}`,
        `http://${TOKEN}:${TOKEN}@localhost/api/${TOKEN}`,
      ];
      const clients = [
        ['public', {}],
        ['federation', peer],
        ['federation', {}],
      ] as const;
      for (const target of targets)
        for (const [side, client] of clients) {
          const bytes = Buffer.from(get(target, `X-Token: ${TOKEN}\r\nReferer: ${TOKEN}\r\n`), 'latin1');
          await sendRaw(edge, side, bytes, client).catch(() => '');
          await sendRaw(
            edge,
            side,
            Buffer.from(`\u009b${TOKEN} ${target} HTTP/1.1\r\n\r\n`, 'latin1'),
            client,
          );
        }
      // Of this nginx would say something in its error log.
      await sendRaw(edge, 'public', post(`/enrollment/v1/redeem?token=${TOKEN}`, 40_000));
      await sendRaw(edge, 'public', get('/health'));
      await expect
        .poll(() => edge.log('access').toString('latin1').includes('"/health"'), FLUSHED)
        .toBe(true);
      const decoder = new TextDecoder('utf-8', { fatal: true });
      for (const name of ['access', 'refused', 'error'] as const) {
        const bytes = edge.log(name);
        const text = decoder.decode(bytes);
        expect([name, text.includes('tokenCanary'), /[^\n\x20-\x7e]/.test(text)]).toEqual([
          name,
          false,
          false,
        ]);
        if (name === 'error') continue;
        const lines = text.split('\n').filter(Boolean);
        expect(lines.length).toBeGreaterThan(5);
        for (const line of lines)
          expect(JSON.parse(line)).toMatchObject({ method: expect.any(String) as string });
      }
    });

    it('F-39 a gateway that is away is in the log, and the request line is not', async () => {
      const other = await openFrontEdge();
      try {
        await other.stopReplica(0);
        const answer = await sendRaw(other, 'public', get(`/enrollment/v1/redeem?token=${TOKEN}`));
        expectProblem(answer, 503, 'unavailable');
        await expect.poll(() => other.log('access').toString(), FLUSHED).toContain('"upstream_status":"502"');
        expect(other.log('error').toString()).not.toContain(TOKEN);
        expect(other.log('access').toString()).toContain('"path":"/enrollment/v1/redeem","status":503');
      } finally {
        await other.close();
      }
    });
  });
});
