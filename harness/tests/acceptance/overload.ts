import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { enrollByHand, type HandMadeClient } from './hand-made-client.ts';
import { seedPeople, type Seeded } from './people.ts';
import { call, type World } from './world.ts';

const CONNECTIONS = 1_000;
/** Of them on the public listener: nginx lets one address have 200 requests open there. */
const SLOW_BODIES = 150;
const LIST = '/federation/v1/tasks?limit=1';
/** Above the 10 s that a header may take, and the seconds between two looks at it. */
const CUT_MS = 30_000;
const ROUNDS = 5;

interface Slow {
  readonly socket: net.Socket;
  isClosed: boolean;
}

type Material = Readonly<Record<'ca' | 'cert' | 'key', string>>;

const open = (url: URL, material: Partial<Material>): net.Socket => {
  const target = { host: url.hostname, port: Number(url.port) };
  const socket =
    url.protocol === 'https:'
      ? tls.connect({ ...target, servername: 'localhost', ALPNProtocols: ['http/1.1'], ...material })
      : net.connect(target);
  socket.on('error', () => undefined);
  return socket;
};

const ready = (url: URL): string => (url.protocol === 'https:' ? 'secureConnect' : 'connect');

/** A connection that has said `head`, and goes on a byte a second. */
const slowly = async (url: URL, material: Partial<Material>, head: string): Promise<Slow> => {
  const socket = open(url, material);
  const slow: Slow = { socket, isClosed: false };
  const drip = setInterval(() => socket.write('a'), 1_000);
  socket.resume();
  socket.once('close', () => {
    slow.isClosed = true;
    clearInterval(drip);
  });
  await new Promise<void>((resolve) => {
    socket.once(ready(url), () => resolve());
    socket.once('close', () => resolve());
  });
  socket.write(head);
  return slow;
};

/** Sends all of it, whatever comes back meanwhile. @returns the status; 0 when the connection was cut without one */
const send = (url: URL, material: Partial<Material>, chunks: readonly (string | Buffer)[]): Promise<number> =>
  new Promise((resolve) => {
    const socket = open(url, material);
    let answer = '';
    const end = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0));
    };
    const timer = setTimeout(end, 20_000);
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1');
      if (answer.includes('\r\n\r\n')) end();
    });
    socket.once('close', end);
    socket.once(ready(url), () => {
      for (const chunk of chunks) socket.write(chunk);
    });
  });

const quantile = (times: readonly number[], q: number): number =>
  times.toSorted((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * q))] ?? Infinity;

