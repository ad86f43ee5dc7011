import { describe, expect, it } from 'vitest';
import { createPeerHealth } from './health.ts';

const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

const build = (write: () => Promise<void> = async () => undefined) => {
  const written: string[] = [];
  let ms = 1_000_000;
  const health = createPeerHealth(
    {
      recordSuccess: (id) => {
        written.push(`${id} ok`);
        return write();
      },
      recordFailure: (id, _at, code) => {
        written.push(`${id} ${code}`);
        return write();
      },
    },
    { now: () => new Date(ms) },
    silent,
  );
  return { health, written, pass: (by: number) => (ms += by) };
};

describe('PeerHealth', () => {
  it('writes a change at once and the same news only every few seconds', async () => {
    const { health, written, pass } = build();
    for (const code of [null, null, 'peer_timeout', 'peer_timeout', null]) {
      health.note('a', code);
      await health.settled();
    }
    pass(5_001);
    health.note('a', null);
    health.note('b', null);
    await health.settled();
    expect(written).toEqual(['a ok', 'a peer_timeout', 'a ok', 'a ok', 'b ok']);
  });

  it('has at most one write under way per peer and keeps the newest news', async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const { health, written } = build(() => gate);
    for (let n = 0; n < 100; n += 1) health.note('a', n % 2 === 0 ? null : 'peer_timeout');
    expect(written).toEqual(['a ok']);
    release();
    await health.settled();
    expect(written).toEqual(['a ok', 'a peer_timeout']);
  });

  it('a database that fails costs the note only, and the next one is tried again', async () => {
    const { health, written } = build(() => Promise.reject(new Error('down')));
    health.note('a', null);
    await health.settled();
    health.note('a', null);
    await health.settled();
    expect(written).toEqual(['a ok', 'a ok']);
  });
});
