import type { Driver, Queryable, Transaction } from '../driver/driver.ts';

/** What a process that was killed says in these tests. */
export class Died extends Error {}

/** Whether an error is that, or says so in its causes: the query builder wraps what the driver throws. */
export const hasDied = (error: unknown): boolean => {
  for (let inner = error; inner instanceof Error; inner = inner.cause) if (inner instanceof Died) return true;
  return false;
};

export interface Dying {
  readonly driver: Driver;
  /**
   * Moments met so far: before each statement and each commit, and after each commit and each statement outside of a
   * transaction. (Inside of one, after a statement is before the next.)
   */
  readonly moments: () => number;
}

/**
 * A driver whose process is killed at one moment: from then on nothing reaches the database any more, and an open
 * transaction is rolled back, as the server does when a connection is gone.
 * @param fatal which moment, from 1; 0 for never
 */
export const dyingDriver = (driver: Driver, fatal: number): Dying => {
  let met = 0;
  let dead = false;
  const moment = (): void => {
    met += 1;
    if (met === fatal) dead = true;
    if (dead) throw new Died(`killed at moment ${fatal}`);
  };
  const before = async <T>(work: () => Promise<T>): Promise<T> => {
    moment();
    return work();
  };
  const around = async <T>(work: () => Promise<T>): Promise<T> => {
    const result = await before(work);
    moment();
    return result;
  };
  const queryable = (inner: Queryable, when: typeof around): Queryable => ({
    query: (text, params) => when(() => inner.query(text, params)),
    values: (text, params) => when(() => inner.values(text, params)),
  });
  return {
    moments: () => met,
    driver: {
      ...queryable(driver, around),
      transaction: async (work) => {
        const result = await driver.transaction(async (inner: Transaction) => {
          const script = (text: string): Promise<void> => before(() => inner.script(text));
          const value = await work({ ...queryable(inner, before), script });
          // Before the commit.
          moment();
          return value;
        });
        // Committed, but nobody heard of it.
        moment();
        return result;
      },
      settled: () => driver.settled(),
      listen: (channel, heard) => driver.listen(channel, heard),
      close: () => driver.close(),
    },
  };
};