/** ABUSE 60 and 61, at layer E: what strangers and peers send too slowly, or too much of. */
export const describeOverload = (components: string, boot: () => Promise<World>): void => {
  describe(`overload on ${components}`, () => {
    let world: World;
    let seeded: Seeded;
    let hand: HandMadeClient;
    let material: Material;
    let trusting: Partial<Material>;
    let federation: URL;
    let publicUrl: URL;

    beforeAll(async () => {
      world = await boot();
      seeded = await seedPeople(world, 'x60-');
      const scope = { resources: ['tasks'], max_rows_per_query: 10 };
      hand = await enrollByHand(world.work, { user: seeded.alice.name, peer: 'x60', scope });
      await call(world.work, `/api/admin/grants/${hand.grantId}`, {
        method: 'PATCH',
        body: { rate_limit_per_minute: 1_000_000 },
      });
      material = {
        ca: readFileSync(hand.caFile, 'utf8'),
        cert: readFileSync(hand.certFile, 'utf8'),
        key: readFileSync(hand.keyFile, 'utf8'),
      };
      trusting = { ca: material.ca };
      federation = new URL(world.work.federationUrl);
      publicUrl = new URL(world.work.publicUrl);
    });
    afterAll(async () => {
      await hand.remove();
      await world.close();
    });

    /** p99 of a peer that asks in the usual way, milliseconds. */
    const p99 = async (): Promise<number> => {
      const times: number[] = [];
      while (times.length < 100) {
        const from = performance.now();
        expect((await hand.get(LIST)).status).toBe(200);
        times.push(performance.now() - from);
      }
      return quantile(times, 0.99);
    };

    it('X-60 1,000 slow connections: good clients’ p99 stays under twice what it was, and slow headers are cut', async () => {
      await p99();
      const before: number[] = [];
      for (let round = 0; round < 3; round += 1) before.push(await p99());
      const slow: Slow[] = [];
      const from = performance.now();
      try {
        const head = `GET ${LIST} HTTP/1.1\r\nHost: localhost\r\nX-Slow: `;
        while (slow.length < CONNECTIONS - SLOW_BODIES)
          slow.push(
            ...(await Promise.all(Array.from({ length: 50 }, () => slowly(federation, material, head)))),
          );
        const opened = performance.now();
        const body =
          'POST /enrollment/v1/redeem HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 200\r\n\r\n{';
        const bodies = await Promise.all(
          Array.from({ length: SLOW_BODIES }, () => slowly(publicUrl, trusting, body)),
        );
        // Measured while they are open. A busy machine may disturb one round, hardly all of them.
        let during = Infinity;
        const limit = 2 * Math.max(...before);
        for (let round = 0; round < ROUNDS && during > limit; round += 1)
          during = Math.min(during, await p99());
        expect(during).toBeLessThanOrEqual(limit);
        expect(bodies.some(({ isClosed }) => !isClosed)).toBe(true);
        for (const one of bodies) one.socket.destroy();
        await expect
          .poll(() => slow.filter(({ isClosed }) => !isClosed).length, { timeout: CUT_MS, interval: 250 })
          .toBe(0);
        expect(performance.now() - opened).toBeLessThan(CUT_MS + (opened - from));
      } finally {
        for (const one of slow) one.socket.destroy();
      }
      expect((await hand.get(LIST)).status).toBe(200);
    }, 180_000);

    const chunked = (path: string, headers: string): string =>
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n${headers}\r\n`;
    const oneChunk = (bytes: number): string => `${bytes.toString(16)}\r\n${'a'.repeat(bytes)}\r\n`;
    const whole = (path: string, body: Buffer, headers: string): (string | Buffer)[] => [
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n${headers}\r\n`,
      body,
    ];
    const deep = Buffer.from('['.repeat(10_000) + ']'.repeat(10_000));
    const bomb = gzipSync(Buffer.alloc(10 * 1024 * 1024, 0x20));
    const manyKeys = Buffer.from(
      `{${Array.from({ length: 10_000 }, (_, index) => `"k${index}":1`).join(',')}}`,
    );
    const parameters = Array.from({ length: 10_000 }, (_, index) => `p${index}=1`).join('&');

    const monsters = (get: string, post: string): Readonly<Record<string, (string | Buffer)[]>> => ({
      'a header of 1 MB': [
        `GET ${get} HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'a'.repeat(1_000_000)}\r\n\r\n`,
      ],
      'a chunked body of 4 MB': [
        chunked(post, 'Content-Type: application/json\r\n'),
        ...Array.from({ length: 64 }, () => oneChunk(65_536)),
        '0\r\n\r\n',
      ],
      'a gzip bomb': whole(post, bomb, 'Content-Encoding: gzip\r\n'),
      'JSON 10,000 deep': whole(post, deep, ''),
      'JSON with 10,000 names': whole(post, manyKeys, ''),
      '10,000 parameters': [`GET ${get}?${parameters} HTTP/1.1\r\nHost: localhost\r\n\r\n`],
    });

    it('X-61 too much of anything gets a 4xx on every listener, and nobody else waits for it', async () => {
      const listeners = [
        ['the public API', publicUrl, trusting, '/api/me', '/api/bootstrap/setup'],
        ['the peers’ side', federation, material, '/federation/v1/tasks', '/federation/v1/renew'],
        ['enrollment', publicUrl, trusting, '/enrollment/v1/redeem', '/enrollment/v1/redeem'],
      ] as const;
      for (const [name, url, tlsMaterial, get, post] of listeners) {
        for (const [what, chunks] of Object.entries(monsters(get, post))) {
          let status = 0;
          let lag = Infinity;
          // The probe shares two cores with whatever else runs: one quiet round is enough to tell.
          for (let round = 0; round < ROUNDS && lag >= 100; round += 1) {
            const probing = new AbortController();
            const times: number[] = [];
            const probe = (async () => {
              while (!probing.signal.aborted) {
                const from = performance.now();
                await call(world.work, '/health', { token: null });
                times.push(performance.now() - from);
                await sleep(5);
              }
            })();
            status = await send(url, tlsMaterial, chunks);
            probing.abort();
            await probe;
            lag = Math.max(...times);
          }
          // Cut without an answer: the front had seen enough while the client was still writing.
          const isRefused = (status >= 400 && status < 500) || status === 0;
          expect([name, what, isRefused ? 'refused' : status]).toEqual([name, what, 'refused']);
          expect([name, what, lag < 100 ? 'quick' : lag]).toEqual([name, what, 'quick']);
        }
      }
      expect((await hand.get(LIST)).status).toBe(200);
    }, 180_000);
  });
};
