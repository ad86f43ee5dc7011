import { once } from 'node:events';
import http2 from 'node:http2';
import https from 'node:https';
import tls from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { openFrontEdge, type FrontEdge } from '../../devstack/components/front-edge.ts';

/** Work of a gateway for one request: what it can not do for others meanwhile. */
const WORK_MS = 0.4;
const busy = (): void => {
  const end = performance.now() + WORK_MS;
  while (performance.now() < end);
};

let edge: FrontEdge | null = null;
afterEach(async () => {
  await edge?.close();
  edge = null;
});

const counted = (statuses: readonly number[]): Readonly<Record<number, number>> => {
  const counts: Record<number, number> = {};
  for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
};

interface Asked {
  readonly status: number;
  readonly ms: number;
}

const ask = (url: string, agent: https.Agent): Promise<Asked> =>
  new Promise((resolve, reject) => {
    const from = performance.now();
    https
      .get(url, { agent }, (response) => {
        response.resume();
        response.on('end', () => resolve({ status: response.statusCode ?? 0, ms: performance.now() - from }));
        response.on('error', reject);
      })
      .on('error', reject);
  });

const quantile = (asked: readonly Asked[], q: number): number =>
  asked.map(({ ms }) => ms).toSorted((a, b) => a - b)[Math.floor((asked.length - 1) * q)] ?? Infinity;

describe('many connections through nginx', () => {
  it('F-11 1,000 connections of one peer at once: every request is answered, and none with 503', async () => {
    const opened = (edge = await openFrontEdge({ work: busy }));
    const { cert, key } = await opened.client();
    const agent = new https.Agent({
      keepAlive: true,
      maxSockets: 1_000,
      maxFreeSockets: 1_000,
      ca: opened.root,
      cert,
      key,
    });
    const url = `https://localhost:${opened.front.federationPort}/federation/v1/tasks`;
    const rounds: Asked[][] = [];
    try {
      for (let round = 0; round < 3; round += 1)
        rounds.push(await Promise.all(Array.from({ length: 1_000 }, () => ask(url, agent))));
    } finally {
      agent.destroy();
    }
    expect(rounds.map((asked) => counted(asked.map(({ status }) => status)))).toEqual(
      rounds.map(() => ({ 200: 1_000 })),
    );
    // Shown, not asserted: how evenly they are served.
    for (const asked of rounds)
      console.info(`p50 ${quantile(asked, 0.5).toFixed(0)} ms, p99 ${quantile(asked, 0.99).toFixed(0)} ms`);
  });

  it('F-2 a replica that is away costs nobody an answer', async () => {
    const opened = (edge = await openFrontEdge({ replicas: 2 }));
    const { cert, key } = await opened.client();
    const agent = new https.Agent({ keepAlive: true, maxSockets: 16, ca: opened.root, cert, key });
    const url = `https://localhost:${opened.front.federationPort}/federation/v1/tasks`;
    const many = async (): Promise<unknown> => {
      const asked = await Promise.all(Array.from({ length: 200 }, () => ask(url, agent)));
      return counted(asked.map(({ status }) => status));
    };
    try {
      expect(await many()).toEqual({ 200: 200 });
      expect(new Set(opened.passed.map(({ replica }) => replica)).size).toBe(2);
      await opened.stopReplica(0);
      expect(await many()).toEqual({ 200: 200 });
    } finally {
      agent.destroy();
    }
  });
});

/** RFC 9113 section 4.1. */
const frame = (type: number, flags: number, stream: number, payload: Buffer): Buffer => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
};

const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const CONTINUATION = 0x9;
const END_STREAM = 0x1;
const END_STREAM_AND_HEADERS = 5;
const CANCEL = Buffer.from([0, 0, 0, 8]);
/** HPACK: GET, https, then `:path` and `:authority` as literals without indexing (RFC 7541 section 6.2.2). */
const REQUEST = Buffer.concat([
  Buffer.from([0x82, 0x87, 0x04, 7]),
  Buffer.from('/api/me'),
  Buffer.from([0x01, 9]),
  Buffer.from('localhost'),
]);

const PREFACE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  frame(SETTINGS, 0, 0, Buffer.alloc(0)),
]);
/** As many as a connection may have at once. */
const BURST = 30;
const BURSTS = 30;

const burst = (first: number, of: (stream: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: BURST }, (_, index) => of(2 * (first + index) + 1)));
const opening = (stream: number): Buffer => frame(HEADERS, END_STREAM_AND_HEADERS, stream, REQUEST);
const takingBack = (stream: number): Buffer => frame(RST_STREAM, 0, stream, CANCEL);

