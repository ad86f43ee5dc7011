import type { IncomingMessage } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { connect } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { dearChain } from '../../../../ca/testing/dear-chain.testkit.ts';
import { createForger } from '../../../../ca/testing/forge.testkit.ts';
import {
  ask,
  codeOfAnswer,
  startFront,
  type ClientCertificate,
  type FrontUnderTest,
} from './front.testkit.ts';
import { cutAfter, dropwise, gathered, startLink, together, type Link } from './handshake-bound.testkit.ts';

const PATH = '/federation/v1/tasks';
/** Of this process's own CPU; unbounded, the chains below take 150 and 370. */
const CHEAP_MS = 100;
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
let under: FrontUnderTest | undefined;
const links: Link[] = [];

afterEach(async () => {
  await Promise.all(links.splice(0).map((link) => link.close()));
  under?.keeper.stop();
  await under?.front.stop(0);
  under = undefined;
});

const start = async (limits = {}): Promise<{ front: FrontUnderTest; mine: ClientCertificate }> => {
  under = await startFront(limits);
  return { front: under, mine: await under.clientCertificate() };
};

const linkTo = async (front: FrontUnderTest, sending: Parameters<typeof startLink>[1]) => {
  const link = await startLink(front.port, sending);
  links.push(link);
  return { ...front, port: link.port };
};

const outcome = (asked: Promise<{ readonly status: number }>): Promise<number | 'ended'> =>
  asked.then(
    ({ status }) => status,
    () => 'ended',
  );

const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
};

const openConnections = (front: FrontUnderTest): Promise<number> =>
  new Promise((resolve, reject) =>
    front.front.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
  );

describe('F-1 N-9 TLS front: a chain of certificates made to be dear to verify', () => {
  for (const maxVersion of VERSIONS)
    it.each([
      ['62 of RSA with exponents of 3,071 bits', 62, 'rsa'],
      ['99 of P-521', 99, 'p521'],
    ] as const)(
      `is not verified (${maxVersion}, %s), and others are answered`,
      async (_name, count, kind) => {
        const { front, mine } = await start();
        const chain = await dearChain(count, kind);
        expect((await ask(front, PATH, mine)).status).toBe(200);
        const before = cpuMs();
        expect(await outcome(ask(front, PATH, { ...chain, maxVersion }))).toBe('ended');
        expect(cpuMs() - before).toBeLessThan(CHEAP_MS);
        expect(front.front.counters.refused).toBe(1);
        expect(front.refusals).toEqual(['certificate_untrusted']);
        expect((await ask(front, PATH, mine)).status).toBe(200);
        await expect.poll(() => openConnections(front)).toBe(0);
      },
    );

  it.each([1, 700])('is not verified in segments of %i octets', async (octets) => {
    const { front, mine } = await start();
    const cut = await linkTo(front, dropwise(octets));
    expect(await outcome(ask(cut, PATH, await dearChain(62, 'rsa')))).toBe('ended');
    expect(front.refusals).toEqual(['certificate_untrusted']);
    expect((await ask(front, PATH, mine)).status).toBe(200);
  });

  it('as long as any of ours gets the reason it always got', async () => {
    const { front } = await start();
    // Of another key, under the name of our authority: its signature is looked at.
    const rogue = await createForger('front test');
    const leaf = await rogue.leaf([]);
    const others = [
      rogue.rootPem,
      ...(await Promise.all([rogue.leaf([]), rogue.leaf([])])).map(({ pem }) => pem),
    ];
    for (const maxVersion of VERSIONS)
      for (const cert of [leaf.pem, [leaf.pem, ...others].join('')]) {
        const answer = await ask(front, PATH, { cert, key: leaf.keyPem, maxVersion });
        expect([answer.status, codeOfAnswer(answer)]).toEqual([401, 'certificate_untrusted']);
      }
  });
});

