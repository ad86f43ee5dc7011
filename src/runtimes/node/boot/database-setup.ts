import { addressFiles } from './database-address.ts';
import { migratePostgres } from '../../../../db/connect/maintenance.ts';
import { MosaicError } from '../../../../domain/errors.ts';
import { postgresReason } from './explain-services.ts';
import { describeDatabase } from '../tier-move/migrate-tier-stores.ts';

export { setupSql } from '../../../../db/logins.ts';

export interface Migrated {
  /** Host, port and name; never its password. */
  readonly database: string;
  readonly applied: readonly string[];
}

/**
 * Brings a database to this version's schema with the login for maintenance alone, so that no gateway has to hold it.
 * @param caPath PEM of the authorities to trust; null: the system's
 * @throws MosaicError `database_unavailable` with the reason and what to do; `unavailable` for a newer or a changed history
 */
export const migrateDatabase = async (url: string, caPath: string | null): Promise<Migrated> => {
  const database = describeDatabase(url);
  try {
    return { database, applied: await migratePostgres(url, addressFiles(caPath)) };
  } catch (error) {
    if (error instanceof MosaicError && error.code === 'unavailable') throw error;
    const { message, remedy } = postgresReason(error);
    const detail = `The database ${database}: ${message}. What to do: ${remedy}.`;
    throw new MosaicError('database_unavailable', { detail, cause: error });
  }
};
