import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openMaintenance } from '../../../../db/connect/maintenance.ts';
import type { Driver } from '../../../../db/driver/driver.ts';
import { TransferError } from '../../../../db/transfer/error.ts';
import { parseDatabaseAddress, placeOfDatabase } from '../../../../domain/database/address.ts';
import { MosaicError } from '../../../../domain/errors.ts';
import type { GatewayConfig } from '../../../config/config.ts';
import type { Environment } from '../../../config/environment.ts';
import { loadConfig } from '../../../config/load.ts';
import { redact } from '../../common/redact.ts';
import { addressFiles } from '../boot/database-address.ts';
import { openDataFolder } from '../boot/data-folder.ts';
import { embeddedFault } from '../boot/data-folder-faults.ts';
import { readTextFile } from '../boot/read-text.ts';
import { folderSealingKeys } from '../boot/sealing-files.ts';

/** The store to move: tier `local` by its folder, tier `standalone` by its database and key. */
export type StoreToMove = Pick<
  GatewayConfig,
  'tier' | 'dataDir' | 'maintenanceDatabaseUrl' | 'sealingKey' | 'database'
>;

/**
 * The store in a data folder, whatever the configuration says by now.
 * @param env only what it says of the sealing key counts
 * @throws ConfigError
 */
export const localStore = (dataDir: string, env: Environment): StoreToMove => {
  const { MOSAIC_SEALING_KEY, MOSAIC_SEALING_KEY_FILE } = env;
  return loadConfig({
    env: { MOSAIC_TIER: 'local', MOSAIC_DATA_DIR: dataDir, MOSAIC_SEALING_KEY, MOSAIC_SEALING_KEY_FILE },
    readFile: readTextFile,
  }).config;
};

export interface OpenedStore {
  readonly driver: Driver;
  readonly key: Uint8Array;
  readonly place: string;
  readonly keyFile: string | null;
  readonly close: () => Promise<void>;
}

/** As the server lists the session. */
export const SESSION = 'mosaic-migrate-tier';

/** Host, port and database of a connection string; never its password. */
export const describeDatabase = (url: string): string => {
  const parsed = parseDatabaseAddress(url);
  return `${placeOfDatabase(url)}/${parsed.ok ? (parsed.value.database ?? '') : ''}`;
};

const openLocal = async ({ dataDir, sealingKey: given }: StoreToMove): Promise<OpenedStore> => {
  const path = resolve(dataDir);
  // Before the lock: taking it would make the folder.
  if (statSync(join(path, 'database', 'PG_VERSION'), { throwIfNoEntry: false }) === undefined) {
    throw new TransferError(
      'source_missing',
      `The data folder ${path} holds no database of a gateway.`,
      'Name the folder of the gateway to move (--data-dir).',
    );
  }
  const folder = openDataFolder(path);
  try {
    const { current, older } = given === null ? folderSealingKeys(folder) : { current: given, older: [] };
    if (older.length > 0) {
      throw new TransferError(
        'source_key',
        `A rotation of the sealing key of ${path} has not ended: secrets may be sealed under two keys.`,
        'Start its gateway, run mosaic keys rotate, restart it, and stop it: then one key opens everything.',
      );
    }
    const key = current;
    // Loaded only here: moving a Postgres does not need PGlite.
    const { openPgliteMaintenance } = await import('../../../../db/connect/pglite.ts');
    const driver = await openPgliteMaintenance(folder.database).catch((error: unknown) => {
      throw embeddedFault(folder.database, error);
    });
    const close = async (): Promise<void> => {
      await driver.close();
      folder.release();
    };
    return { driver, key, place: path, keyFile: given === null ? join(path, 'sealing.key') : null, close };
  } catch (error) {
    folder.release();
    throw error;
  }
};

const reasonOf = (error: MosaicError): string =>
  redact(error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message);

/** A first statement, so that a database nobody reaches is told by its address. */
export const openPostgres = async (
  role: 'source' | 'target',
  url: string,
  caPath: string | null = null,
): Promise<Driver> => {
  const driver = openMaintenance(url, SESSION, addressFiles(caPath));
  try {
    await driver.query('select 1 as one');
    return driver;
  } catch (error) {
    await driver.close();
    if (!(error instanceof MosaicError)) throw error;
    const detail = `The ${role} ${describeDatabase(url)} cannot be used: ${reasonOf(error)}.`;
    throw new MosaicError('database_unavailable', { detail, cause: error });
  }
};

/** @throws TransferError, DataFolderError, MosaicError `database_unavailable` */
export const openStore = async (store: StoreToMove): Promise<OpenedStore> => {
  if (store.tier === 'local') return openLocal(store);
  if (store.tier === 'federated' || store.sealingKey === null) {
    throw new TransferError(
      'source_tier',
      'The configuration is of tier federated: that is where stores are moved to.',
      'Run the command with the configuration of the store to move (--config), or name its folder (--data-dir).',
    );
  }
  const { maintenanceDatabaseUrl: databaseUrl, sealingKey: key } = store;
  if (databaseUrl === null) {
    throw new TransferError(
      'source_missing',
      'The configuration does not name the login for maintenance of the source.',
      'Set database.maintenance_url (DATABASE_MAINTENANCE_URL) to its URL.',
    );
  }
  const driver = await openPostgres('source', databaseUrl, store.database.caPath);
  return { driver, key, place: describeDatabase(databaseUrl), keyFile: null, close: () => driver.close() };
};
