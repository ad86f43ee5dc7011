import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { createTurns } from './turns.ts';

describe('F-78 turns of an isolate', () => {
  it('lets so many run at once, and the others wait in the order they came', async () => {
    const turns = createTurns({ most: 2, waiting: 100, waitMs: 10_000 }, Date.now);
    let running = 0;
    let most = 0;
    const order: number[] = [];
    const one = async (index: number): Promise<void> => {
      const giveBack = await turns.take();
      order.push(index);
      running += 1;
      most = Math.max(most, running);
      await sleep(5);
      running -= 1;
      giveBack();
    };
    await Promise.all(Array.from({ length: 20 }, (_, index) => one(index)));
    expect([most, turns.state]).toEqual([2, { running: 0, waiting: 0 }]);
    // Two that are started by the same look may begin in either order.
    for (const [at, index] of order.entries()) expect(Math.abs(at - index)).toBeLessThan(4);
  });

  it('refuses at once who is too many, and after a while who got no turn', async () => {
    const turns = createTurns({ most: 1, waiting: 1, waitMs: 50 }, Date.now);
    const giveBack = await turns.take();
    const waits = turns.take();
    await expect(turns.take()).rejects.toMatchObject({ code: 'unavailable', retryAfterSeconds: 1 });
    await expect(waits).rejects.toMatchObject({ code: 'unavailable' });
    expect(turns.state).toEqual({ running: 1, waiting: 0 });
    giveBack();
    (await turns.take())();
  });

  it('takes back what a request left that was ended by the runtime', async () => {
    vi.useFakeTimers();
    try {
      const turns = createTurns({ most: 1, waiting: 5, waitMs: 120_000 }, Date.now);
      await turns.take();
      const next = turns.take();
      await vi.advanceTimersByTimeAsync(61_000);
      (await next)();
      expect(turns.state).toEqual({ running: 0, waiting: 0 });
    } finally {
      vi.useRealTimers();
    }
  });
});
