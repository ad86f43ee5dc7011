import https from 'node:https';
import tls from 'node:tls';
import { afterEach, expect, it } from 'vitest';
import { openFrontEdge, type FrontEdge } from '../../devstack/components/front-edge.ts';

let edge: FrontEdge | null = null;
afterEach(async () => {
  await edge?.close();
  edge = null;
});

/** A request whose body has begun, and does not go on. */
const slowBody = async ({ front, root }: FrontEdge, localAddress: string): Promise<tls.TLSSocket> => {
  const at = { host: '127.0.0.1', port: front.publicPort, localAddress };
  const socket = tls.connect({ ...at, servername: 'localhost', ca: root });
  socket.on('error', () => undefined);
  socket.resume();
  socket.write('POST /api/resources/notes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\n{');
  await new Promise<void>((resolve) => {
    socket.once('secureConnect', () => resolve()).once('close', () => resolve());
  });
  return socket;
};

const slowBodies = async (opened: FrontEdge, addresses: readonly string[]): Promise<tls.TLSSocket[]> => {
  const sockets: tls.TLSSocket[] = [];
  for (let from = 0; from < addresses.length; from += 50)
    sockets.push(
      ...(await Promise.all(addresses.slice(from, from + 50).map((address) => slowBody(opened, address)))),
    );
  return sockets;
};

const statusOf = (
  { front, root }: FrontEdge,
  localAddress: string,
  body = '',
  client: { readonly cert?: string; readonly key?: string } = {},
): Promise<number> =>
  new Promise((resolve) => {
    const isPeer = client.cert !== undefined;
    const request = https.request(
      {
        host: '127.0.0.1',
        port: isPeer ? front.federationPort : front.publicPort,
        path: isPeer ? '/federation/v1/tasks' : '/api/resources/notes',
        method: body === '' ? 'GET' : 'POST',
        localAddress,
        servername: 'localhost',
        agent: new https.Agent({ ca: root, ...client }),
      },
      (response) => {
        response.resume();
        response.once('end', () => resolve(response.statusCode ?? 0));
      },
    );
    request.on('error', () => resolve(0));
    request.end(body);
  });

it('F-2 X-60 220 slow bodies of one address: its other requests are answered, and only bodies are told to wait', async () => {
  const opened = (edge = await openFrontEdge());
  const sockets = await slowBodies(
    opened,
    Array.from({ length: 220 }, () => '127.0.0.66'),
  );
  try {
    await expect.poll(() => sockets.filter(({ closed }) => !closed).length, { timeout: 9_000 }).toBe(64);
    for (let round = 0; round < 5; round += 1) expect(await statusOf(opened, '127.0.0.66')).toBe(200);
    expect(await statusOf(opened, '127.0.0.66', '{}')).toBe(429);
    expect(await statusOf(opened, '127.0.0.67', '{}')).toBe(200);
    const { cert, key } = await opened.client();
    expect(await statusOf(opened, '127.0.0.66', '{}', { cert, key })).toBe(200);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
});

it('F-2 X-60 slow bodies of 41 addresses, at a 66th of the default bounds: everybody else is answered', async () => {
  const limits = { bodies_per_address: 1, connections_per_listener: 154, connections_per_address: 16 };
  const opened = (edge = await openFrontEdge({ limits }));
  // As 200 of each would be; no two addresses of one network.
  const addresses = Array.from({ length: 41 * 3 }, (_, n) => `127.1.${n % 41}.1`);
  const sockets = await slowBodies(opened, addresses);
  try {
    const { cert, key } = await opened.client();
    for (let round = 0; round < 5; round += 1) {
      expect(await statusOf(opened, '127.0.0.2', '{}')).toBe(200);
      expect(await statusOf(opened, '127.0.0.2', '{}', { cert, key })).toBe(200);
    }
    await expect.poll(() => sockets.filter(({ closed }) => !closed).length, { timeout: 9_000 }).toBe(41);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
});