/** A stranger who opens requests and takes each of them back as soon as it is on its way to a gateway. */
const resetMany = (opened: FrontEdge): Promise<number> =>
  new Promise((resolve) => {
    const target = {
      port: opened.front.publicPort,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: opened.root,
    };
    const socket = tls.connect({ ...target, ALPNProtocols: ['h2'] });
    let sent = 0;
    const next = (): void => {
      if (sent === BURSTS || socket.destroyed) {
        socket.destroy();
        return;
      }
      const first = sent * BURST;
      sent += 1;
      socket.write(burst(first, opening), () =>
        setTimeout(() => socket.write(burst(first, takingBack), next), 2),
      );
    };
    socket.resume();
    socket.on('error', () => undefined);
    socket.once('close', () => resolve(sent * BURST));
    socket.once('secureConnect', () => socket.write(PREFACE, next));
  });

describe('F-2 requests that are opened and reset', () => {
  it('with HTTP/2: others go on being answered, and no replica is taken out', async () => {
    const opened = (edge = await openFrontEdge({ replicas: 2, isHttp2: true, work: busy }));
    const { cert, key } = await opened.client();
    // Another address than the stranger's, as other people have.
    const other = { keepAlive: true, maxSockets: 4, ca: opened.root, localAddress: '127.0.0.2' };
    const [person, peer] = [new https.Agent(other), new https.Agent({ ...other, cert, key })];
    const state = { isOver: false };
    let sent = 0;
    const flood = (async () => {
      for (let round = 0; round < 3; round += 1)
        for (const count of await Promise.all(Array.from({ length: 10 }, () => resetMany(opened))))
          sent += count;
      state.isOver = true;
    })();
    const good: Asked[] = [];
    const { publicPort, federationPort } = opened.front;
    try {
      while (!state.isOver || good.length < 100)
        good.push(
          ...(await Promise.all([
            ask(`https://127.0.0.1:${publicPort}/api/query/tasks`, person),
            ask(`https://127.0.0.1:${federationPort}/federation/v1/tasks`, peer),
          ])),
        );
      await flood;
    } finally {
      person.destroy();
      peer.destroy();
    }
    expect(counted(good.map(({ status }) => status))).toEqual({ 200: good.length });
    const reached = opened.passed.filter(({ path }) => path === '/api/me').length;
    // The flood was read, and all but a few of it never got as far as a gateway.
    expect(reached).toBeGreaterThan(100);
    expect(reached).toBeLessThan(sent / 2);
    const served = opened.passed.filter(({ app }) => app === 'federation').map(({ replica }) => replica);
    expect(new Set(served).size).toBe(2);
  });

  it('F-39 with HTTP/2: a header that never ends, and what is taken back, are logged in JSON, too', async () => {
    const opened = (edge = await openFrontEdge({ isHttp2: true }));
    const target = { port: opened.front.publicPort, host: '127.0.0.1', servername: 'localhost' };
    const say = async (...parts: readonly Buffer[]): Promise<void> => {
      const socket = tls.connect({ ...target, ca: opened.root, ALPNProtocols: ['h2'] });
      socket.on('error', () => undefined).resume();
      socket.once('secureConnect', () => socket.end(Buffer.concat([PREFACE, ...parts])));
      await new Promise<void>((resolve) => void socket.once('close', () => resolve()));
    };
    // A field without an end to its name or value: `x: yyy…`, without indexing and without Huffman's code.
    const field = Buffer.concat([Buffer.from([0, 1, 0x78, 0x7f, 0xa1, 0x1e]), Buffer.alloc(4_000, 0x79)]);
    const endless = Array.from({ length: 40 }, () => frame(CONTINUATION, 0, 1, field));
    await say(frame(HEADERS, END_STREAM, 1, REQUEST), ...endless);
    await say(burst(0, (stream) => Buffer.concat([opening(stream), takingBack(stream)])));
    const lines = (): readonly string[] => opened.log('access').toString().split('\n').filter(Boolean);
    await expect.poll(() => lines().length, { timeout: 10_000 }).toBeGreaterThan(BURST);
    for (const line of lines())
      expect(JSON.parse(line)).toMatchObject({ status: expect.any(Number) as number });
  });

  it('without HTTP/2, which is the default, there are no streams to reset', async () => {
    const opened = (edge = await openFrontEdge());
    const session = http2.connect(`https://localhost:${opened.front.publicPort}`, { ca: opened.root });
    const outcome = await new Promise<string>((resolve) => {
      session.once('error', () => resolve('refused'));
      session.once('connect', (_session, socket) => resolve(String(Reflect.get(socket, 'alpnProtocol'))));
    });
    session.destroy();
    expect(outcome).not.toBe('h2');
    expect(opened.passed).toEqual([]);
  });
});

