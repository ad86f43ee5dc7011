import type { RequestBudget, RequestBudgets } from './budget.ts';
import type { Held, Pool } from './pool-parts.ts';

export interface RequestPoolParts {
  readonly budgets: RequestBudgets;
  /** Whether nothing is written on these connections, so that a statement may be sent twice. */
  readonly isReading: boolean;
  /** Whether the database is known to be one to serve from at this moment. */
  readonly isFit: () => boolean;
}

/**
 * What says that the session ended and not that the statement failed: an administrator's command or a crash (57P01, 57P02), and
 * the socket's end as postgres.js and Node name it.
 */
const SESSION_ENDED = /^(57P0[12]|CONNECTION_(CLOSED|DESTROYED|ENDED)|ECONNRESET|EPIPE)$/;

const isEndOfSession = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && SESSION_ENDED.test(String(Reflect.get(error, 'code')));

/**
 * The same connections, for requests: all statements of one, and its waits for a connection, take no longer together than its
 * budget. A read that met the end of an idle session is sent once again, over a connection that was opened afterwards
 * and was looked at like every other. Not after a write of the same request: another primary may not have it.
 */
export const requestPool = (pool: Pool, { budgets, isReading, isFit }: RequestPoolParts): Pool => {
  const mayRepeat = (budget: RequestBudget, error: unknown): boolean =>
    isReading && !budget.hasWritten && isEndOfSession(error) && isFit();

  const run: Pool['run'] = (text, params, shape) => {
    const budget = budgets.current();
    if (budget === null) return pool.run(text, params, shape);
    if (!isReading) budget.hasWritten = true;
    return budget.count(async () => {
      try {
        return await pool.run(text, params, shape, { limitMs: budget.leftMs });
      } catch (error) {
        if (!mayRepeat(budget, error)) throw error;
        return pool.run(text, params, shape, { limitMs: budget.leftMs, bornAfter: performance.now() });
      }
    });
  };

  const hold = async (): Promise<Held> => {
    const budget = budgets.current();
    if (budget === null) return pool.hold();
    if (!isReading) budget.hasWritten = true;
    const held = await budget.count(() => pool.hold({ limitMs: budget.leftMs }));
    return {
      run: (text, params, shape) =>
        budget.count(() => held.run(text, params, shape, { limitMs: budget.leftMs })),
      release: () => held.release(),
    };
  };

  return { ...pool, run, hold };
};
