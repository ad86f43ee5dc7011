import { constants } from 'node:crypto';
import { connect } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CertificateAuthority } from '../../../../ca/authority.ts';
import { dearChain } from '../../../../ca/testing/dear-chain.testkit.ts';
import { element, integer } from '../../../../ca/x509/der-write.ts';
import { TAG } from '../../../../ca/x509/der.ts';
import { toBase64 } from '../../../../ca/x509/pem.ts';
import { MosaicError } from '../../../../domain/errors.ts';
import type { PeerClient } from '../../../app/deps.ts';
import { createAuthority, issueClient } from '../front/front.testkit.ts';
import { createNodeTransport, type NodeTransport } from './transport.ts';
import { httpsServer, pinOf, tcpServer, type Watched } from './transport.testkit.ts';

const TIMEOUT_MS = 5_000;
/** Of this process's own CPU, both sides together; unbounded, what is below takes 150 to 1,700. */
const CHEAP_MS = 100;
let ca: CertificateAuthority;
let client: PeerClient;
let transport: NodeTransport;
const open: Watched[] = [];

const watched = async (server: Promise<Watched>): Promise<Watched> => {
  const made = await server;
  open.push(made);
  return made;
};

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    (error: unknown) => (error instanceof MosaicError ? error.code : String(error)),
  );

const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
};

const ok = (_request: unknown, response: { end(text: string): void }): void => response.end('{}');

/** Numbers for a Diffie-Hellman exchange, of as many bits as OpenSSL takes, of which none is a group that anybody knows. */
const dearGroup = (): string => {
  const prime = crypto.getRandomValues(new Uint8Array(1_250)).fill(0xff, 0, 1).fill(7, 1_249);
  const der = element(TAG.sequence, integer(prime), integer(Uint8Array.of(2)));
  return `-----BEGIN DH PARAMETERS-----\n${toBase64(der)}\n-----END DH PARAMETERS-----\n`;
};

beforeAll(async () => {
  ca = await createAuthority();
  transport = createNodeTransport({
    allowPrivateAddresses: true,
    allowLoopbackHttp: true,
    timeoutMs: TIMEOUT_MS,
  });
  const { cert, key } = await issueClient(ca);
  client = transport.connect({ caPem: await ca.rootPem(), certPem: cert, keyPem: key });
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

afterAll(() => transport.close());

describe('F-1 N-9 what a server brings to a handshake', () => {
  it.each([
    ['62 of RSA', 62, 'rsa', 'TLSv1.3'],
    ['62 of RSA', 62, 'rsa', 'TLSv1.2'],
    ['99 of P-521', 99, 'p521', 'TLSv1.3'],
  ] as const)(
    'a chain of %s is not verified, neither when asking nor when enrolling (%s %s %s)',
    async (_name, count, kind, maxVersion) => {
      const server = await watched(httpsServer(ca, ok, { ...(await dearChain(count, kind)), maxVersion }));
      const pin = await pinOf(ca);
      const before = cpuMs();
      expect(await codeOf(client.fetch(server.url))).toBe('peer_protocol');
      expect(await codeOf(transport.pinnedRoot(server.url, pin, TIMEOUT_MS))).toBe('peer_protocol');
      expect(cpuMs() - before).toBeLessThan(CHEAP_MS);
      expect(server.seen).toMatchObject({ connections: 2, requests: 0 });
      expect((await client.fetch((await watched(httpsServer(ca, ok))).url)).status).toBe(200);
    },
  );

  it('a Diffie-Hellman exchange of 10,000 bits is not made', async () => {
    const server = await watched(
      httpsServer(ca, ok, {
        ...(await dearChain(0, 'rsa', { isLeafRsa: true })),
        dhparam: dearGroup(),
        ciphers: 'DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0',
        maxVersion: 'TLSv1.2',
      }),
    );
    const pin = await pinOf(ca);
    const before = cpuMs();
    expect(await codeOf(client.fetch(server.url))).toBe('peer_unreachable');
    expect(await codeOf(transport.pinnedRoot(server.url, pin, TIMEOUT_MS))).toBe('peer_unreachable');
    expect(cpuMs() - before).toBeLessThan(CHEAP_MS);
    expect(server.seen).toMatchObject({ connections: 2, handshakes: 0 });
  });

  it('no second handshake follows, which would bring another chain', async () => {
    let handshakes = 0;
    const server = await watched(
      httpsServer(
        ca,
        ({ socket }, response) => {
          (socket as TLSSocket).on('secure', () => (handshakes += 1)).renegotiate({}, () => undefined);
          socket.once('close', () => response.destroy());
        },
        { maxVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_TICKET },
      ),
    );
    expect(await codeOf(client.fetch(server.url, { method: 'POST' }))).toBe('peer_unreachable');
    expect(handshakes).toBe(0);
  });

  it('a server that breaks off anywhere was not reached, and leaves nothing behind', async () => {
    const server = await watched(httpsServer(ca, ok));
    const pin = await pinOf(ca);
    for (let octets = 0; octets < 3_000; octets += 97) {
      const cut = await watched(
        tcpServer((from) => {
          const to = connect({ host: '127.0.0.1', port: server.port });
          let left = octets;
          to.on('data', (chunk) => {
            from.write(chunk.subarray(0, left));
            left = Math.max(0, left - chunk.length);
            if (left === 0) from.end();
          });
          to.on('error', () => from.destroy()).on('close', () => from.destroy());
          from.on('close', () => to.destroy()).pipe(to);
        }),
      );
      const codes = await Promise.all([
        codeOf(client.fetch(cut.url)),
        codeOf(transport.pinnedRoot(cut.url, pin, TIMEOUT_MS)),
      ]);
      // What is needed for a pin comes before the end of what is needed for an answer.
      expect(['peer_unreachable', 'none']).toContain(codes[1]);
      if (octets < 700) expect(codes).toEqual(['peer_unreachable', 'peer_unreachable']);
      await cut.close();
    }
    expect((await client.fetch(server.url)).status).toBe(200);
  });
});
