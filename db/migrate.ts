import { toHex } from '../domain/bytes.ts';
import { databaseCodeOf } from '../domain/database/state.ts';
import { MosaicError } from '../domain/errors.ts';
import type { Driver, Queryable, Transaction } from './driver/driver.ts';
import { MIGRATIONS } from './migrations/index.ts';
import type { Migration } from './migrations/migration.ts';
import { MAINTENANCE_ROLES, PRELUDE } from './migrations/roles.ts';

interface Applied {
  readonly name: string;
  readonly checksum: string;
}

/** Any constant: all migrators of one database wait on it. */
const LOCK = '727416911';

const checksumOf = async (text: string): Promise<string> => {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return toHex(new Uint8Array(digest));
};

const refuse = (detail: string): MosaicError => new MosaicError('unavailable', { detail });

const verify = (known: readonly Applied[], applied: readonly Applied[]): void => {
  for (const [index, done] of applied.entries()) {
    const expected = known[index];
    if (expected === undefined) {
      throw refuse(
        `The database is newer than this gateway (it has migration ${done.name}). Start a newer version.`,
      );
    }
    if (expected.name !== done.name) {
      throw refuse(
        `The database has migration ${done.name} where this gateway expects ${expected.name}. Restore the matching version.`,
      );
    }
    if (expected.checksum !== done.checksum) {
      throw refuse(
        `Migration ${done.name} was applied with another content than this gateway ships. Restore the matching version.`,
      );
    }
  }
};

const appliedIn = (queryable: Queryable): Promise<Applied[]> =>
  queryable.query<Applied>('select name, checksum from public.mosaic_migrations order by name');

const MAINTENANCE = MAINTENANCE_ROLES.map((role) => `'${role}'`).join(', ');

const isPrepared = async (driver: Queryable): Promise<boolean> => {
  const [row] = await driver.query<{ ready: boolean }>(
    `select to_regclass('public.mosaic_migrations') is not null
        and exists (select from pg_extension where extname = 'vector')
        and (select count(*) from pg_roles where rolname in (${MAINTENANCE}) and pg_has_role(oid, 'MEMBER')) = ${MAINTENANCE_ROLES.length}
        and case when exists (select from pg_roles where rolname = 'mosaic_peer_reader') then
          not (has_database_privilege('mosaic_peer_reader', current_database(), 'TEMPORARY')
            and exists (select from pg_database where datname = current_database() and pg_has_role(datdba, 'USAGE')))
        else false end as ready`,
  );
  return row?.ready === true;
};

const lock = async (transaction: Transaction): Promise<void> => {
  await transaction.query(`select pg_advisory_xact_lock(${LOCK})::text as locked`);
};

/**
 * Who waits for a table's lock holds up everybody who comes behind, reading peers included, for as long as whoever has it, a backup for
 * example, takes. So a migration waits for a moment only, goes back, lets the others through and tries again.
 */
const LOCK_WAIT_MS = 2_000;

/** How often a migration finds tables in use before it is given up, and how long others have them between two tries. */
export interface Patience {
  readonly tries: number;
  readonly pauseMs: number;
}

const PATIENCE: Patience = { tries: 15, pauseMs: 2_000 };

/** No lock in time, or two that wait for each other. */
const isInUse = (error: unknown): boolean => /^(55P03|40P01)$/.test(databaseCodeOf(error) ?? '');

const patiently = async <T>({ tries, pauseMs }: Patience, work: () => Promise<T>): Promise<T> => {
  for (let tried = 1; ; tried += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isInUse(error) || tried >= tries) throw error;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
};

/** What a migration names and is not there is a mistake of ours, and no other database than expected. Rights are not. */
const asOurs = (error: unknown): never => {
  const code = databaseCodeOf(error) ?? '';
  throw /^42(?!501)/.test(code)
    ? new MosaicError('internal', { cause: (error as MosaicError).cause })
    : error;
};

const withChecksums = (migrations: readonly Migration[]) =>
  Promise.all(migrations.map(async ({ name, sql }) => ({ name, sql, checksum: await checksumOf(sql) })));

/**
 * Migrations that a prepared database still lacks. Changes nothing.
 * @throws MosaicError `unavailable` for a newer or a changed history
 */
export const pendingMigrations = async (
  database: Queryable,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<readonly string[]> => {
  const known = await withChecksums(migrations);
  const applied = await appliedIn(database);
  verify(known, applied);
  return known.slice(applied.length).map(({ name }) => name);
};

/** Whether nothing is to be done. Changes nothing. @throws MosaicError `unavailable` for a newer or a changed history */
export const isCurrent = async (database: Queryable): Promise<boolean> =>
  (await isPrepared(database)) && (await pendingMigrations(database)).length === 0;

/**
 * Brings a database to the newest schema. Safe to run at every start and by many at once: each migration is one
 * transaction under an advisory lock, which looks again whether somebody else was faster. An up-to-date
 * database costs two small queries. Needs a login role that may create roles and the vector extension on the
 * first run.
 *
 * @returns names of the migrations this call applied
 * @throws MosaicError `unavailable` for a newer or a changed history; `database_unavailable`, also while tables stay in use
 */
export const migrate = async (
  driver: Driver,
  migrations: readonly Migration[] = MIGRATIONS,
  patience: Patience = PATIENCE,
): Promise<readonly string[]> => {
  const known = await withChecksums(migrations);
  if (!(await isPrepared(driver))) {
    await driver.transaction(async (transaction) => {
      await lock(transaction);
      await transaction.script(PRELUDE);
    });
  }
  const before = await appliedIn(driver);
  verify(known, before);
  const names: string[] = [];
  for (const { name, sql, checksum } of known.slice(before.length)) {
    const apply = async (transaction: Transaction): Promise<boolean> => {
      // For another migrator it waits as long as that one takes.
      await lock(transaction);
      const applied = await appliedIn(transaction);
      verify(known, applied);
      if (applied.some((done) => done.name === name)) return false;
      await transaction.script(`set local role mosaic_owner; set local lock_timeout = ${LOCK_WAIT_MS}`);
      await transaction.script(sql).catch(asOurs);
      await transaction.query('insert into public.mosaic_migrations (name, checksum) values ($1, $2)', [
        name,
        checksum,
      ]);
      return true;
    };
    const ran = await patiently(patience, () => driver.transaction(apply));
    if (ran) names.push(name);
  }
  return names;
};
