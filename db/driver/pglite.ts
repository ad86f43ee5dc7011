import type { PGlite } from '@electric-sql/pglite';
import { MosaicError } from '../../domain/errors.ts';
import { DatabaseFault, toMosaicError } from './errors.ts';
import type { Driver, Param, Queryable } from './driver.ts';
import {
  decodeObjects,
  decodeValues,
  joinBytes,
  prepareAndRun,
  readAnswer,
  runPrepared,
  simpleQuery,
  type Answer,
  type Column,
} from './pglite-wire.ts';

/** What is used of PGlite. */
export type PgliteClient = Pick<
  PGlite,
  'execProtocolRawStream' | 'runExclusive' | 'syncToFs' | 'close' | 'closed'
>;

export interface PgliteDriverOptions {
  /** Longest a statement waits for a transaction to end, milliseconds. */
  readonly waitMs?: number;
}

interface Prepared {
  readonly name: string;
  readonly columns: readonly Column[];
}

interface Result {
  readonly bytes: Uint8Array;
  readonly answer: Answer;
  readonly columns: readonly Column[];
}

/** More than all statements the product has; beyond it (texts made at run time) statements stay unnamed. */
const MOST_PREPARED = 500;
const NO_COLUMNS: readonly Column[] = [];
/** After a statement that took so long, the event loop is free for the same time: a request takes several turns of it. Milliseconds. */
const LONG_MS = 10;

/**
 * PGlite as a Driver. It speaks the wire protocol itself: named statements are planned once and an answer is
 * decoded once, straight into rows. One transaction holds everybody else up (there is one session), so
 * statements queue, and one that waits too long fails: most likely somebody used the storage inside its own
 * transaction.
 */
export const pgliteDriver = (client: PgliteClient, { waitMs = 15_000 }: PgliteDriverOptions = {}): Driver => {
  const prepared = new Map<string, Prepared>();
  let tail: Promise<unknown> = Promise.resolve();
  let transacting = false;
  let named = 0;
  // Several drivers may share the one session.
  const prefix = `m${crypto.randomUUID().slice(0, 8)}_`;

  const exchange = (message: Uint8Array): Promise<Uint8Array> =>
    client.runExclusive(async () => {
      if (client.closed) throw new DatabaseFault('CONNECTION_CLOSED', 'the embedded database is closed');
      const chunks: Uint8Array[] = [];
      await client.execProtocolRawStream(message, {
        syncToFs: false,
        onRawData: (bytes) => void chunks.push(bytes.slice()),
      });
      return joinBytes(chunks);
    });

  const settle = async (bytes: Uint8Array): Promise<Answer> => {
    const answer = readAnswer(bytes);
    if (answer.fault !== null) throw answer.fault;
    if (answer.command !== 'SELECT' && answer.command !== 'BEGIN') await client.syncToFs();
    return answer;
  };

  const run = async (sql: string, params: readonly Param[]): Promise<Result> => {
    const known = prepared.get(sql);
    if (known !== undefined) {
      const bytes = await exchange(runPrepared(known.name, params));
      return { bytes, answer: await settle(bytes), columns: known.columns };
    }
    const name = prepared.size < MOST_PREPARED ? `${prefix}${(named += 1)}` : '';
    const bytes = await exchange(prepareAndRun(name, sql, params));
    const answer = readAnswer(bytes);
    // A statement whose Parse worked exists from now on, even when running it failed.
    const columns = answer.columns ?? NO_COLUMNS;
    if (name !== '' && (answer.fault === null || answer.columns !== null))
      prepared.set(sql, { name, columns });
    return { bytes, answer: await settle(bytes), columns };
  };

  const queryable = (enter: <T>(work: () => Promise<T>) => Promise<T>): Queryable => ({
    query: async <Row>(text: string, params: readonly Param[] = []): Promise<Row[]> => {
      const { bytes, answer, columns } = await enter(() => run(text, params));
      return decodeObjects<Row>(bytes, answer.rows, columns);
    },
    values: async (text, params = []) => {
      const { bytes, answer, columns } = await enter(() => run(text, params));
      return decodeValues(bytes, answer.rows, columns);
    },
  });

  const patiently = async (turn: Promise<unknown>): Promise<void> => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () =>
          reject(
            new MosaicError('database_unavailable', {
              cause: new DatabaseFault('DEADLINE', 'waited for a transaction to end'),
            }),
          ),
        waitMs,
      );
    });
    try {
      await Promise.race([turn, late]);
    } finally {
      clearTimeout(timer);
    }
  };

  /** Its turn in the queue; what it throws comes out as MosaicError. */
  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    const before = tail;
    const waits = transacting;
    let release = (): void => undefined;
    tail = new Promise<void>((resolve) => {
      release = resolve;
    });
    const mine = tail;
    try {
      if (waits) await patiently(before);
      else await before;
    } catch (error) {
      // Given up: those behind must still wait for those before.
      void before.then(() => release());
      throw error;
    }
    const from = performance.now();
    try {
      return await work();
    } finally {
      // PGlite runs on this very loop: statements in a row would keep everything else waiting for all of them (F-5).
      if (performance.now() - from > LONG_MS) setTimeout(release, LONG_MS);
      else release();
      if (tail === mine) tail = Promise.resolve();
    }
  };

  const direct = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw toMosaicError(error);
    }
  };

  const script = (text: string): Promise<void> =>
    direct(async () => void (await settle(await exchange(simpleQuery(text)))));

  const commit = (): Promise<void> =>
    direct(async () => {
      const { command } = await settle(await exchange(simpleQuery('commit')));
      // A transaction in which a statement failed ends in silence like this.
      if (command === 'ROLLBACK')
        throw new DatabaseFault('25P02', 'the transaction had failed and was rolled back');
    });

  return {
    ...queryable((work) => inTurn(() => direct(work))),
    transaction: (work) =>
      inTurn(async () => {
        transacting = true;
        try {
          await script('begin');
          let result;
          try {
            result = await work({ ...queryable(direct), script });
          } catch (error) {
            await script('rollback');
            throw error;
          }
          await commit();
          return result;
        } finally {
          transacting = false;
        }
      }),
    // One session, one statement at a time: whatever ran before the caller's commit has ended, and nobody else is there.
    settled: () => Promise.resolve(),
    // One process: who changes something knows.
    listen: () => Promise.resolve(() => Promise.resolve()),
    close: () => inTurn(() => client.close()),
  };
};