describe('F-2 limits of the front', () => {
  it('an address has 200 requests under way at most: the others are told 429 as a problem, and to come again', async () => {
    const gate = Promise.withResolvers<void>();
    const opened = (edge = await openFrontEdge({
      work: () => gate.promise,
      limits: { concurrent_per_address: 20, concurrent_per_certificate: 30 },
    }));
    const { cert, key } = await opened.client();
    const many = async (url: string, count: number, tls: https.AgentOptions) => {
      const agent = new https.Agent({ ca: opened.root, ...tls });
      const answers = Array.from({ length: count }, async () => {
        const { promise, resolve, reject } = Promise.withResolvers<Response>();
        https
          .get(url, { agent }, (response) => {
            const chunks: Buffer[] = [];
            response.on('data', (chunk: Buffer) => chunks.push(chunk));
            response.on('end', () =>
              resolve(
                new Response(Buffer.concat(chunks), {
                  status: response.statusCode ?? 0,
                  headers: response.headers as Record<string, string>,
                }),
              ),
            );
          })
          .on('error', reject);
        return promise;
      });
      return answers;
    };
    const strangers = await many(`https://localhost:${opened.front.publicPort}/api/me`, 50, {});
    const peers = await many(`https://localhost:${opened.front.federationPort}/federation/v1/tasks`, 60, {
      cert,
      key,
    });
    await expect.poll(() => opened.passed.length, { timeout: 10_000 }).toBe(50);
    const refused = await Promise.race([...strangers, ...peers]);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    expect(await refused.json()).toMatchObject({ code: 'rate_limited', status: 429 });
    gate.resolve();
    const statuses = async (answers: readonly Promise<Response>[]) =>
      counted((await Promise.all(answers)).map(({ status }) => status));
    expect(await statuses(strangers)).toEqual({ 200: 20, 429: 30 });
    expect(await statuses(peers)).toEqual({ 200: 30, 429: 30 });
  });

  it('F-2 X-60 slow bodies of strangers count for them alone, and take the room of nobody else', async () => {
    const gate = Promise.withResolvers<void>();
    const opened = (edge = await openFrontEdge({
      work: (path) => (path === '/api/me' ? gate.promise : undefined),
      limits: { concurrent_requests: 10 },
    }));
    const { publicPort, federationPort } = opened.front;
    const slow = [publicPort, federationPort].flatMap((port) =>
      Array.from({ length: 30 }, () => {
        const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca: opened.root });
        socket.on('error', () => undefined);
        socket.resume();
        socket.write('POST /pki/crl HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n1');
        return once(socket, 'secureConnect').then(() => socket);
      }),
    );
    const sockets = await Promise.all(slow);
    const { cert, key } = await opened.client();
    const other = { maxSockets: 40, ca: opened.root, localAddress: '127.0.0.2' };
    const [person, peer] = [new https.Agent(other), new https.Agent({ ...other, cert, key })];
    try {
      for (let round = 0; round < 10; round += 1) {
        const tasks = `https://127.0.0.1:${federationPort}/federation/v1/tasks`;
        expect((await ask(tasks, peer)).status).toBe(200);
        expect((await ask(`https://127.0.0.1:${publicPort}/api/query/tasks`, person)).status).toBe(200);
      }
      // What a gateway is at work on is bounded all the same.
      const busy = Array.from({ length: 30 }, () => ask(`https://127.0.0.1:${publicPort}/api/me`, person));
      await expect
        .poll(() => opened.passed.filter(({ path }) => path === '/api/me').length, { timeout: 10_000 })
        .toBe(10);
      expect((await Promise.race(busy)).status).toBe(503);
      gate.resolve();
      expect(counted((await Promise.all(busy)).map(({ status }) => status))).toEqual({ 200: 10, 503: 20 });
    } finally {
      gate.resolve();
      for (const socket of sockets) socket.destroy();
      person.destroy();
      peer.destroy();
    }
  });

  it('F-4 F-9 pages that anybody may read are limited by address, and nothing else with them', async () => {
    const opened = (edge = await openFrontEdge({ limits: { pages_per_address: 1 } }));
    const agent = new https.Agent({ keepAlive: true, maxSockets: 8, ca: opened.root });
    const base = `https://localhost:${opened.front.publicPort}`;
    try {
      for (const page of ['/docs', '/openapi.json', '/pki/crl']) {
        const asked = await Promise.all(Array.from({ length: 40 }, () => ask(`${base}${page}`, agent)));
        expect(asked.filter(({ status }) => status === 200).length).toBeLessThan(20);
      }
      expect((await ask(`${base}/api/me`, agent)).status).toBe(200);
    } finally {
      agent.destroy();
    }
  });
});
