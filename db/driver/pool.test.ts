import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Connection } from './connection.ts';
import type { PoolParts } from './pool-parts.ts';
import { createPool } from './pool.ts';

const LIMITS = {
  max: 3,
  pipeline: 1,
  queueLimit: 100,
  deadlineMs: 5_000,
  idleMs: 60_000,
  lifetimeMs: 60_000,
};

const poolWith = (open: PoolParts['open']) => createPool({ ...LIMITS, open, lost: async () => [] });

const connection = (answer: () => Promise<void>): Connection => ({
  session: null,
  isOver: false,
  send: async () => {
    await answer();
    return { rows: [], command: 'SELECT' };
  },
  destroy: () => undefined,
  end: async () => undefined,
});

const refused = (): Error => Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });

describe('a pool whose server refuses connections', () => {
  it('F-23 tells all who wait at once, although tries to connect overlap', async () => {
    let tries = 0;
    const pool = poolWith(async () => {
      tries += 1;
      // One after the other, as a machine's load has it: never is none under way when one has failed.
      await wait(10 + 7 * (tries % 3));
      throw refused();
    });
    const from = performance.now();
    const asked = Array.from({ length: 20 }, () => pool.run('select 1', [], 'objects'));
    const told = await Promise.allSettled(asked);
    expect(told.map(({ status }) => status)).toEqual(told.map(() => 'rejected'));
    expect(told[0]).toMatchObject({ reason: { cause: { code: 'ECONNREFUSED' } } });
    expect(performance.now() - from).toBeLessThan(LIMITS.deadlineMs / 2);
    expect(tries).toBeLessThanOrEqual(LIMITS.max);
    await pool.close();
  });

  it('F-23 goes on with the connections it has, and tries anew after a pause', async () => {
    let tries = 0;
    let isRefusing = false;
    let isOpen = false;
    let refusals = 0;
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const pool = poolWith(async () => {
      tries += 1;
      await wait(1);
      if (isRefusing) {
        refusals += 1;
        throw refused();
      }
      isOpen = true;
      return connection(() => held);
    });
    const first = pool.run('select 1', [], 'objects');
    await expect.poll(() => tries, { timeout: 4_000, interval: 1 }).toBe(1);
    await expect.poll(() => isOpen, { timeout: 4_000, interval: 1 }).toBe(true);
    isRefusing = true;
    const second = pool.run('select 2', [], 'objects');
    await expect.poll(() => refusals, { timeout: 4_000, interval: 1 }).toBe(1);
    expect(tries).toBe(2);
    isRefusing = false;
    await expect.poll(() => tries, { timeout: 4_000 }).toBe(3);
    release();
    await Promise.all([first, second]);
    await pool.close();
  });
});
