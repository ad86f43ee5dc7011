import { createServer as createHttpServer } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CertificateAuthority } from '../../../../ca/authority.ts';
import { MosaicError } from '../../../../domain/errors.ts';
import { callPeer } from '../../../outbound/client/call.ts';
import type { PeerClient } from '../../../app/deps.ts';
import { createAuthority, issueClient, type ClientCertificate } from '../front/front.testkit.ts';
import { listenTcp } from '../http/listen.ts';
import { createNodeTransport, type NodeTransport } from './transport.ts';
import { httpsServer, pinOf, tcpServer, type Watched } from './transport.testkit.ts';

const TIMEOUT_MS = 600;
let ca: CertificateAuthority;
let rogue: CertificateAuthority;
let mine: ClientCertificate;
let transport: NodeTransport;
const open: Watched[] = [];

const watched = async (server: Promise<Watched>): Promise<Watched> => {
  const made = await server;
  open.push(made);
  return made;
};

const transportWith = (over: Partial<Parameters<typeof createNodeTransport>[0]> = {}): NodeTransport =>
  createNodeTransport({
    allowPrivateAddresses: true,
    allowLoopbackHttp: true,
    timeoutMs: TIMEOUT_MS,
    ...over,
  });

const clientFor = async (
  authority: CertificateAuthority,
  over: NodeTransport = transport,
): Promise<PeerClient> =>
  over.connect({ caPem: await authority.rootPem(), certPem: mine.cert, keyPem: mine.key });

const failure = async (work: Promise<unknown>): Promise<MosaicError> => {
  const thrown: unknown = await work.then(
    () => null,
    (error: unknown) => error,
  );
  if (thrown instanceof MosaicError) return thrown;
  throw new Error('expected a MosaicError', { cause: thrown });
};

const codeOf = async (work: Promise<unknown>): Promise<string> => (await failure(work)).code;

const ok = (_request: unknown, response: { end(text: string): void }): void => response.end('{}');

