import { readFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../http/http-limits.ts';
import { ask, startFront, type ClientCertificate, type FrontUnderTest } from './front.testkit.ts';

const PATH = '/federation/v1/tasks';
let under: FrontUnderTest | undefined;

afterEach(async () => {
  under?.keeper.stop();
  await under?.front.stop(0);
  under = undefined;
});

const start = async (limits = {}): Promise<{ front: FrontUnderTest; mine: ClientCertificate }> => {
  under = await startFront(limits);
  return { front: under, mine: await under.clientCertificate() };
};

/** Sends text over TLS and gives back all that comes until the other side closes. */
const send = (front: FrontUnderTest, mine: ClientCertificate, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(
      { host: '127.0.0.1', port: front.port, servername: 'localhost', ca: front.root, ...mine },
      () => socket.write(text),
    );
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.once('close', () => resolve(answer));
    socket.once('error', reject);
  });

describe('TLS front: bounds', () => {
  it('X-61 a header of 1 MB is refused as a problem, no handler runs', async () => {
    const { front, mine } = await start();
    const answer = await send(
      front,
      mine,
      `GET ${PATH} HTTP/1.1\r\nHost: a\r\nX-Long: ${'a'.repeat(1_000_000)}`,
    ).catch((error: Error) => error.message);
    // The answer may be lost when the client still writes; what counts is that nothing ran.
    expect(answer).toMatch(/431|ECONNRESET|EPIPE/);
    expect(front.handled).toEqual([]);
  });

  it('X-61 a header over 16 KB gets 431 and a problem document', async () => {
    const { front, mine } = await start();
    const answer = await send(
      front,
      mine,
      `GET ${PATH} HTTP/1.1\r\nHost: a\r\nX-Long: ${'a'.repeat(20_000)}\r\n\r\n`,
    );
    expect(answer).toMatch(
      /^HTTP\/1\.1 431 [\s\S]*application\/problem\+json[\s\S]*"code":"invalid_request"/,
    );
    expect(front.handled).toEqual([]);
  });

  it.each([
    ['nonsense', 'nonsense\r\n\r\n'],
    ['no Host', `GET ${PATH} HTTP/1.1\r\n\r\n`],
    ['two lengths', `POST ${PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n`],
    [
      'length and chunks',
      `POST ${PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
  ])('what is not HTTP (%s) gets 400, no handler runs', async (_name, text) => {
    const { front, mine } = await start();
    expect(await send(front, mine, text)).toMatch(/^HTTP\/1\.1 400 /);
    expect(front.handled).toEqual([]);
  });

  it.each([
    ['a backslash in the path', 'GET /federation\\v1\\tasks HTTP/1.1\r\nHost: localhost'],
    ['no path', 'OPTIONS * HTTP/1.1\r\nHost: localhost'],
    ['a Host that is none', `GET ${PATH} HTTP/1.1\r\nHost: a b`],
    ['an address that is none', 'GET https://[ HTTP/1.1\r\nHost: localhost'],
  ])('X-38 a peer’s request with %s reaches the app, which audits it', async (_name, head) => {
    const { front, mine } = await start();
    await send(front, mine, `${head}\r\nConnection: close\r\n\r\n`);
    expect(front.handled).toMatchObject([{ app: 'federation' }]);
  });

  it('X-60 slow headers are cut', async () => {
    const { front, mine } = await start({ headersTimeoutMs: 300, requestTimeoutMs: 400 });
    const began = performance.now();
    expect(await send(front, mine, `GET ${PATH} HTTP/1.1\r\nHost:`)).toMatch(
      /^(HTTP\/1\.1 408 [\s\S]*problem)?/,
    );
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(front.handled).toEqual([]);
  });

  it('X-60 a handshake that does not come is cut', async () => {
    const { front } = await start({ handshakeTimeoutMs: 200 });
    const began = performance.now();
    await new Promise<void>((resolve) => {
      const socket = connectTcp({ host: '127.0.0.1', port: front.port });
      socket.on('error', () => {});
      socket.once('close', () => resolve());
    });
    expect(performance.now() - began).toBeLessThan(3_000);
  });
});

/** A connection that says nothing: its handshake has not even begun. */
const silentConnection = async (port: number): Promise<Socket> => {
  const socket = connectTcp({ host: '127.0.0.1', port });
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => {
    socket.once('connect', () => resolve());
    socket.once('close', () => resolve());
  });
  return socket;
};

const isClosed = (socket: Socket): boolean => socket.destroyed || socket.closed;

describe('F-2 TLS front: connections', () => {
  const few = { maxConnections: 40, maxStrangers: 8, maxPerAddress: 8, maxPerCertificate: 6 };

  it('those who say nothing push out each other, and never a peer', async () => {
    const { front, mine } = await start({ ...few, maxPerAddress: 100 });
    const first = await silentConnection(front.port);
    const silentOnes = await Promise.all(Array.from({ length: 60 }, () => silentConnection(front.port)));
    await expect.poll(() => isClosed(first)).toBe(true);
    await expect.poll(() => silentOnes.filter((one) => !isClosed(one)).length).toBe(few.maxStrangers);
    for (let round = 0; round < 20; round += 1) expect((await ask(front, PATH, mine)).status).toBe(200);
    for (const one of silentOnes) one.destroy();
  });

  it('one address without a certificate has its share, and a peer of the same address comes in after it has left', async () => {
    const { front, mine } = await start({ ...few, maxPerAddress: 3, maxStrangers: 30 });
    const silentOnes: Socket[] = [];
    while (silentOnes.length < 6) silentOnes.push(await silentConnection(front.port));
    await expect.poll(() => silentOnes.map(isClosed)).toEqual([false, false, false, true, true, true]);
    for (const one of silentOnes) one.destroy();
    await expect
      .poll(
        () =>
          ask(front, PATH, mine).then(
            ({ status }) => status,
            () => 0,
          ),
        { timeout: 10_000 },
      )
      .toBe(200);
  });

  it('one certificate has its share, and another one comes in beside it', async () => {
    const { front, mine } = await start(few);
    const other = await front.clientCertificate();
    const open = front.hold();
    const answers = Array.from({ length: 12 }, () =>
      ask(front, PATH, mine).then(
        ({ status }) => status,
        () => 0,
      ),
    );
    await expect.poll(() => front.handled.length).toBe(few.maxPerCertificate);
    const beside = ask(front, PATH, other);
    await expect.poll(() => front.handled.length).toBe(few.maxPerCertificate + 1);
    open();
    expect((await beside).status).toBe(200);
    expect((await Promise.all(answers)).toSorted((a, b) => a - b)).toEqual([
      ...Array.from({ length: 6 }, () => 0),
      ...Array.from({ length: 6 }, () => 200),
    ]);
    // Closed connections are no longer counted.
    expect((await ask(front, PATH, mine)).status).toBe(200);
  });

  it('a connection ends after its requests, and the last one is answered', async () => {
    const { front, mine } = await start({ maxRequestsPerConnection: 3 });
    const text = `GET ${PATH} HTTP/1.1\r\nHost: a\r\n\r\n`.repeat(3);
    const answer = await send(front, mine, text);
    expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(3);
    expect(answer.match(/connection: close/gi)).toHaveLength(1);
  });

  it.each([
    ['bare LF in the header', `GET ${PATH} HTTP/1.1\nHost: a\n\n`],
    [
      'a bare LF after a chunk’s size',
      `POST ${PATH} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n`,
    ],
    [
      'chunk extensions of 70 KB',
      `POST ${PATH} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;${'a'.repeat(70_000)}\r\nhello\r\n0\r\n\r\n`,
    ],
    ['HTTP/0.9', `GET ${PATH}\r\n`],
  ])('F-41 %s is refused', async (_name, text) => {
    const { front, mine } = await start({ headersTimeoutMs: 500, requestTimeoutMs: 1_000 });
    const answer = await send(front, mine, text).catch((error: Error) => error.message);
    expect(answer).not.toMatch(/HTTP\/1\.1 200/);
    expect(answer).toMatch(/^HTTP\/1\.1 4|ECONNRESET|^$/);
  });

  it('has its limits in docs/reference/configuration.md', () => {
    const page = readFileSync(
      new URL('../../../../docs/reference/configuration.md', import.meta.url),
      'utf8',
    );
    for (const [name, value] of Object.entries(DEFAULT_LIMITS))
      expect([name, page.includes(`| \`${name}\``), page.includes(`\`${value}\``)]).toEqual([
        name,
        true,
        true,
      ]);
  });
});

describe('TLS front: stopping', () => {
  it('answers what is under way, then closes; nothing new gets in', async () => {
    const { front, mine } = await start();
    const open = front.hold();
    const answer = ask(front, PATH, mine);
    await expect.poll(() => front.handled.length).toBe(1);
    const stopped = front.front.stop(5_000);
    await expect(ask(front, PATH, mine)).rejects.toThrow(/ECONNREFUSED/);
    open();
    expect(await answer).toMatchObject({ status: 200, body: 'handled' });
    await stopped;
  });

  it('does not wait longer than it was given, whoever holds on', async () => {
    const { front, mine } = await start();
    front.hold();
    const answer = ask(front, PATH, mine).catch((error: Error) => error.message);
    await expect.poll(() => front.handled.length).toBe(1);
    connectTcp({ host: '127.0.0.1', port: front.port }).on('error', () => {});
    const began = performance.now();
    await front.front.stop(200);
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(await answer).toMatch(/socket hang up|ECONNRESET/);
  });
});