describe('F-1 N-9 TLS front: a certificate that does not verify', () => {
  // OpenSSL leaves its verdict where Node takes it for a failure of the connection, when what it has been given ends between the
  // certificate and the end of the handshake. That socket is closed only later, and must be given nothing until then.
  it.each(VERSIONS)('is refused or ended, wherever its parts are cut (%s)', async (maxVersion) => {
    const { front, mine } = await start();
    const forged = await dearChain(1, 'rsa');
    const outcomes: (number | 'ended')[] = [];
    for (let cut = 0; cut < 2_600; cut += 37) {
      const link = await linkTo(front, gathered(maxVersion === 'TLSv1.3' ? 2_000 : 0, cut));
      const options = { ...forged, maxVersion, method: 'POST', body: 'y'.repeat(2_000) };
      outcomes.push(await outcome(ask(link, PATH, options)));
    }
    expect(outcomes.filter((one) => one !== 401 && one !== 'ended')).toEqual([]);
    expect(outcomes).toContain(401);
    expect((await ask(front, PATH, mine)).status).toBe(200);
  });
});

describe('F-1 N-9 TLS front: what a handshake brings', () => {
  it('a ClientHello that does not end is cut, long before its time is over', async () => {
    const { front } = await start({ handshakeTimeoutMs: 600_000 });
    const socket = connectTcp({ host: '127.0.0.1', port: front.port });
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => undefined);
    // A record of 16 KB that begins a ClientHello of 64 KB.
    socket.write(Buffer.concat([Buffer.of(22, 3, 1, 0x40, 0, 1, 1, 0, 0, 3, 3), Buffer.alloc(16_378, 1)]));
    await closed;
    expect(front.front.counters.refused).toBe(1);
  });

  it.each(VERSIONS)(
    'a body of 64 KB together with the end of the handshake is read (%s)',
    async (maxVersion) => {
      const { front, mine } = await start();
      const intermediate = await createForger('between');
      const cert = `${mine.cert}${intermediate.rootPem}`;
      const body = 'x'.repeat(64 * 1024);
      const link = await linkTo(front, maxVersion === 'TLSv1.3' ? gathered(body.length) : gathered(0));
      const answer = await new Promise<string>((resolve, reject) => {
        const socket = connect({
          host: '127.0.0.1',
          port: link.port,
          servername: 'localhost',
          ca: front.root,
          maxVersion,
          key: mine.key,
          cert,
        });
        // Before the handshake is done, so that nothing of ours stands between its end and the request.
        socket.write(
          `POST ${PATH} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        );
        let text = '';
        socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
        socket.once('close', () => resolve(text));
        socket.once('error', reject);
      });
      expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    },
  );

  it.each([1, 3, 100])('drops of %i octets are a handshake too', async (octets) => {
    const { front, mine } = await start();
    const link = await linkTo(front, dropwise(octets));
    for (const maxVersion of VERSIONS)
      expect((await ask(link, PATH, { ...mine, maxVersion })).status).toBe(200);
  });

  it('the ends of many handshakes, as dear as may be, in one moment do not hold the loop together', async () => {
    const { front, mine } = await start();
    const count = 24;
    const link = await linkTo(front, together(count));
    const chain = await dearChain(4, 'rsa');
    const asked = Array.from({ length: count }, () => outcome(ask(link, PATH, chain)));
    let [longest, last, isOver] = [0, cpuMs(), false];
    const watch = (): void => {
      longest = Math.max(longest, cpuMs() - last);
      last = cpuMs();
      if (!isOver) setImmediate(watch);
    };
    watch();
    await Promise.all(asked);
    isOver = true;
    // Four a turn; all of them take 600.
    expect(longest).toBeLessThan(300);
    expect((await ask(front, PATH, mine)).status).toBe(200);
  });

  it('the client’s address is known as it was', async () => {
    const { front } = await start();
    const addresses: unknown[] = [];
    front.front.server.on('request', ({ socket }: IncomingMessage) =>
      addresses.push(socket.remoteAddress, typeof socket.remotePort, socket.remoteFamily),
    );
    await ask(front, '/pki/crl');
    expect(addresses).toEqual(['127.0.0.1', 'number', 'IPv4']);
  });

  it('connections that break off anywhere leave nothing behind', async () => {
    const { front, mine } = await start();
    const chain = await dearChain(62, 'rsa');
    for (const end of ['destroy', 'end', 'resetAndDestroy'] as const)
      for (let octets = 1; octets < 10_000; octets += octets < 3_500 ? 101 : 1_501) {
        const link = await linkTo(front, cutAfter(octets, end));
        const both = [ask(link, PATH, { ...mine, body: 'x' }), ask(link, PATH, chain)];
        await Promise.all(both.map(outcome));
      }
    await expect.poll(() => openConnections(front)).toBe(0);
    expect((await ask(front, PATH, mine)).status).toBe(200);
  });
});
