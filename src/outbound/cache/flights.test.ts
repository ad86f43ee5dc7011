import { describe, expect, it } from 'vitest';
import { createFlights } from './flights.ts';
import { LONG_MS, never, peer, turn } from './flights.testkit.ts';

describe('F-10 one call for many who ask the same', () => {
  it('who comes after a call was sent gets the answer of the next one, which is one for all of them', async () => {
    const { calls, ask } = peer();
    const first = ask();
    const others = Array.from({ length: 180 }, () => ask());
    await turn();
    expect(calls).toHaveLength(1);
    calls[0]?.answer();
    expect(await first).toEqual({ isJoined: false, value: 1 });
    await turn();
    expect(calls).toHaveLength(2);
    const late = ask();
    calls[1]?.answer();
    const values = (await Promise.all(others)).map(({ value }) => value);
    expect(new Set(values)).toEqual(new Set([2]));
    await turn();
    calls[2]?.answer();
    expect((await late).value).toBe(3);
  });

  it.each(['answer', 'fail'] as const)(
    'of all who waited a few go on in each turn of the loop, and whoever made the call at once: %s',
    async (how) => {
      const flights = createFlights();
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const most: number[] = [];
      const gone: true[] = [];
      const ask = async (): Promise<void> => {
        await flights.join('question', { signal: never }, LONG_MS, () => promise).catch(() => null);
        gone.push(true);
      };
      const all = Array.from({ length: 180 }, ask);
      if (how === 'answer') resolve('made');
      else reject(new Error('failed'));
      while (gone.length < 180) {
        const before = gone.length;
        await new Promise<void>((next) => setImmediate(next));
        most.push(gone.length - before);
      }
      await Promise.all(all);
      expect(most[0]).toBeGreaterThan(0);
      expect(Math.max(...most)).toBeLessThanOrEqual(10);
    },
  );

  it('a call that does not come back holds up the next one for a moment only', async () => {
    const { calls, ask } = peer();
    void ask();
    const second = ask();
    await expect.poll(() => calls.length).toBe(2);
    calls[1]?.answer();
    expect((await second).value).toBe(2);
  });

  it('a failure is of those who waited for it, and of nobody after them', async () => {
    const { calls, ask } = peer();
    const first = ask();
    const second = ask();
    calls[0]?.fail();
    await expect(first).rejects.toThrow('failed');
    await turn();
    calls[1]?.answer();
    expect((await second).value).toBe(2);
    await turn();
    const third = ask();
    calls[2]?.answer();
    expect(await third).toEqual({ isJoined: false, value: 3 });
  });

  it('a call that nobody waits for any more ends, and one that was not sent is not', async () => {
    const { calls, ask } = peer();
    const [one, two] = [new AbortController(), new AbortController()];
    const first = ask(one.signal);
    const second = ask(two.signal);
    two.abort();
    await expect(second).rejects.toThrow('aborted');
    one.abort();
    await expect(first).rejects.toThrow('aborted');
    expect(calls.map(({ isGivenUp }) => isGivenUp)).toEqual([true]);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(calls).toHaveLength(1);
    const third = ask();
    await turn();
    calls[1]?.answer();
    expect((await third).value).toBe(2);
  });

  it('other questions are other calls', async () => {
    const { calls, ask } = peer();
    void ask();
    void ask(never, 'other');
    await turn();
    expect(calls).toHaveLength(2);
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 8, 12])(
    'nothing is kept of a question whose askers left %i steps after the call before it came back',
    async (steps) => {
      const { calls, ask, open } = peer();
      const [late, gone] = [new AbortController(), new AbortController()];
      const first = ask(late.signal);
      const second = ask(gone.signal);
      late.abort(new DOMException('The deadline has passed.', 'TimeoutError'));
      await expect(first).rejects.toThrow('deadline');
      calls[0]?.answer();
      for (let step = 0; step < steps; step += 1) await Promise.resolve();
      gone.abort();
      await Promise.allSettled([first, second]);
      calls[1]?.answer();
      await turn();
      expect(open()).toBe(0);
    },
  );

  it('nothing is kept of a question that has no time left when its turn comes', async () => {
    const flights = createFlights();
    const { promise, resolve } = Promise.withResolvers<number>();
    const first = flights.gather('question', { signal: never }, LONG_MS, () => promise);
    const second = flights.gather('question', { signal: never }, LONG_MS, () => {
      throw new Error('no time left');
    });
    resolve(1);
    await first;
    await expect(second).rejects.toThrow('no time left');
    await turn();
    expect(flights.open()).toBe(0);
  });

  it('nothing is kept of questions that all came back or were given up', async () => {
    const { calls, ask, open } = peer();
    const gone = new AbortController();
    const all = [ask(), ask(gone.signal), ask(gone.signal), ask(gone.signal, 'other')];
    expect(open()).toBe(2);
    gone.abort();
    for (const { answer } of calls) answer();
    await Promise.allSettled(all);
    await turn();
    expect(open()).toBe(0);
  });
});

describe('MUTANTS cache calls that are shared by who asks the same', () => {
  const call = () => {
    const flights = createFlights();
    let isGivenUp = false;
    let answer: (value: string) => void = () => {};
    let started = 0;
    const join = (signal = never, key = 'question') =>
      flights.join(key, { signal }, LONG_MS, (deadline) => {
        started += 1;
        deadline.signal.addEventListener('abort', () => (isGivenUp = true));
        return new Promise<string>((resolve) => (answer = resolve));
      });
    return {
      join,
      started: () => started,
      isGivenUp: () => isGivenUp,
      answer: (text: string) => answer(text),
    };
  };

  it('one of two who leaves does not end the call, and the last one who leaves does', async () => {
    const { join, isGivenUp, answer, started } = call();
    const [one, two] = [new AbortController(), new AbortController()];
    const [first, second] = [join(one.signal), join(two.signal)];
    one.abort();
    await expect(first).rejects.toThrow('aborted');
    expect(isGivenUp()).toBe(false);
    answer('here');
    expect(await second).toEqual({ isJoined: true, value: 'here' });
    expect(started()).toBe(1);

    const again = call();
    const [three, four] = [new AbortController(), new AbortController()];
    const both = [again.join(three.signal), again.join(four.signal)];
    three.abort();
    four.abort();
    for (const asked of both) await expect(asked).rejects.toThrow('aborted');
    expect(again.isGivenUp()).toBe(true);
  });

  it('who asks after the answer came, or after all left, makes a call of their own', async () => {
    const { join, answer, started } = call();
    const first = join();
    answer('one');
    expect(await first).toEqual({ isJoined: false, value: 'one' });
    const only = new AbortController();
    const second = join(only.signal);
    expect(started()).toBe(2);
    only.abort();
    await expect(second).rejects.toThrow('aborted');
    const third = join();
    expect(started()).toBe(3);
    answer('three');
    expect(await third).toEqual({ isJoined: false, value: 'three' });
  });

  it('other questions are other calls, also of those who join', async () => {
    const { join, started } = call();
    void join();
    void join(never, 'other');
    expect(started()).toBe(2);
  });
});
