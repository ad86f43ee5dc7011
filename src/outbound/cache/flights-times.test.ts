import { afterEach, describe, expect, it, vi } from 'vitest';
import { createFlights } from './flights.ts';
import { LONG_MS, never, peer, turn } from './flights.testkit.ts';

afterEach(() => void vi.useRealTimers());

describe('MUTANTS flights whose time it is', () => {
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

describe('MUTANTS flights calls of one question after each other', () => {
  it('who comes while the second call is under way waits for it too, and one of those who wait makes the third', async () => {
    const { calls, ask } = peer();
    const first = ask();
    const second = ask();
    calls[0]?.answer();
    await first;
    await turn();
    const late = [ask(), ask(), ask()];
    await turn();
    expect(calls).toHaveLength(2);
    calls[1]?.answer();
    expect(await second).toEqual({ isJoined: false, value: 2 });
    await turn();
    calls[2]?.answer();
    expect(await Promise.all(late)).toEqual([
      { isJoined: false, value: 3 },
      { isJoined: true, value: 3 },
      { isJoined: true, value: 3 },
    ]);
    expect(calls).toHaveLength(3);
  });

  it('whoever gives up a call that waited before it was sent ends it, and not the wait of those after it', async () => {
    const { calls, ask } = peer();
    const gone = new AbortController();
    void ask();
    const second = ask(gone.signal);
    calls[0]?.answer();
    await turn();
    expect(calls).toHaveLength(2);
    const third = ask();
    gone.abort();
    await expect(second).rejects.toThrow('aborted');
    expect(calls.map(({ isGivenUp }) => isGivenUp)).toEqual([true, true]);
    const fourth = ask();
    calls[1]?.fail();
    await turn();
    calls[2]?.answer();
    expect(await Promise.all([third, fourth])).toEqual([
      { isJoined: false, value: 3 },
      { isJoined: true, value: 3 },
    ]);
  });

  it('a call that was given up and comes back late takes nothing from the one after it', async () => {
    const flights = createFlights();
    const answers: ((value: string) => void)[] = [];
    const join = (signal = never) =>
      flights.join(
        'question',
        { signal },
        LONG_MS,
        () => new Promise<string>((resolve) => answers.push(resolve)),
      );
    const gone = new AbortController();
    const first = join(gone.signal);
    gone.abort();
    await expect(first).rejects.toThrow('aborted');
    const second = join();
    answers[0]?.('late');
    await turn();
    const third = join();
    answers[1]?.('here');
    expect(await Promise.all([second, third])).toEqual([
      { isJoined: false, value: 'here' },
      { isJoined: true, value: 'here' },
    ]);
  });

  it('nothing is timed any more when all have their answers', async () => {
    vi.useFakeTimers();
    const { calls, ask } = peer();
    const all = [ask(), ask()];
    calls[0]?.answer();
    await vi.advanceTimersByTimeAsync(0);
    calls[1]?.answer();
    await Promise.all(all);
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(0);
  });
});
