import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import { createRequestBudgets } from './budget.ts';
import type { Connection } from './connection.ts';
import { createPool } from './pool.ts';
import type { PoolParts } from './pool-parts.ts';
import { requestPool } from './request-pool.ts';

const LIMITS = {
  max: 2,
  pipeline: 1,
  queueLimit: 100,
  deadlineMs: 30_000,
  idleMs: 60_000,
  lifetimeMs: 60_000,
};

type Send = Connection['send'];

/** A server whose connections do as they are told, in their order. */
const serverOf = (...ways: (Send | Error)[]) => {
  let opened = 0;
  const open: PoolParts['open'] = async (onOver) => {
    const way = ways[opened];
    opened += 1;
    if (way === undefined) throw new Error('no more connections');
    if (way instanceof Error) throw way;
    let isOver = false;
    const end = (): void => {
      if (!isOver) onOver();
      isOver = true;
    };
    return {
      session: null,
      get isOver() {
        return isOver;
      },
      send: async (...statement) => {
        try {
          return await way(...statement);
        } catch (error) {
          end();
          throw error;
        }
      },
      destroy: end,
      end: async () => end(),
    };
  };
  return { open, opened: () => opened };
};

const answers: Send = async () => ({ rows: ['row'], command: 'SELECT' });
const ended: Send = () => Promise.reject(Object.assign(new Error('terminated'), { code: '57P01' }));
const hangs: Send = () => new Promise(() => undefined);
const refused = Object.assign(new Error('refused'), { code: 'STANDBY' });

const poolOf = (open: PoolParts['open'], isReading = true, isFit = () => true) => {
  const budgets = createRequestBudgets(new AsyncLocalStorage<object>());
  const pool = createPool({ ...LIMITS, open, lost: async () => [] });
  return { budgets, pool: requestPool(pool, { budgets, isReading, isFit }) };
};
const ask = (pool: { readonly run: ReturnType<typeof createPool>['run'] }) =>
  pool.run('select 1', [], 'objects').then(
    ({ rows }) => rows,
    (error: { readonly code?: string; readonly cause?: { readonly code?: string } }) =>
      error.cause?.code ?? error.code,
  );

describe('a read whose idle session had been ended', () => {
  it('F-23 is sent once again, over a connection that was opened afterwards', async () => {
    const { open, opened } = serverOf(ended, answers);
    const { pool, budgets } = poolOf(open);
    expect(await budgets.within(5_000, () => ask(pool))).toEqual(['row']);
    expect(opened()).toBe(2);
    await pool.close();
  });

  it('F-23 is not sent over one that was opened before: it may have been ended as well', async () => {
    let go = (): void => undefined;
    const held = new Promise<void>((resolve) => (go = resolve));
    const slow: Send = async () => {
      await held;
      return { rows: [], command: 'SELECT' };
    };
    const both: Send[] = [slow, slow];
    const first: Send = (...statement) => (both.shift() ?? ended)(...statement);
    const { open, opened } = serverOf(first, first, answers);
    const { pool, budgets } = poolOf(open);
    const warm = [ask(pool), ask(pool)];
    await expect.poll(() => both.length, { interval: 1 }).toBe(0);
    go();
    await Promise.all(warm);
    expect(opened()).toBe(2);
    expect(await budgets.within(5_000, () => ask(pool))).toEqual(['row']);
    expect(opened()).toBe(3);
    await pool.close();
  });

  it('F-23 is not sent a third time', async () => {
    const { open, opened } = serverOf(ended, ended, answers);
    const { pool, budgets } = poolOf(open);
    expect(await budgets.within(5_000, () => ask(pool))).toBe('57P01');
    expect(opened()).toBe(2);
    await pool.close();
  });

  it.each([
    ['where things are written', false, true, false],
    ['after a write of the same request', true, true, true],
    ['while the database is known to be away', true, false, false],
  ])('F-22 F-23 is not sent again %s', async (_when, isReading, isFit, hasWritten) => {
    const { open, opened } = serverOf(ended, answers);
    const { pool, budgets } = poolOf(open, isReading, () => isFit);
    const told = await budgets.within(5_000, () => {
      const budget = budgets.current();
      if (hasWritten && budget !== null) budget.hasWritten = true;
      return ask(pool);
    });
    expect([told, opened()]).toEqual(['57P01', 1]);
    await pool.close();
  });

  it('F-22 is not sent again outside of a request', async () => {
    const { open, opened } = serverOf(ended, answers);
    const { pool } = poolOf(open);
    expect([await ask(pool), opened()]).toEqual(['57P01', 1]);
    await pool.close();
  });

  it('F-20 F-23 is refused at once where the server refuses the new session, as a standby is refused', async () => {
    const { open } = serverOf(ended, refused);
    const { pool, budgets } = poolOf(open);
    expect(await budgets.within(30_000, () => ask(pool))).toBe('STANDBY');
    await pool.close();
  });
});

describe('the budget of a request', () => {
  it('F-22 ends what runs, frees the connection, and leaves nothing for the next statement', async () => {
    const { open, opened } = serverOf(hangs, answers, answers);
    const { pool, budgets } = poolOf(open, false);
    const told = await budgets.within(50, async () => [await ask(pool), await ask(pool)]);
    expect(told).toEqual(['DEADLINE', 'DEADLINE']);
    const before = opened();
    expect(await ask(pool)).toEqual(['row']);
    expect(opened()).toBe(before + 1);
    await pool.close();
  });

  it('F-22 counts the wait for a connection, and a transaction without time left gives its connection up', async () => {
    const { open } = serverOf(answers, answers, answers);
    const { pool, budgets } = poolOf(open, false);
    const held = [await pool.hold(), await pool.hold()];
    expect(await budgets.within(50, () => ask(pool))).toBe('DEADLINE');
    for (const { release } of held) release();
    await budgets.within(50, async () => {
      const transaction = await pool.hold();
      await budgets.current()?.count(async () => await expect.poll(() => budgets.current()?.leftMs).toBe(0));
      await expect(transaction.run('rollback', [], 'script')).rejects.toMatchObject({ code: 'DEADLINE' });
      transaction.release();
    });
    expect(await ask(pool)).toEqual(['row']);
    await pool.close();
  });

  it('F-22 is of statements: what a request does besides takes nothing of it', async () => {
    const { open } = serverOf(answers);
    const { pool, budgets } = poolOf(open);
    await budgets.within(60_000, async () => {
      await ask(pool);
      const left = budgets.current()?.leftMs;
      await new Promise((resolve) => void setTimeout(resolve, 5));
      expect(budgets.current()?.leftMs).toBe(left);
    });
    expect(budgets.current()).toBeNull();
    await pool.close();
  });
});
