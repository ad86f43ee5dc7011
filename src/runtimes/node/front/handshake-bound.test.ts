import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { BoundedHandshake } from './handshake-bound.ts';

/** A connection over which nothing comes but what a test says. */
const connection = (most: number, atOnce: number) => {
  const raw = new Socket();
  const bounded = new BoundedHandshake(raw, { most, atOnce });
  const given: number[] = [];
  const failure = new Promise<Error>((resolve) => bounded.once('error', resolve));
  return { raw, bounded, given, failure };
};

describe('F-1 N-9 what a handshake may bring', () => {
  it('is given in pieces, up to the bound, and nothing of what is beyond', async () => {
    const { raw, bounded, given, failure } = connection(100, 40);
    bounded.on('data', ({ length }: Buffer) => given.push(length));
    bounded.resume();
    raw.emit('data', Buffer.alloc(101));
    expect(await failure).toMatchObject({ code: 'peer_protocol' });
    expect(given).toEqual([40, 40, 20]);
    expect(raw.destroyed).toBe(true);
  });

  it('what follows a handshake that is done is not counted, and nothing of it is lost', async () => {
    const { raw, bounded, given } = connection(100, 40);
    bounded.on('data', ({ length }: Buffer) => {
      given.push(length);
      bounded.release();
    });
    bounded.resume();
    const ended = new Promise<void>((resolve) => bounded.once('end', () => resolve()));
    raw.emit('data', Buffer.alloc(60));
    raw.emit('data', Buffer.alloc(1_000));
    raw.emit('end');
    await ended;
    expect(given).toEqual([40, 20, 1_000]);
    bounded.destroy();
  });

  it('what is thrown where bytes are taken ends the connection, and nothing else', async () => {
    const { raw, bounded, failure } = connection(100, 40);
    bounded.on('data', () => {
      throw new RangeError('taken badly');
    });
    bounded.resume();
    // As when a connection flows, which it does a turn after it was told to.
    await new Promise((resolve) => setImmediate(resolve));
    raw.emit('data', Buffer.alloc(10));
    expect(await failure).toMatchObject({ message: 'taken badly' });
    expect(raw.destroyed).toBe(true);
  });
});
