import type { Driver } from '../driver/driver.ts';
import { migrate } from '../migrate.ts';
import { become } from './catalog.ts';
import { copyRows } from './copy.ts';
import { TransferError } from './error.ts';
import { digestOf, type Limits } from './pages.ts';
import type { Source } from './source.ts';
import { claim, complete, readProgress, startOver } from './state.ts';

export type Phase = 'copy' | 'verify';

export interface TransferHooks {
  /** Throws when this run may not write any more. */
  readonly stillLocked: () => Promise<void>;
  /** `count` more rows of a table went through that phase. */
  readonly onRows: (phase: Phase, table: string, count: number) => void;
  /** Everything is copied once more: the source had changed between two runs. */
  readonly onStartOver: () => void;
  /** Of a page, where the usual ones are not wanted. */
  readonly limits?: Limits;
}

export interface VerifiedTable {
  readonly name: string;
  readonly rows: number;
  readonly hash: string;
}

export interface Transferred {
  readonly tables: readonly VerifiedTable[];
  /** Rows this run wrote. */
  readonly copied: number;
  /** An earlier run had begun. */
  readonly resumed: boolean;
  readonly startedOver: boolean;
}

interface Comparison {
  readonly tables: readonly VerifiedTable[];
  readonly different: readonly string[];
}

const compare = async (source: Source, target: Driver, { onRows }: TransferHooks): Promise<Comparison> => {
  const tables: VerifiedTable[] = [];
  const different: string[] = [];
  for (const table of source.tables) {
    const expected = await digestOf(source.rows, table);
    const found = await target.transaction(async (transaction) => {
      await become(transaction, table.role);
      return digestOf(transaction, table, (count) => onRows('verify', table.name, count));
    });
    tables.push({ name: table.name, ...expected });
    if (expected.rows !== found.rows || expected.hash !== found.hash)
      different.push(`${table.name} (${expected.rows} rows, ${found.rows} at the target)`);
  }
  return { tables, different };
};

/** A bulk of new rows without statistics is planned badly until the server looks by itself. */
const analyze = (source: Source, target: Driver): Promise<void> =>
  target.transaction(async (transaction) => {
    await become(transaction, 'mosaic_owner');
    await transaction.script(`analyze ${source.tables.map(({ name }) => `public.${name}`).join(', ')}`);
  });

/**
 * Moves all rows of a store into an empty database, or goes on where an earlier run ended, wherever that was. The
 * target counts as complete only when each table's number of rows and the digest of their contents are equal.
 *
 * The caller holds the target's lock.
 * @throws TransferError when the target holds anything else, or contents differ in the end
 */
export const transfer = async (
  source: Source,
  target: Driver,
  hooks: TransferHooks,
): Promise<Transferred> => {
  await migrate(target);
  const resumed = await claim(target, source.tables, source.identity);
  let copied = 0;
  const copy = async (): Promise<Comparison> => {
    await copyRows(source, target, await readProgress(target), {
      stillLocked: hooks.stillLocked,
      limits: hooks.limits,
      onRows: (table, count) => {
        copied += count;
        hooks.onRows('copy', table, count);
      },
    });
    await analyze(source, target);
    return compare(source, target, hooks);
  };
  let comparison = await copy();
  const startedOver = comparison.different.length > 0 && resumed;
  if (startedOver) {
    // Between the runs somebody used the source. Nobody uses the target: a gateway refuses it until it is complete.
    hooks.onStartOver();
    await startOver(target, source.tables);
    comparison = await copy();
  }
  if (comparison.different.length > 0) {
    throw new TransferError(
      'contents_differ',
      `The target does not hold what the source does: ${comparison.different.join(', ')}.`,
      'Make sure that nothing uses either of them, and run the command again.',
    );
  }
  await hooks.stillLocked();
  await complete(target);
  return { tables: comparison.tables, copied, resumed, startedOver };
};
