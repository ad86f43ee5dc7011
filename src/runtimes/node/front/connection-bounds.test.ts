import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { createConnectionBounds } from './connection-bounds.ts';

const LIMITS = { maxConnections: 12, maxStrangers: 4, maxPerAddress: 100, maxPerCertificate: 6 };

/** What the bounds see of a socket. */
const aSocket = (remotePort: number) => {
  const socket = Object.assign(new EventEmitter(), {
    remoteAddress: '192.0.2.1',
    remotePort,
    isOver: false,
    destroy: () => {
      socket.isOver = true;
      socket.emit('close');
    },
  });
  return socket as unknown as Socket & { readonly isOver: boolean };
};

it('F-2 a peer with several certificates does not keep others out: who has most gives way', () => {
  const bounds = createConnectionBounds(LIMITS);
  let port = 0;
  const open = (certificate: string) => {
    const socket = aSocket((port += 1));
    bounds.opened(socket);
    return { socket, isIn: bounds.proven(socket, certificate) };
  };
  const greedy = ['one', 'two'].flatMap((certificate) => Array.from({ length: 4 }, () => open(certificate)));
  expect(greedy.every(({ isIn }) => isIn)).toBe(true);
  const good = open('good');
  expect([good.isIn, good.socket.isOver]).toEqual([true, false]);
  expect(greedy.map(({ socket }) => socket.isOver).filter(Boolean)).toHaveLength(1);
  expect(greedy[0]?.socket.isOver).toBe(true);
  // However many more it opens, the good one stays.
  for (let more = 0; more < 20; more += 1) open(more % 2 === 0 ? 'one' : 'two');
  expect(good.socket.isOver).toBe(false);
});

it('F-2 a certificate has so many connections, and a closed one makes room', () => {
  const bounds = createConnectionBounds({ ...LIMITS, maxConnections: 100 });
  const sockets = Array.from({ length: 7 }, (_, index) => aSocket(index + 1));
  const isIn = sockets.map((socket) => {
    bounds.opened(socket);
    return bounds.proven(socket, 'one');
  });
  expect(isIn).toEqual([true, true, true, true, true, true, false]);
  sockets[0]?.destroy();
  const next = aSocket(8);
  bounds.opened(next);
  expect(bounds.proven(next, 'one')).toBe(true);
});

it('F-2 a connection that was ended as the oldest stranger is no peer afterwards', () => {
  const bounds = createConnectionBounds(LIMITS);
  const sockets = Array.from({ length: 5 }, (_, index) => aSocket(index + 1));
  for (const socket of sockets) bounds.opened(socket);
  expect(sockets.map(({ isOver }) => isOver)).toEqual([true, false, false, false, false]);
  expect(sockets[0] === undefined ? null : bounds.proven(sockets[0], 'one')).toBe(false);
});
