import { describe, expect, it } from 'vitest';
import { createLateRefusals } from './late-refusals.ts';

const begin = (most?: number) => {
  const waiting: (() => void)[] = [];
  const wait = (): Promise<void> => new Promise((resolve) => void waiting.push(resolve));
  const handler = createLateRefusals(
    wait,
    most,
  )((request: Request, env: { readonly isLater: boolean }) => {
    const answer = new Response(null, { status: Number(new URL(request.url).pathname.slice(1)) });
    return env.isLater ? Promise.resolve(answer) : answer;
  });
  const ask = async (status: number, isLater = true): Promise<number> =>
    (await handler(new Request(`http://g/${status}`), { isLater })).status;
  return { ask, waiting };
};

describe('F-6 F-19 a 429', () => {
  it.each([true, false])('leaves only after it has waited (answered later: %s)', async (isLater) => {
    const { ask, waiting } = begin();
    let isAnswered = false;
    const asked = ask(429, isLater).then((status) => {
      isAnswered = true;
      return status;
    });
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    expect([isAnswered, waiting.length]).toEqual([false, 1]);
    waiting[0]?.();
    expect(await asked).toBe(429);
  });

  it('is the only answer that waits', async () => {
    const { ask, waiting } = begin();
    for (const status of [200, 400, 401, 403, 413, 500, 503])
      for (const isLater of [true, false]) expect(await ask(status, isLater)).toBe(status);
    expect(waiting).toEqual([]);
  });

  it('makes a connection that asks again at once wait for each of its refusals', async () => {
    const { ask, waiting } = begin();
    let refused = 0;
    const flood = async (): Promise<void> => {
      while (refused < 3) {
        await ask(429);
        refused += 1;
      }
    };
    const running = flood();
    for (const turns of [0, 1, 2]) {
      while (waiting.length <= turns) await Promise.resolve();
      expect(refused).toBe(turns);
      waiting[turns]?.();
    }
    await running;
  });

  it('does not wait where as many as there may be are waiting', async () => {
    const { ask, waiting } = begin(2);
    const held = [ask(429), ask(429)];
    while (waiting.length < 2) await Promise.resolve();
    expect(await ask(429)).toBe(429);
    for (const go of waiting) go();
    await Promise.all(held);
    const next = ask(429);
    while (waiting.length < 3) await Promise.resolve();
    waiting[2]?.();
    expect(await next).toBe(429);
  });
});
