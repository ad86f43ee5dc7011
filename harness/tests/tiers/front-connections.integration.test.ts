import { once } from 'node:events';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClientCertificate } from '../../../src/runtimes/node/front/front.testkit.ts';
import { openFrontEdge, type FrontEdge } from '../../devstack/components/front-edge.ts';

const STRANGER = '127.0.0.66';
/** Of another /24 than the strangers, as other people are. */
const OTHER = '127.0.1.2';

/** Head of an encrypted record of 256 bytes. */
const RECORD = [0x17, 0x03, 0x03, 0x01, 0x00] as const;

interface Held {
  readonly socket: net.Socket;
  readonly openedAt: number;
  closedAt: number | null;
}

/** A connection that says `first`, and nothing more. */
const connect = async (port: number, localAddress: string, first: Buffer): Promise<Held> => {
  const socket = net.connect({ port, host: '127.0.0.1', localAddress });
  const held: Held = { socket, openedAt: performance.now(), closedAt: null };
  socket.on('error', () => undefined);
  socket.once('close', () => void (held.closedAt = performance.now()));
  socket.resume();
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
  if (!socket.destroyed && first.length > 0) socket.write(first);
  return held;
};

const openMany = async (count: number, open: (n: number) => Promise<Held>): Promise<Held[]> => {
  const all: Held[] = [];
  while (all.length < count)
    all.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(1_000, count - all.length) }, (_, n) => open(all.length + n)),
      )),
    );
  return all;
};

const stillOpen = (all: readonly Held[]): number => all.filter(({ closedAt }) => closedAt === null).length;
const closeAll = (all: readonly Held[]): void => {
  for (const { socket } of all) socket.destroy();
};

/** The first record of a real handshake. */
const clientHello = async (): Promise<Buffer> => {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const client = tls.connect({ port, host: '127.0.0.1', servername: 'localhost' });
  client.on('error', () => undefined);
  const [socket] = (await once(server, 'connection')) as [net.Socket];
  const [hello] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  socket.destroy();
  server.close();
  return hello;
};

/** Status of a new connection's request from an address; 0 when it was cut. */
const ask = (
  { front, root }: FrontEdge,
  side: 'public' | 'federation',
  localAddress: string,
  client: Partial<ClientCertificate> = {},
): Promise<number> =>
  new Promise((resolve) => {
    const port = side === 'public' ? front.publicPort : front.federationPort;
    const path = side === 'public' ? '/api/me' : '/federation/v1/tasks';
    const { cert, key } = client;
    const agent = new https.Agent({ ca: root, ...(cert === undefined ? {} : { cert, key }) });
    https
      .get({ host: '127.0.0.1', port, path, localAddress, servername: 'localhost', agent }, (response) => {
        response.resume();
        response.once('end', () => resolve(response.statusCode ?? 0));
      })
      .on('error', () => resolve(0));
  });

describe('F-2 connections before their first request', () => {
  let edge: FrontEdge;
  let peer: ClientCertificate;
  beforeAll(async () => {
    edge = await openFrontEdge();
    peer = await edge.client();
  });
  afterAll(() => edge.close());

  const everybodyElse = async (): Promise<readonly number[]> =>
    Promise.all([
      ...Array.from({ length: 4 }, () => ask(edge, 'public', OTHER)),
      ...Array.from({ length: 4 }, () => ask(edge, 'federation', OTHER, peer)),
    ]);
  const ALL_200 = Array.from({ length: 8 }, () => 200);

  it('9,000 of one address with one byte of a handshake each: all others are answered', async () => {
    const { publicPort, federationPort } = edge.front;
    const held = await openMany(9_000, (n) =>
      connect(n % 2 === 0 ? publicPort : federationPort, STRANGER, Buffer.from([0x16])),
    );
    try {
      expect(await everybodyElse()).toEqual(ALL_200);
      await expect.poll(() => stillOpen(held), { timeout: 10_000 }).toBeLessThanOrEqual(2 * 1_024);
      expect(await everybodyElse()).toEqual(ALL_200);
    } finally {
      closeAll(held);
    }
  });

  it('a handshake that dribbles is cut: a ClientHello after 5 seconds, what follows it after 10 more', async () => {
    const hello = await clientHello();
    const { publicPort, federationPort } = edge.front;
    const [slowHello, slowRest] = [
      await openMany(100, () => connect(federationPort, STRANGER, hello.subarray(0, 1))),
      await openMany(100, () => connect(publicPort, STRANGER, hello)),
    ];
    let sent = 1;
    const drip = setInterval(() => {
      for (const { socket } of slowHello) socket.write(hello.subarray(sent, sent + 1));
      for (const { socket } of slowRest) socket.write(Buffer.from([RECORD[sent - 1] ?? 0]));
      sent += 1;
    }, 1_000);
    try {
      expect(await everybodyElse()).toEqual(ALL_200);
      await expect.poll(() => stillOpen([...slowHello, ...slowRest]), { timeout: 25_000 }).toBe(0);
    } finally {
      clearInterval(drip);
      closeAll([...slowHello, ...slowRest]);
    }
    const took = ({ openedAt, closedAt }: Held): number => ((closedAt ?? Infinity) - openedAt) / 1_000;
    expect(Math.max(...slowHello.map(took))).toBeLessThan(10);
    expect(Math.max(...slowRest.map(took))).toBeLessThan(20);
  });
});

