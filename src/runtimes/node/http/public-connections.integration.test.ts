import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { request } from 'node:http';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { silent } from '../front/front.testkit.ts';
import { listenPublic, type Listening } from './listeners.ts';

let listening: Listening | null = null;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await listening?.stop(0);
  listening = null;
});

/** A connection that has begun a request and does not go on. */
const half = async (host: string, localAddress: string): Promise<Socket> => {
  const socket = connect({ host, port: listening?.port ?? 0, localAddress });
  sockets.push(socket);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.resume();
  socket.write('GET / HT');
  return socket;
};

const statusOf = (host: string, localAddress: string): Promise<number> =>
  new Promise((resolve) => {
    const asked = request(
      { host, port: listening?.port ?? 0, localAddress, agent: false },
      ({ statusCode = 0 }) => resolve(statusCode),
    );
    asked.on('error', () => resolve(0)).end();
  });

const start = async (host: string, limits: Parameters<typeof listenPublic>[3]): Promise<void> => {
  listening = await listenPublic(() => new Response('ok'), { kind: 'tcp', host, port: 0 }, silent, limits);
};

describe('F-2 the public listener without nginx', () => {
  it('strangers who fill it push out each other, and everybody else is answered', async () => {
    await start('127.0.0.1', { maxConnections: 50 });
    const kept = await half('127.0.0.1', '127.0.0.3');
    for (let round = 0; round < 5; round += 1) {
      await Promise.all(Array.from({ length: 60 }, () => half('127.0.0.1', '127.0.0.66')));
      expect(await statusOf('127.0.0.1', '127.0.0.2')).toBe(200);
    }
    await expect.poll(() => sockets.filter(({ closed }) => !closed).length).toBeLessThanOrEqual(50);
    expect(kept.closed).toBe(false);
  });

  it('another machine’s address has its share', async () => {
    const own = Object.values(networkInterfaces())
      .flatMap((all) => all ?? [])
      .find(({ internal, family, scopeid }) => !internal && (family === 'IPv4' || scopeid === 0));
    const host = own?.address ?? '127.0.0.1';
    await start(host, { maxPerAddress: 5 });
    const mine = await Promise.all(Array.from({ length: 9 }, () => half(host, host)));
    const left = own === undefined ? 9 : 5;
    await expect.poll(() => mine.filter(({ closed }) => !closed).length).toBe(left);
    mine[0]?.destroy();
    mine[1]?.destroy();
    await expect.poll(() => statusOf(host, host)).toBe(200);
  });
});