beforeAll(async () => {
  [ca, rogue] = await Promise.all([createAuthority(), createAuthority()]);
  mine = await issueClient(ca);
  transport = transportWith();
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

afterAll(() => transport.close());

describe('mutual TLS', () => {
  it('presents the client certificate and keeps the connection', async () => {
    const authorized: unknown[] = [];
    const server = await watched(
      httpsServer(
        ca,
        (request, response) => {
          const socket = request.socket as TLSSocket;
          authorized.push([socket.authorized, socket.getProtocol(), socket.isSessionReused()]);
          response.end('{}');
        },
        { requestCert: true, rejectUnauthorized: true, ca: await ca.rootPem() },
      ),
    );
    const client = await clientFor(ca);
    expect(await (await client.fetch(server.url)).text()).toBe('{}');
    // The pool takes a moment to see that the connection is free again.
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await (await client.fetch(server.url)).text()).toBe('{}');
    expect(authorized).toEqual([
      [true, 'TLSv1.3', false],
      [true, 'TLSv1.3', false],
    ]);
    expect(server.seen.connections).toBe(1);
  });

  it('refuses a server of another authority before anything is sent, also one with the same name', async () => {
    const server = await watched(httpsServer(rogue, ok));
    const error = await failure((await clientFor(ca)).fetch(server.url));
    expect([error.code, error.detail]).toEqual([
      'peer_unreachable',
      expect.stringContaining('certificate was not accepted'),
    ]);
    expect(server.seen).toMatchObject({ requests: 0, octets: 0 });
  });

  it('refuses a certificate for another host', async () => {
    const server = await watched(httpsServer(ca, ok, { hosts: ['other.example'] }));
    const error = await failure((await clientFor(ca)).fetch(server.url));
    expect([error.code, error.detail]).toEqual([
      'peer_unreachable',
      expect.stringContaining('ERR_TLS_CERT_ALTNAME_INVALID'),
    ]);
    expect(server.seen.requests).toBe(0);
  });

  it('takes a host name only when the certificate has it', async () => {
    const resolve = async () => [{ address: '127.0.0.1', family: 4 }];
    const over = transportWith({ resolve });
    const server = await watched(httpsServer(ca, ok, { hosts: ['peer.example'] }));
    const client = await clientFor(ca, over);
    expect((await client.fetch(`https://peer.example:${server.port}/`)).status).toBe(200);
    expect(await codeOf(client.fetch(`https://wrong.example:${server.port}/`))).toBe('peer_unreachable');
    await over.close();
  });

  it('refuses TLS below 1.2', async () => {
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' } as const;
    const server = await watched(httpsServer(ca, ok, old));
    expect(await codeOf((await clientFor(ca)).fetch(server.url))).toBe('peer_unreachable');
    expect(server.seen.handshakes).toBe(0);
  });
});

describe('pinned root', () => {
  it('is found in the presented chain with nothing sent, and then verifies the server', async () => {
    const server = await watched(httpsServer(ca, ok));
    const root = await transport.pinnedRoot(
      `${server.url}/enrollment/v1/redeem`,
      await pinOf(ca),
      TIMEOUT_MS,
    );
    expect(server.seen).toMatchObject({ connections: 1, requests: 0, octets: 0 });
    const client = transport.anonymous(root);
    expect((await client.fetch(server.url, { method: 'POST', body: '{}' })).status).toBe(200);
    await client.close();
  });

  it('a wrong pin is refused before anything is sent', async () => {
    const server = await watched(httpsServer(ca, ok));
    expect(await codeOf(transport.pinnedRoot(server.url, await pinOf(rogue), TIMEOUT_MS))).toBe(
      'ca_pin_mismatch',
    );
    expect(await codeOf(transport.pinnedRoot(server.url, '0'.repeat(64), TIMEOUT_MS))).toBe(
      'ca_pin_mismatch',
    );
    expect(server.seen).toMatchObject({ connections: 2, requests: 0, octets: 0 });
  });

  it('a server that only shows the pinned root beside its own chain gets nothing', async () => {
    const genuine = await ca.rootPem();
    // The rogue leaf, and then the root that it is not signed by.
    const probe = await watched(httpsServer(rogue, ok, { ca: genuine }));
    const server = await watched(httpsServer(rogue, ok));
    for (const { url } of [probe, server]) {
      await transport.pinnedRoot(url, await pinOf(ca), TIMEOUT_MS).catch(() => undefined);
      expect(await codeOf(transport.anonymous(genuine).fetch(url, { method: 'POST', body: 'token' }))).toBe(
        'ca_pin_mismatch',
      );
    }
    for (const { seen } of [probe, server]) expect(seen).toMatchObject({ requests: 0, octets: 0 });
  });

  it('is bounded in time and says what it met', async () => {
    const mute = await watched(tcpServer(() => undefined));
    const start = performance.now();
    expect(await codeOf(transport.pinnedRoot(mute.url, '0'.repeat(64), 200))).toBe('peer_timeout');
    expect(performance.now() - start).toBeLessThan(1_500);
    const noisy = await watched(tcpServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    expect(await codeOf(transport.pinnedRoot(noisy.url, '0'.repeat(64), 1_000))).toBe('peer_unreachable');
    await noisy.close();
    expect(await codeOf(transport.pinnedRoot(noisy.url, '0'.repeat(64), 1_000))).toBe('peer_unreachable');
    expect(await codeOf(transport.pinnedRoot('http://127.0.0.1:1/', '0'.repeat(64), 1_000))).toBe(
      'address_refused',
    );
  });
});

describe('servers that misbehave', () => {
  it('redirects are not followed', async () => {
    const target = await watched(httpsServer(ca, ok));
    const server = await watched(
      httpsServer(ca, (_request, response) => response.writeHead(302, { location: target.url }).end()),
    );
    expect((await (await clientFor(ca)).fetch(server.url)).status).toBe(302);
    expect(target.seen.connections).toBe(0);
  });

  it('X-56 a reset is unreachable; a GET is tried once more, a POST is not', async () => {
    const server = await watched(httpsServer(ca, (request) => request.socket.destroy()));
    const client = await clientFor(ca);
    expect(await codeOf(client.fetch(server.url))).toBe('peer_unreachable');
    expect(server.seen.requests).toBe(2);
    expect(await codeOf(client.fetch(server.url, { method: 'POST', body: '{}' }))).toBe('peer_unreachable');
    expect(server.seen.requests).toBe(3);
  });

  it('a server that closes its idle connections loses no call', async () => {
    let served = 0;
    const server = await watched(
      httpsServer(ca, (request, response) => {
        served += 1;
        if (served === 2) request.socket.destroy();
        else response.end('{}');
      }),
    );
    const client = await clientFor(ca);
    await (await client.fetch(server.url)).text();
    expect((await client.fetch(server.url)).status).toBe(200);
  });

  it('one that drops every connection that is used again loses no call either, nor one that is sent once only', async () => {
    const used = new WeakSet<object>();
    const sent: string[] = [];
    const server = await watched(
      httpsServer(ca, (request, response) => {
        if (used.has(request.socket)) return request.socket.destroy();
        used.add(request.socket);
        sent.push(request.method ?? '');
        // Long enough for three connections beside each other.
        return setTimeout(() => response.end('{}'), 50);
      }),
    );
    const client = await clientFor(ca);
    const idle = Array.from({ length: 3 }, async () => (await client.fetch(server.url)).text());
    await Promise.all(idle);
    expect(server.seen.connections).toBe(3);
    expect((await client.fetch(server.url)).status).toBe(200);
    expect((await client.fetch(server.url, { method: 'POST', body: '{}' })).status).toBe(200);
    expect((await client.fetch(server.url, { method: 'POST', body: '{}' })).status).toBe(200);
    expect(sent).toEqual(['GET', 'GET', 'GET', 'GET', 'POST', 'POST']);
  });

  it('one that never answers, or never finishes the handshake, ends in a timeout', async () => {
    const hung = await watched(httpsServer(ca, () => undefined));
    const mute = await watched(tcpServer(() => undefined));
    const client = await clientFor(ca);
    const start = performance.now();
    expect(await Promise.all([codeOf(client.fetch(hung.url)), codeOf(client.fetch(mute.url))])).toEqual([
      'peer_timeout',
      'peer_timeout',
    ]);
    expect(performance.now() - start).toBeLessThan(TIMEOUT_MS + 2_500);
  });

  it('a caller’s deadline wins over all of them, also within a body', async () => {
    const slow = await watched(
      httpsServer(ca, (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('{"items":[');
      }),
    );
    const start = performance.now();
    const call = { client: await clientFor(ca), url: slow.url, traceparent: 't', maxBytes: 1_000 };
    const result = await callPeer({ ...call, signal: AbortSignal.timeout(100) }, (json) => json);
    expect(result).toMatchObject({ ok: false, error: { code: 'peer_timeout' } });
    expect(performance.now() - start).toBeLessThan(TIMEOUT_MS);
  });

  it('X-61 huge and compressed answers are cut off', async () => {
    const bomb = gzipSync(new Uint8Array(20_000_000).fill(0x20));
    const server = await watched(
      httpsServer(ca, (request, response) => {
        const isBomb = request.url === '/bomb';
        response.writeHead(200, {
          'content-type': 'application/json',
          ...(isBomb ? { 'content-encoding': 'gzip' } : {}),
        });
        if (isBomb) return response.end(bomb);
        const more = (): void => {
          while (response.writable && response.write('x'.repeat(65_536))) {
            // as fast as it is read
          }
          response.once('drain', more);
        };
        return more();
      }),
    );
    const client = await clientFor(ca);
    for (const path of ['/bomb', '/endless']) {
      const call = {
        client,
        url: server.url + path,
        traceparent: 't',
        maxBytes: 100_000,
        signal: AbortSignal.timeout(5_000),
      };
      expect(await callPeer(call, (json) => json)).toMatchObject({
        error: { code: 'peer_protocol', tooLarge: true },
      });
    }
  });

  it('X-61 a few answers of 1xx are passed over, a flood of them is cut off', async () => {
    const server = await watched(
      httpsServer(ca, (request, response) => {
        let left = request.url === '/few' ? 5 : Infinity;
        const more = (): void => {
          for (let n = 0; n < 100 && left > 0; n += 1, left -= 1) response.writeProcessing();
          if (left === 0) response.end('{}');
          else if (!response.destroyed) setImmediate(more);
        };
        more();
      }),
    );
    const client = await clientFor(ca);
    expect((await client.fetch(`${server.url}/few`)).status).toBe(200);
    const signal = AbortSignal.timeout(2_000);
    expect(await codeOf(client.fetch(`${server.url}/many`, { signal }))).toBe('peer_protocol');
  });
});

describe('X-63 nothing is connected', () => {
  const publicOnly = (
    resolve?: () => Promise<readonly { address: string; family: number }[]>,
  ): NodeTransport =>
    transportWith({ allowPrivateAddresses: false, ...(resolve === undefined ? {} : { resolve }) });

  it.each([
    ['an address', (port: number) => `https://127.0.0.1:${port}/`],
    ['a decimal address', (port: number) => `https://2130706433:${port}/`],
    ['an octal address', (port: number) => `https://0177.0.0.1:${port}/`],
    ['a hexadecimal address', (port: number) => `https://0x7f.1:${port}/`],
    ['a mapped address', (port: number) => `https://[::ffff:127.0.0.1]:${port}/`],
    ['localhost', (port: number) => `https://localhost:${port}/`],
    ['a user', (port: number) => `https://user@peer.example:${port}/`],
    ['a file', () => 'file:///etc/passwd'],
    ['a name that leads home', (port: number) => `https://peer.example:${port}/`],
  ])('to %s', async (_what, urlFor) => {
    const server = await watched(httpsServer(ca, ok));
    const url = urlFor(server.port);
    const over = publicOnly(async () => [{ address: '127.0.0.1', family: 4 }]);
    const client = await clientFor(ca, over);
    expect(await codeOf(over.assertAddressAllowed(url))).toBe('address_refused');
    expect(await codeOf(over.pinnedRoot(url, await pinOf(ca), TIMEOUT_MS))).toBe('address_refused');
    expect(await codeOf(client.fetch(url))).toBe('address_refused');
    expect(server.seen.connections).toBe(0);
    await over.close();
  });

  it('to a name that changes its mind between check and connection', async () => {
    const server = await watched(httpsServer(ca, ok));
    let asked = 0;
    const over = publicOnly(async () => {
      asked += 1;
      return [{ address: asked === 1 ? '93.184.216.34' : '127.0.0.1', family: 4 }];
    });
    const url = `https://peer.example:${server.port}/`;
    await over.assertAddressAllowed(url);
    expect(await codeOf((await clientFor(ca, over)).fetch(url))).toBe('address_refused');
    expect([asked, server.seen.connections]).toEqual([2, 0]);
    await over.close();
  });

  it('with the system’s own resolver to localhost', async () => {
    const over = publicOnly();
    expect(await codeOf(over.assertAddressAllowed('https://localhost/'))).toBe('address_refused');
  });
});

describe('plain HTTP', () => {
  it('is for an enrollment on loopback only, and only when configured', async () => {
    const server = createHttpServer((_request, response) => response.end('{}'));
    const port = await listenTcp(server, '127.0.0.1', 0, 'test');
    const url = `http://127.0.0.1:${port}/`;
    const over = transportWith({ allowPrivateAddresses: false });
    const client = over.anonymous(null);
    expect((await client.fetch(url)).status).toBe(200);
    await over.assertAddressAllowed(url);
    expect(await codeOf(client.fetch('http://10.0.0.1/'))).toBe('address_refused');
    expect(await codeOf(client.fetch(`https://127.0.0.1:${port}/`))).toBe('address_refused');
    expect(await codeOf((await clientFor(ca)).fetch(url))).toBe('address_refused');
    await over.close();
    const strict = transportWith({ allowLoopbackHttp: false });
    expect(() => strict.anonymous(null)).toThrow(MosaicError);
    expect(await codeOf(strict.assertAddressAllowed(url))).toBe('address_refused');
    await new Promise((resolve) => server.close(resolve));
  });
});
