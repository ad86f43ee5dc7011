import type { Connection } from './connection.ts';
import type { Driver, Param, Queryable, Transaction } from './driver.ts';
import { DatabaseFault, toMosaicError } from './errors.ts';
import { listenOn } from './listen.ts';
import type { Held, Pool } from './pool-parts.ts';
import { waitUntilSettled } from './settled.ts';
import { TYPE, toIso } from './values.ts';

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

export interface PostgresDriverParts {
  readonly pool: Pool;
  /** Opens a connection of its own for LISTEN. */
  readonly open: (onOver: () => void, onnotify: (channel: string) => void) => Promise<Connection>;
  /** Longest a statement may take, in milliseconds. */
  readonly deadlineMs: number;
}

/** What a statement needs of a pool or of the connection a transaction holds. */
type Runner = Pick<Pool, 'run'>;

const queryableOn = (runner: Runner): Queryable => {
  const rowsOf = async (text: string, params: readonly Param[], shape: 'objects' | 'values') => {
    try {
      return (await runner.run(text, params, shape)).rows;
    } catch (error) {
      throw toMosaicError(error);
    }
  };
  return {
    query: async <Row>(text: string, params: readonly Param[] = []): Promise<Row[]> =>
      Array.from(await rowsOf(text, params, 'objects')) as Row[],
    values: async (text, params = []) => (await rowsOf(text, params, 'values')) as unknown[][],
  };
};

/** Ends a transaction whose work failed. Whatever goes wrong with that has ended the connection, and it with it. */
const rollBack = async (held: Held): Promise<void> => {
  try {
    await held.run('rollback', [], 'script');
  } catch {
    // The work's own error says more.
  }
};

const asMosaicError = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    throw toMosaicError(error);
  }
};

const transactionOn =
  (pool: Pool): Driver['transaction'] =>
  async <T>(work: (transaction: Transaction) => Promise<T>): Promise<T> => {
    const held = await asMosaicError(() => pool.hold());
    let failed: unknown = null;
    const run: Pool['run'] = async (text, params, shape) => {
      try {
        return await held.run(text, params, shape);
      } catch (error) {
        failed ??= error;
        throw error;
      }
    };
    const script = (text: string): Promise<void> =>
      asMosaicError(async () => void (await run(text, [], 'script')));
    try {
      await script('begin');
      let value: T;
      try {
        value = await work({ ...queryableOn({ run }), script });
      } catch (error) {
        await rollBack(held);
        throw error;
      }
      const { command } = await asMosaicError(() => run('commit', [], 'script'));
      // A transaction in which a statement failed ends in silence like this.
      if (command === 'ROLLBACK')
        throw toMosaicError(failed ?? new DatabaseFault('25P02', 'the transaction was rolled back'));
      return value;
    } finally {
      held.release();
    }
  };

/** A pool of connections as a Driver. Every statement is prepared: one round trip once known. */
export const postgresDriver = ({ pool, open, deadlineMs }: PostgresDriverParts): Driver => {
  const transaction = transactionOn(pool);
  const listeners = new Set<() => Promise<void>>();
  return {
    ...queryableOn(pool),
    transaction,
    settled: () => waitUntilSettled(queryableOn(pool), deadlineMs),
    listen: async (channel, heard) => {
      const end = await asMosaicError(() => listenOn(open, channel, heard));
      const stop = async (): Promise<void> => {
        listeners.delete(stop);
        await end();
      };
      listeners.add(stop);
      return stop;
    },
    close: async () => {
      await Promise.all([...listeners].map((stop) => stop()));
      await pool.close();
    },
  };
};