const LIMITS = { connections_per_address: 16, connections_per_network: 40, connections_per_listener: 64 };
/** Less than any time after which a connection would be closed in any case. */
const AT_ONCE = { timeout: 4_000 };

describe('F-2 bounds of connections', () => {
  let edge: FrontEdge;
  beforeAll(async () => {
    edge = await openFrontEdge({ limits: LIMITS });
  });
  afterAll(() => edge.close());

  const half = (localAddress: string, port = edge.front.publicPort): Promise<Held> =>
    connect(port, localAddress, Buffer.from([0x16]));

  it('an address has its share of each listener; the others of its network, and all together, have theirs', async () => {
    const all: Held[] = [];
    const open = async (count: number, of: (n: number) => string): Promise<Held[]> => {
      const more = await openMany(count, (n) => half(of(n)));
      all.push(...more);
      return more;
    };
    try {
      const one = await open(50, () => '127.0.0.66');
      await expect.poll(() => stillOpen(one), AT_ONCE).toBe(16);
      expect(await ask(edge, 'public', '127.0.0.66')).toBe(0);
      expect(await ask(edge, 'federation', '127.0.0.66', await edge.client())).toBe(200);
      const neighbours = await open(60, (n) => `127.0.0.${70 + (n % 10)}`);
      await expect.poll(() => stillOpen(neighbours), AT_ONCE).toBe(40 - 16);
      expect(await ask(edge, 'public', '127.0.0.99')).toBe(0);
      expect(await ask(edge, 'public', OTHER)).toBe(200);
      const crowd = await open(60, (n) => `127.9.${n}.1`);
      await expect.poll(() => stillOpen(crowd), AT_ONCE).toBe(64 - 40);
      expect(await ask(edge, 'public', OTHER)).toBe(0);
      expect(await ask(edge, 'federation', OTHER, await edge.client())).toBe(200);
    } finally {
      closeAll(all);
    }
    await expect.poll(() => ask(edge, 'public', OTHER), { timeout: 10_000 }).toBe(200);
    const refused = (): number =>
      edge
        .log('access')
        .toString()
        .split('\n')
        .filter((line) => line.includes('"status":503') && line.includes('"limit":"REJECTED"')).length;
    await expect.poll(refused, { timeout: 10_000 }).toBeGreaterThan(50);
  });
});

describe('F-2 strangers from more networks than fill a listener', () => {
  let edge: FrontEdge;
  beforeAll(async () => {
    edge = await openFrontEdge({ limits: LIMITS, peerNetworks: ['127.0.1.0/24'] });
  });
  afterAll(() => edge.close());

  it('leave a quarter of it to the networks of known peers', async () => {
    const peer = await edge.client();
    const { federationPort } = edge.front;
    const crowd: Held[] = [];
    const fill = async (): Promise<number> => {
      const more = await openMany(70, (n) => connect(federationPort, `127.9.${n}.1`, Buffer.from([0x16])));
      crowd.push(...more);
      return ask(edge, 'federation', '127.8.0.1', peer);
    };
    try {
      await expect.poll(fill, { timeout: 10_000 }).toBe(0);
      const asked = await Promise.all(Array.from({ length: 12 }, () => ask(edge, 'federation', OTHER, peer)));
      expect(asked).toEqual(Array.from({ length: 12 }, () => 200));
      // Nor does a peer's network have more than any other one.
      const many = await openMany(30, () => connect(federationPort, OTHER, Buffer.from([0x16])));
      crowd.push(...many);
      await expect.poll(() => stillOpen(many), AT_ONCE).toBeLessThanOrEqual(16);
    } finally {
      closeAll(crowd);
    }
  });
});
