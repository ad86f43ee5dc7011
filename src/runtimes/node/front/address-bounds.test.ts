import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createAddressBounds } from './address-bounds.ts';

/** What the bounds see of a socket. */
const aSocket = (remoteAddress: string | undefined) => {
  const socket = Object.assign(new EventEmitter(), {
    remoteAddress,
    isOver: false,
    destroy: () => {
      socket.isOver = true;
      socket.emit('close');
    },
  });
  return socket as unknown as Socket & { readonly isOver: boolean };
};

describe('F-2 connections to the public listener', () => {
  const opener = (limits: { readonly maxConnections: number; readonly maxPerAddress: number }) => {
    const opened = createAddressBounds(limits);
    return (address: string | undefined) => {
      const socket = aSocket(address);
      opened(socket);
      return socket;
    };
  };

  it.each([
    ['an IPv4 address', () => '192.0.2.1', '192.0.2.2'],
    ['an IPv6 /64', (n: number) => `2001:db8:1:2::${n}`, '2001:db8:1:3::1'],
    ['an IPv4 address as IPv6', () => '::ffff:192.0.2.1', '::ffff:192.0.2.2'],
  ])('%s has its share, and one that closed makes room', (_name, address, other) => {
    const open = opener({ maxConnections: 100, maxPerAddress: 3 });
    const sockets = [0, 1, 2, 3, 4].map((n) => open(address(n)));
    expect(sockets.map(({ isOver }) => isOver)).toEqual([false, false, false, true, true]);
    expect(open(other).isOver).toBe(false);
    sockets[0]?.destroy();
    expect([open(address(9)).isOver, open(address(9)).isOver]).toEqual([false, true]);
  });

  it.each([['127.0.0.1'], ['127.9.8.7'], ['::1'], ['::ffff:127.0.0.1'], [undefined]])(
    'a proxy on this machine (%s) has as many as there are',
    (address) => {
      const open = opener({ maxConnections: 100, maxPerAddress: 3 });
      expect(Array.from({ length: 50 }, () => open(address).isOver).filter(Boolean)).toEqual([]);
    },
  );

  it('when it is full, who has most loses the oldest, and everybody else comes in and stays', () => {
    const open = opener({ maxConnections: 10, maxPerAddress: 8 });
    const good = open('198.51.100.1');
    const greedy = Array.from({ length: 8 }, () => open('192.0.2.1'));
    const others = Array.from({ length: 5 }, (_, n) => open(`203.0.113.${n}`));
    expect([good, ...others].map(({ isOver }) => isOver)).toEqual([false, false, false, false, false, false]);
    expect(greedy.map(({ isOver }) => isOver)).toEqual([true, true, true, true, false, false, false, false]);
  });

  it('a full listener of one address takes the newest of it', () => {
    const open = opener({ maxConnections: 2, maxPerAddress: 8 });
    const sockets = Array.from({ length: 4 }, () => open('127.0.0.1'));
    expect(sockets.map(({ isOver }) => isOver)).toEqual([true, true, false, false]);
    // Nothing is counted twice.
    for (const socket of sockets) socket.destroy();
    expect([open('192.0.2.1').isOver, open('192.0.2.1').isOver]).toEqual([false, false]);
  });
});
