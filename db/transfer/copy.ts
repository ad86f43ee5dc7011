import type { Driver, Transaction } from '../driver/driver.ts';
import { become, type Table } from './catalog.ts';
import { COPY_LIMITS, readPage, writeRows, type Limits, type RowsPage } from './pages.ts';
import type { Source } from './source.ts';
import { advance, type Progress, type TableProgress } from './state.ts';

export interface CopyHooks {
  /** Throws when this run may not write any more. */
  readonly stillLocked: () => Promise<void>;
  readonly onRows: (table: string, count: number) => void;
  /** Of a page, and so of what a transaction writes. */
  readonly limits?: Limits | undefined;
}

const insertPage = async (transaction: Transaction, table: Table, page: RowsPage): Promise<void> => {
  if (table.isGuarded) {
    await become(transaction, 'mosaic_owner');
    await transaction.script(`alter table public.${table.name} disable trigger user`);
  }
  await become(transaction, table.role);
  const written = await writeRows(transaction, table, page.rows);
  if (written !== page.count)
    throw new TypeError(`${table.name}: ${written} rows written of ${page.count} read`);
  if (table.isGuarded) {
    await become(transaction, 'mosaic_owner');
    await transaction.script(`alter table public.${table.name} enable trigger user`);
  }
};

const copyTable = async (
  source: Source,
  target: Driver,
  table: Table,
  before: TableProgress | undefined,
  { stillLocked, onRows, limits = COPY_LIMITS }: CopyHooks,
): Promise<void> => {
  let from = before;
  while (from?.done !== true) {
    const page = await readPage(source.rows, table, from?.last ?? null, limits);
    const to: TableProgress = {
      last: page.last ?? from?.last ?? null,
      rows: (from?.rows ?? 0) + page.count,
      done: page.count === 0,
    };
    await stillLocked();
    // Rows and the note of them, or neither: wherever a run ends, the next one knows what is there.
    await target.transaction(async (transaction) => {
      if (page.count > 0) await insertPage(transaction, table, page);
      await advance(transaction, table.name, from, to);
    });
    onRows(table.name, page.count);
    from = to;
  }
};

/** Copies what is not there yet, table by table, parents first. */
export const copyRows = async (
  source: Source,
  target: Driver,
  progress: Progress,
  hooks: CopyHooks,
): Promise<void> => {
  for (const table of source.tables) await copyTable(source, target, table, progress.get(table.name), hooks);
};
