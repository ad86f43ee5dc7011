import { describe, expect, it } from 'vitest';
import { createDeadline, isGivenUp } from './deadline.ts';

describe('a deadline', () => {
  it('is one signal for all calls, which ends when the question is answered', () => {
    const { deadline, giveUp } = createDeadline(60_000);
    const { signal } = deadline;
    expect(deadline.signal).toBe(signal);
    expect([signal.aborted, isGivenUp(signal)]).toEqual([false, false]);
    giveUp();
    expect([signal.aborted, isGivenUp(signal)]).toEqual([true, true]);
  });

  it('is over for a call that would begin afterwards', () => {
    const { deadline, giveUp } = createDeadline(60_000);
    giveUp();
    expect(isGivenUp(deadline.signal)).toBe(true);
  });

  it('passes, and is then no giving up', async () => {
    const { deadline, giveUp } = createDeadline(5);
    await expect.poll(() => deadline.signal.aborted).toBe(true);
    giveUp();
    expect(isGivenUp(deadline.signal)).toBe(false);
    expect(() => deadline.signal.throwIfAborted()).toThrow(expect.objectContaining({ name: 'TimeoutError' }));
  });
});
