import { drizzle, type PgRemoteDatabase } from 'drizzle-orm/pg-proxy';
import { MosaicError } from '../../domain/errors.ts';
import type { Driver, Param, Queryable, Transaction } from '../driver/driver.ts';

/** What a store works with: statements, the query builder over the same driver, and transactions. */
export interface Session {
  readonly raw: Queryable;
  readonly db: PgRemoteDatabase;
  /** Runs inside the surrounding transaction, or in one of its own. */
  readonly atomically: <T>(work: (transaction: Session) => Promise<T>) => Promise<T>;
}

const isParam = (value: unknown): value is Param =>
  value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';

const toParam = (value: unknown): Param => {
  if (isParam(value)) return value;
  if (typeof value === 'bigint') return value.toString();
  throw new TypeError('a statement got a parameter that no column encoded');
};

/**
 * The query builder over our own driver instead of Drizzle's: every statement is prepared (Drizzle's plain
 * `select()` on postgres.js takes two round trips and plans anew each time), PGlite and Postgres go one way,
 * and no client's parsers are changed behind our back.
 */
const builderOver = (queryable: Queryable): PgRemoteDatabase =>
  drizzle(async (text, params: unknown[], method) => ({
    rows:
      method === 'all'
        ? await queryable.values(text, params.map(toParam))
        : await queryable.query(text, params.map(toParam)),
  }));

export const transactionSession = (transaction: Transaction): Session => {
  const session: Session = {
    raw: transaction,
    db: builderOver(transaction),
    atomically: (work) => work(session),
  };
  return session;
};

export const driverSession = (driver: Driver): Session => ({
  raw: driver,
  db: builderOver(driver),
  atomically: (work) => driver.transaction((transaction) => work(transactionSession(transaction))),
});

/** Drizzle wraps what the driver throws in an error that quotes SQL and parameters: take it out again. */
export const unwrap = (error: unknown): unknown => {
  for (let inner = error; inner instanceof Error; inner = inner.cause)
    if (inner instanceof MosaicError) return inner;
  return error;
};

type Methods = Readonly<Record<string, (...args: never[]) => Promise<unknown>>>;

/** A store whose methods throw the driver's MosaicError and not Drizzle's wrapping of it. */
export const unwrapped = <Store extends object>(
  store: Store & { readonly [K in keyof Store]: Methods[string] },
): Store =>
  Object.fromEntries(
    Object.entries<Methods[string]>(store).map(([name, method]) => [
      name,
      async (...args: never[]) => {
        try {
          return await method(...args);
        } catch (error) {
          throw unwrap(error);
        }
      },
    ]),
  ) as Store;
