import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NodeHandler } from './front.ts';
import { listenBehindFront, listenPublicSocket, type Listening } from './listeners.ts';

const MANY = 300;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mosaic-turns-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A connection as the front keeps them. */
const opened = (path: string): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ path }, () => resolve(socket));
    socket.once('error', reject);
  });

const answered = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    let text = '';
    const read = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      if (!text.endsWith('0\r\n\r\n') && !text.endsWith('done')) return;
      socket.off('data', read);
      resolve();
    };
    socket.on('data', read);
  });

/** In which place the request of `one` begins that comes in last, after `MANY` of somebody else. */
const placeOfOne = async (
  listen: (handler: NodeHandler, path: string) => Promise<Listening>,
  headersOf: (who: string) => string,
): Promise<{ readonly place: number; readonly begun: number }> => {
  const path = join(folder, `${crypto.randomUUID().slice(0, 8)}.sock`);
  const begun: string[] = [];
  const listening = await listen((request) => {
    const who = request.headers.get('x-who') ?? '';
    begun.push(who);
    return new Response('done');
  }, path);
  const say = (socket: Socket, who: string): Promise<void> => {
    const done = answered(socket);
    socket.write(`GET / HTTP/1.1\r\nHost: g\r\nX-Who: ${who}\r\n${headersOf(who)}\r\n\r\n`);
    return done;
  };
  const sockets: Socket[] = [];
  try {
    for (let count = 0; count <= MANY; count += 1) sockets.push(await opened(path));
    // Each has asked before: nothing is left to be accepted.
    await Promise.all(sockets.map((socket) => say(socket, 'early')));
    begun.length = 0;
    // Written without a turn of the loop in between, so that all of them are there when the gateway looks.
    const last = sockets.pop();
    const asked = sockets.map((socket) => say(socket, 'many'));
    if (last !== undefined) {
      asked.push(say(last, 'one'));
      sockets.push(last);
    }
    await Promise.all(asked);
    return { place: begun.indexOf('one'), begun: begun.length };
  } finally {
    for (const socket of sockets) socket.destroy();
    await listening.stop(0);
  }
};

describe('F-11 requests that come in at once behind a front', () => {
  it('take turns by certificate: one of another peer is begun before the many', async () => {
    const { place, begun } = await placeOfOne(listenBehindFront, (who) => `Client-Cert: :${btoa(who)}:`);
    expect(begun).toBe(MANY + 1);
    expect(place).toBeLessThan(MANY / 4);
  });

  it('take turns by address where there is no certificate', async () => {
    const { place, begun } = await placeOfOne(
      listenPublicSocket,
      (who) => `X-Forwarded-For: 192.0.2.1, 203.0.113.${who === 'one' ? 1 : 2}`,
    );
    expect(begun).toBe(MANY + 1);
    expect(place).toBeLessThan(MANY / 4);
  });
});
