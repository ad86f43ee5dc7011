import { afterEach, describe, expect, it, vi } from 'vitest';
import { createFlights } from './flights.ts';
import { LONG_MS, never, peer } from './flights.testkit.ts';

describe('MUTANTS flights whose time it is', () => {
  afterEach(() => void vi.useRealTimers());

  it('whose time is over does not end a call, which is late by its own deadline', async () => {
    const { calls, ask } = peer();
    const own = new AbortController();
    const asked = ask(own.signal);
    own.abort(new DOMException('The deadline has passed.', 'TimeoutError'));
    await expect(asked).rejects.toThrow('deadline');
    expect(calls.map(({ isGivenUp }) => isGivenUp)).toEqual([false]);
  });

  it('a call has its time from when it is sent, however late it looks at its deadline', async () => {
    vi.useFakeTimers();
    const said: string[] = [];
    const asked = createFlights().join('question', { signal: never }, 1_000, async (deadline) => {
      await new Promise((resolve) => setTimeout(resolve, 900));
      return new Promise<never>((_resolve, reject) =>
        deadline.signal.addEventListener('abort', () => reject(deadline.signal.reason as Error)),
      );
    });
    void asked.catch((error: unknown) => said.push((error as Error).name));
    await vi.advanceTimersByTimeAsync(999);
    expect(said).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(said).toEqual(['TimeoutError']);
  });

  it('a question waits a tenth of a second for the call before it, and is sent then', async () => {
    vi.useFakeTimers();
    const { calls, ask } = peer();
    void ask();
    void ask();
    await vi.advanceTimersByTimeAsync(99);
    expect(calls).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(calls).toHaveLength(2);
  });

  it('whoever made a call goes on at once, though many wait for the answer of another', async () => {
    const flights = createFlights();
    const gone: string[] = [];
    const ask = async (key: string, answer: Promise<string>): Promise<void> => {
      await flights.join(key, { signal: never }, LONG_MS, () => answer);
      gone.push(key);
    };
    const { promise, resolve } = Promise.withResolvers<string>();
    const all = Array.from({ length: 20 }, () => ask('many', promise));
    resolve('made');
    await new Promise<void>((next) => queueMicrotask(next));
    await ask('one', Promise.resolve('made'));
    expect(gone).toContain('one');
    expect(gone.length).toBeLessThan(20);
    await Promise.all(all);
  });
});
