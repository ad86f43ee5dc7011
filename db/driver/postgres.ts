import type postgres from 'postgres';
import { DatabaseFault, toMosaicError } from './errors.ts';
import type { Driver, Param, Queryable, Transaction } from './driver.ts';
import { waitUntilSettled } from './settled.ts';
import { TYPE, toIso } from './values.ts';

export type PostgresClient = postgres.Sql<Record<string, never>>;

const asIs = (value: string): string => value;

/** Text in, text out, but for times: whoever reads a row casts in SQL and needs no library's idea of a type. */
export const POSTGRES_TYPES = {
  boolean: { to: TYPE.bool, from: [TYPE.bool], serialize: asIs, parse: (value: string) => value === 't' },
  json: { to: 114, from: [114, 3802], serialize: asIs, parse: asIs },
  date: {
    to: TYPE.timestamptz,
    from: [1082, TYPE.timestamp, TYPE.timestamptz],
    serialize: asIs,
    parse: toIso,
  },
} as const;

const toText = (param: Param): string | null =>
  param === null ? null : typeof param === 'boolean' ? (param ? 't' : 'f') : String(param);

interface Unsafe {
  unsafe: PostgresClient['unsafe'];
}

/**
 * postgres.js as a Driver. Every statement is prepared (one round trip once known). `deadlineMs` bounds a
 * statement on this side too, for a server that hangs and whose own `statement_timeout` can't fire.
 */
export const postgresDriver = (client: PostgresClient, deadlineMs: number): Driver => {
  const bounded = <T>(work: () => PromiseLike<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      const fail = (error: unknown): void => {
        clearTimeout(timer);
        reject(toMosaicError(error));
      };
      const timer = setTimeout(
        () => fail(new DatabaseFault('DEADLINE', `no answer within ${deadlineMs} ms`)),
        deadlineMs,
      );
      const succeed = (value: T): void => {
        clearTimeout(timer);
        resolve(value);
      };
      try {
        work().then(succeed, fail);
      } catch (error) {
        fail(error);
      }
    });

  const queryable = (sql: Unsafe): Queryable => ({
    query: async <Row>(text: string, params: readonly Param[] = []): Promise<Row[]> =>
      Array.from(
        await bounded(() => sql.unsafe<(Row & postgres.Row)[]>(text, params.map(toText), { prepare: true })),
      ),
    values: (text, params = []) =>
      bounded(() => sql.unsafe(text, params.map(toText), { prepare: true }).values()),
  });

  const transaction = async <T>(work: (transaction: Transaction) => Promise<T>): Promise<T> => {
    // What `work` throws must come out as it is, and what begin or commit throws as MosaicError.
    let thrown: { readonly error: unknown } | undefined;
    let done: { readonly value: T } | undefined;
    try {
      await client.begin(async (sql) => {
        try {
          const script = async (text: string) => void (await bounded(() => sql.unsafe(text).simple()));
          done = { value: await work({ ...queryable(sql), script }) };
        } catch (error) {
          thrown = { error };
          throw error;
        }
      });
    } catch (error) {
      throw thrown === undefined ? toMosaicError(error) : thrown.error;
    }
    if (done === undefined) throw new TypeError('a transaction ended without its work');
    return done.value;
  };

  return {
    ...queryable(client),
    transaction,
    settled: () => waitUntilSettled(transaction, deadlineMs),
    listen: async (channel, heard) => {
      let isFirst = true;
      const onListening = (): void => {
        if (!isFirst) heard();
        isFirst = false;
      };
      const listening = await bounded(() => client.listen(channel, heard, onListening));
      return () => listening.unlisten();
    },
    close: () => client.end({ timeout: 5 }),
  };
};
