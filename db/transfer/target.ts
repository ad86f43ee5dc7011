import type { Driver, Transaction } from '../driver/driver.ts';
import { MIGRATIONS } from '../migrations/index.ts';
import { pendingMigrations } from '../migrate.ts';
import { CANARY_NAME } from '../sealing/seal-check.ts';
import { sealedUnder } from '../sealing/seal.ts';
import { BOOKKEEPING, become, type Table } from './catalog.ts';
import { TransferError } from './error.ts';
import type { Source } from './source.ts';
import { foreignRows, hasTable, notEmpty, otherSource, readProgress, readState } from './state.ts';

export type TargetState =
  | { readonly kind: 'empty'; readonly pendingMigrations: readonly string[] }
  | { readonly kind: 'unfinished'; readonly copied: number }
  | { readonly kind: 'complete'; readonly at: string };

const OLDEST_POSTGRES = 150_000;
const OTHER_DATABASE =
  'Give a database that holds nothing else; the tables of a gateway fill its public schema.';

const checkServer = async (transaction: Transaction): Promise<void> => {
  const [row] = await transaction.query<{ version: number; vector: boolean }>(
    `select current_setting('server_version_num')::int as version,
      exists (select from pg_available_extensions where name = 'vector') as vector`,
  );
  if ((row?.version ?? 0) < OLDEST_POSTGRES)
    throw new TransferError(
      'target_unsuitable',
      'The target is older than Postgres 15.',
      'Give a Postgres 15 or later.',
    );
  if (row?.vector !== true)
    throw new TransferError(
      'target_unsuitable',
      'The target has no vector extension.',
      'Install pgvector at that server.',
    );
};

const checkStrangers = async (transaction: Transaction): Promise<void> => {
  const strangers = await transaction.query<{ name: string }>(
    `select quote_ident(c.relname) as name from pg_class c
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
        and c.relname <> all (array['${BOOKKEEPING.join("','")}'])
        and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
      order by c.relname limit 5`,
  );
  if (strangers.length === 0) return;
  const names = strangers.map(({ name }) => name).join(', ');
  throw new TransferError(
    'target_not_empty',
    `The target holds tables of something else: ${names}.`,
    OTHER_DATABASE,
  );
};

/** Which tables a target has whose migration was perhaps not finished. */
const present = async (transaction: Transaction, tables: readonly Table[]): Promise<readonly Table[]> => {
  const found: Table[] = [];
  for (const table of tables) if (await hasTable(transaction, table.name)) found.push(table);
  return found;
};

const checkCanary = async (transaction: Transaction, source: Source): Promise<void> => {
  await become(transaction, 'mosaic_owner');
  const [canary] = await transaction.query<{ sealed: string; same: boolean }>(
    'select sealed from public.gateway_secrets where name = $1',
    [CANARY_NAME],
  );
  if (canary === undefined) return;
  const keyId = sealedUnder(canary.sealed);
  if (keyId === source.keyId) return;
  throw new TransferError(
    'target_key',
    `The target was sealed under key ${keyId ?? '(unreadable)'}, the source under key ${source.keyId}: what is moved could not be opened there.`,
    'Give an empty database. The new gateway gets the sealing key of the old one.',
  );
};

const checkRows = async (transaction: Transaction, source: Source): Promise<void> => {
  const tables = await present(transaction, source.tables);
  if (tables.some(({ name }) => name === 'gateway_secrets')) await checkCanary(transaction, source);
  const found = await foreignRows(transaction, tables);
  if (found.length > 0) throw notEmpty(found);
};

/** A canary is sealed anew for each store, so the same one means the same store, or a copy of it. */
const hasCanaryOf = async (transaction: Transaction, source: Source): Promise<boolean> => {
  if (!(await hasTable(transaction, 'gateway_secrets'))) return false;
  await become(transaction, 'mosaic_owner');
  const same = await transaction.query(
    `select 1 as one from public.gateway_secrets
      where name = $1 and encode(sha256(convert_to(sealed, 'UTF8')), 'hex') = $2`,
    [CANARY_NAME, source.canary],
  );
  return same.length > 0;
};

const isSource = (): TransferError =>
  new TransferError(
    'target_is_source',
    'The target is the source itself, or a copy of it that was not made by this command.',
    'Give another, empty database.',
  );

/**
 * Looks at the target and changes nothing.
 * @throws TransferError when it can't take the source's rows
 */
export const inspectTarget = (target: Driver, source: Source): Promise<TargetState> =>
  target.transaction(async (transaction) => {
    await checkServer(transaction);
    if (!(await hasTable(transaction, 'mosaic_migrations'))) {
      await checkStrangers(transaction);
      return { kind: 'empty', pendingMigrations: MIGRATIONS.map(({ name }) => name) };
    }
    const pending = await pendingMigrations(transaction);
    // Set up for a gateway (mosaic database setup-sql), and never used by one.
    if (pending.length === MIGRATIONS.length) await checkStrangers(transaction);
    const state = await readState(transaction);
    if (state === null) {
      if (await hasCanaryOf(transaction, source)) throw isSource();
      await checkRows(transaction, source);
      return { kind: 'empty', pendingMigrations: pending };
    }
    if (state.transferId === source.transferId) throw isSource();
    if (state.source !== source.identity) throw otherSource();
    if (state.completedAt !== null) return { kind: 'complete', at: state.completedAt };
    const progress = await readProgress(transaction);
    return {
      kind: 'unfinished',
      copied: [...progress.values()].reduce((sum, { rows }) => sum + rows, 0),
    };
  });
