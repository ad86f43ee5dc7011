import { toHex } from '../../domain/bytes.ts';
import { MosaicError } from '../../domain/errors.ts';
import type { Sealer } from '../../domain/ports/basics.ts';
import type { Driver, Queryable, Transaction } from '../driver/driver.ts';
import { pendingMigrations } from '../migrate.ts';
import { CANARY_NAME, opensCanary } from '../sealing/seal-check.ts';
import { sealedUnder } from '../sealing/seal.ts';
import { createSealedStore } from '../stores/sealing/sealed.ts';
import { transactionSession } from '../stores/session.ts';
import { become, countRows, readTables, type Table } from './catalog.ts';
import { TransferError } from './error.ts';
import { hasTable, readState } from './state.ts';

/** A store that nobody writes to while it is read. */
export interface Source {
  readonly rows: Queryable;
  readonly tables: readonly Table[];
  readonly counts: ReadonlyMap<string, number>;
  /** Tells this store from every other, also from the one it was moved from itself. */
  readonly identity: string;
  /** Digest of the value its first start sealed. */
  readonly canary: string;
  /** Of the transfer that brought it where it is, if any. */
  readonly transferId: string | null;
  /** Id of the key that opens what is sealed in it. */
  readonly keyId: string;
  /** Peers at the door with certificates of the embedded authority. */
  readonly embeddedCertificates: number;
}

/** Name under which a gateway's sessions are listed at the server. */
const GATEWAY_SESSIONS = 'mosaic-federation';

const digest = async (text: string): Promise<string> => {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  return toHex(bytes);
};

const busy = (why: string): TransferError =>
  new TransferError('source_busy', why, 'Stop the gateways of the source, and run the command again.');

/** Reading goes on, writing waits until the transaction ends: no row may come after its page was read. */
const stopWriters = async (transaction: Transaction, tables: readonly Table[]): Promise<void> => {
  const [row] = await transaction.query<{ sessions: number }>(
    `select count(*)::int as sessions from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and (application_name in ($1, $1 || '-maintenance')
        or usesysid in (select login from app.gateway_logins() where not is_maintenance))`,
    [GATEWAY_SESSIONS],
  );
  if ((row?.sessions ?? 0) > 0)
    throw busy(`A gateway is connected to the source (${row?.sessions} sessions).`);
  await become(transaction, 'mosaic_owner');
  await transaction.script(`set local lock_timeout = '5s'`);
  try {
    await transaction.script(
      `lock table ${tables.map(({ name }) => `public.${name}`).join(', ')} in share mode`,
    );
  } catch (error) {
    if (error instanceof MosaicError && error.code === 'database_unavailable')
      throw busy('Something writes to the source.');
    throw error;
  }
};

/** @returns the transfer that brought the store where it is */
const checkSchema = async (transaction: Transaction): Promise<string | null> => {
  if (!(await hasTable(transaction, 'mosaic_migrations')))
    throw new TransferError(
      'source_missing',
      'The source holds no data of a gateway.',
      'Name another source.',
    );
  const pending = await pendingMigrations(transaction);
  if (pending.length > 0) {
    throw new TransferError(
      'source_outdated',
      `The source was last used with an older version (it lacks ${pending.join(', ')}).`,
      'Start its gateway once with this version, stop it, and run the command again.',
    );
  }
  const state = await readState(transaction);
  if (state !== null && state.completedAt === null) {
    throw new TransferError(
      'source_unfinished',
      'The source itself is the target of a transfer that did not finish.',
      'Finish that one first.',
    );
  }
  return state?.transferId ?? null;
};

const canaryOf = async (transaction: Transaction, sealer: Sealer): Promise<string> => {
  await become(transaction, 'mosaic_owner');
  const [row] = await transaction.query<{ sealed: string }>(
    'select sealed from public.gateway_secrets where name = $1',
    [CANARY_NAME],
  );
  if (row === undefined)
    throw new TransferError(
      'source_missing',
      'No gateway has used the source yet.',
      'There is nothing to move.',
    );
  if (!(await opensCanary(row.sealed, sealer))) {
    throw new TransferError(
      'source_key',
      `The sealing key does not open the source, which was sealed under key ${sealedUnder(row.sealed) ?? '(unreadable)'}.`,
      'Give the key its gateway runs with (MOSAIC_SEALING_KEY_FILE).',
    );
  }
  return row.sealed;
};

/** What another key sealed would open at the source, whose gateway has both keys, and never again at the target. */
const assertOneKey = async (transaction: Transaction, keyId: string): Promise<void> => {
  await become(transaction, 'mosaic_admin');
  const census = await createSealedStore(transactionSession(transaction)).census();
  // What is no sealed value at all opens nowhere, and is moved as it is.
  const left = census.filter((one) => one.keyId !== null && one.keyId !== keyId);
  if (left.length === 0) return;
  const where = left.map(({ table, rows, keyId: of }) => `${table} (${rows} under key ${of})`).join(', ');
  throw new TransferError(
    'source_key',
    `A rotation of the source’s sealing key has not ended: ${where}.`,
    'Start its gateway with both keys, run mosaic keys rotate until nothing is left, and stop it: then one key opens everything.',
  );
};

/**
 * Reads a store in one transaction that changes nothing, while nobody else can write.
 * @throws TransferError when it can't be moved as it is
 */
export const withSource = <T>(
  driver: Driver,
  sealer: Sealer,
  work: (source: Source) => Promise<T>,
): Promise<T> =>
  driver.transaction(async (transaction) => {
    const transferId = await checkSchema(transaction);
    const tables = await readTables(transaction);
    await stopWriters(transaction, tables);
    const canary = await canaryOf(transaction, sealer);
    await assertOneKey(transaction, sealedUnder(canary) ?? '');
    const counts = await countRows(transaction, tables);
    await become(transaction, 'mosaic_admin');
    const [row] = await transaction.query<{ certificates: number }>(
      `select count(*)::int as certificates from issued_certificates c join federation_grants g on g.id = c.grant_id
        where c.status = 'issued' and c.not_after > now() and g.status = 'active'
          and exists (select from gateway_secrets where name = 'embedded_ca_root')`,
    );
    return work({
      rows: transaction,
      tables,
      counts,
      identity: await digest(`${canary} ${transferId ?? ''}`),
      canary: await digest(canary),
      transferId,
      keyId: sealedUnder(canary) ?? '',
      embeddedCertificates: row?.certificates ?? 0,
    });
  });
