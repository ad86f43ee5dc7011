import type { Driver, Queryable, Transaction } from '../driver/driver.ts';
import { become, countRows, type Table } from './catalog.ts';
import { TransferError } from './error.ts';
import type { Position } from './pages.ts';

/** What the target knows of the transfer into it. */
export interface TransferState {
  /** Made when the transfer began; stays with the store from then on. */
  readonly transferId: string;
  /** Identity of the source. */
  readonly source: string;
  readonly completedAt: string | null;
}

export interface TableProgress {
  readonly last: Position;
  readonly rows: number;
  readonly done: boolean;
}

export type Progress = ReadonlyMap<string, TableProgress>;

const TABLES = `
create table if not exists public.mosaic_transfer (
  id smallint primary key constraint mosaic_transfer_one check (id = 1),
  transfer_id uuid not null default gen_random_uuid(),
  source text not null,
  started_at timestamptz(3) not null default now(),
  completed_at timestamptz(3)
);
create table if not exists public.mosaic_transfer_tables (
  name text primary key,
  last_key text,
  rows bigint not null,
  done boolean not null
);
grant select on public.mosaic_transfer to mosaic_app;
`;

/** Rows that a migration leaves in a table nobody has used, as a condition. */
const SEEDS: ReadonlyMap<string, string> = new Map([
  ['embedded_ca_state', 'id = 1 and crl_number = 0'],
  ['gateway_revocation', 'id = 1 and epoch = 1 and proven_epoch = 0'],
]);

const EMPTY_IT =
  'Give an empty database: make a new one, or drop this one and create it again if nothing in it is needed.';

export const hasTable = async (database: Queryable, name: string): Promise<boolean> => {
  const [row] = await database.query<{ there: boolean }>(
    'select to_regclass($1::text) is not null as there',
    [`public.${name}`],
  );
  return row?.there === true;
};

export const readState = async (database: Queryable): Promise<TransferState | null> => {
  if (!(await hasTable(database, 'mosaic_transfer'))) return null;
  const [row] = await database.query<{ transfer_id: string; source: string; completed_at: string | null }>(
    'select transfer_id, source, completed_at from public.mosaic_transfer',
  );
  if (row === undefined) return null;
  return { transferId: row.transfer_id, source: row.source, completedAt: row.completed_at };
};

/** Tables with rows of somebody's, as `name (count)`. Changes the transaction's role. */
export const foreignRows = async (
  transaction: Transaction,
  tables: readonly Table[],
): Promise<readonly string[]> => {
  const found: string[] = [];
  for (const [name, rows] of await countRows(transaction, tables)) {
    const seed = SEEDS.get(name);
    const seeded =
      seed === undefined ? [] : await transaction.query(`select 1 as one from public.${name} where ${seed}`);
    if (rows > seeded.length) found.push(`${name} (${rows})`);
  }
  return found;
};

export const notEmpty = (found: readonly string[]): TransferError =>
  new TransferError(
    'target_not_empty',
    `The target already holds data of a gateway: ${found.join(', ')}.`,
    EMPTY_IT,
  );

export const otherSource = (): TransferError =>
  new TransferError(
    'target_not_empty',
    'The target belongs to a transfer from another source.',
    `Run the command for that source again. ${EMPTY_IT}`,
  );

/**
 * Makes the target ours, or finds that it is: all or nothing.
 * @returns whether an earlier run had begun
 * @throws TransferError when it holds anything else
 */
export const claim = (target: Driver, tables: readonly Table[], source: string): Promise<boolean> =>
  target.transaction(async (transaction) => {
    await become(transaction, 'mosaic_owner');
    await transaction.script(TABLES);
    const known = await readState(transaction);
    if (known !== null) {
      if (known.source !== source) throw otherSource();
      return true;
    }
    const found = await foreignRows(transaction, tables);
    if (found.length > 0) throw notEmpty(found);
    await become(transaction, 'mosaic_owner');
    for (const name of SEEDS.keys()) await transaction.query(`delete from public.${name}`);
    await transaction.query('insert into public.mosaic_transfer (id, source) values (1, $1)', [source]);
    return false;
  });

export const readProgress = async (target: Queryable): Promise<Progress> => {
  const rows = await target.query<{ name: string; last_key: Position; rows: string; done: boolean }>(
    'select name, last_key, rows, done from public.mosaic_transfer_tables',
  );
  return new Map(
    rows.map(({ name, last_key, rows: count, done }) => [
      name,
      { last: last_key, rows: Number(count), done },
    ]),
  );
};

/**
 * Notes how far a table is, in the transaction that brought it there.
 * @throws TransferError when it was no longer where this run left it
 */
export const advance = async (
  transaction: Transaction,
  name: string,
  from: TableProgress | undefined,
  to: TableProgress,
): Promise<void> => {
  await become(transaction, 'mosaic_owner');
  const params = [name, to.last, to.rows, to.done];
  const moved =
    from === undefined
      ? await transaction.query(
          `insert into public.mosaic_transfer_tables (name, last_key, rows, done) values ($1, $2, $3, $4)
            on conflict (name) do nothing returning name`,
          params,
        )
      : await transaction.query(
          `update public.mosaic_transfer_tables set last_key = $2, rows = $3, done = $4
            where name = $1 and last_key is not distinct from $5::text and done = $6 returning name`,
          [...params, from.last, from.done],
        );
  if (moved.length === 0) {
    throw new TransferError(
      'target_busy',
      'Another run of this command is writing to the target.',
      'Let it finish; running the command again afterwards does no harm.',
    );
  }
};

/** Empties a target that no gateway has used yet, to begin anew. */
export const startOver = (target: Driver, tables: readonly Table[]): Promise<void> =>
  target.transaction(async (transaction) => {
    await become(transaction, 'mosaic_owner');
    const unfinished = await transaction.query(
      'select 1 as one from public.mosaic_transfer where completed_at is null for update',
    );
    if (unfinished.length === 0) throw new TypeError('only an unfinished transfer may be started over');
    await transaction.script(`truncate ${tables.map(({ name }) => `public.${name}`).join(', ')}`);
    await transaction.query('delete from public.mosaic_transfer_tables');
  });

export const complete = (target: Driver): Promise<void> =>
  target.transaction(async (transaction) => {
    await become(transaction, 'mosaic_owner');
    await transaction.query(
      'update public.mosaic_transfer set completed_at = now() where completed_at is null',
    );
  });
