import { PGlite, type PGliteOptions } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { MosaicError } from '../../domain/errors.ts';
import type { Storage } from '../../domain/ports/storage.ts';
import type { Driver } from '../driver/driver.ts';
import { pgliteDriver } from '../driver/pglite.ts';
import { migrate } from '../migrate.ts';
import { createStorage } from '../storage.ts';

export interface PgliteStorageOptions {
  /** Folder of the data, or absent for memory. Locking it is the runtime's business: PGlite does not. */
  readonly dataDir?: string | undefined;
  /** A gzipped data directory made by `buildTemplate`, for a folder that holds no database yet. */
  readonly template?: Blob | Uint8Array | undefined;
  /** A file system of the host's instead of PGlite's own choice. */
  readonly fs?: PGliteOptions['fs'] | undefined;
  /** Whether `dataDir` holds a database. Without it, the template is tried first and left when there is one. */
  readonly exists?: boolean | undefined;
}

export interface PgliteStorage extends Storage {
  /** The session of `mosaic_app`, for benchmarks and tests. Product code goes through the stores. */
  readonly client: PGlite;
}

const SETTINGS = [
  // The file system caches as well; saves 150 MB of memory.
  'shared_buffers=4MB',
  'random_page_cost=1.1',
  'jit=off',
  'timezone=UTC',
  // Nothing analyzes tables here by itself, and a plan is kept as long as the process runs: one that was made while a
  // table was empty must not be a scan of it.
  'enable_seqscan=off',
  'enable_bitmapscan=off',
];

const START_PARAMS = [...PGlite.defaultStartParams, ...SETTINGS.flatMap((setting) => ['-c', setting])];

const toBlob = (template: Blob | Uint8Array): Blob =>
  template instanceof Blob ? template : new Blob([new Uint8Array(template)], { type: 'application/x-gzip' });

const start = async (options: PgliteStorageOptions, template: Blob | undefined): Promise<PGlite> =>
  PGlite.create({
    ...(options.dataDir === undefined ? {} : { dataDir: options.dataDir }),
    ...(options.fs === undefined ? {} : { fs: options.fs }),
    ...(template === undefined ? {} : { loadDataDir: template }),
    extensions: { vector },
    startParams: START_PARAMS,
  });

const startFromTemplate = async (options: PgliteStorageOptions, template: Blob): Promise<PGlite> => {
  try {
    return await start(options, template);
  } catch (error) {
    if (error instanceof Error && error.message.includes('already exists')) return start(options, undefined);
    throw error;
  }
};

/** PGlite with the current schema, as its superuser: for building the template. */
export const openMigratedPglite = async (options: PgliteStorageOptions): Promise<PGlite> => {
  const { template, exists } = options;
  let client: PGlite;
  try {
    client =
      template === undefined || exists === true
        ? await start(options, undefined)
        : await startFromTemplate(options, toBlob(template));
  } catch (error) {
    throw new MosaicError('database_unavailable', {
      detail: 'The embedded database cannot start.',
      cause: error,
    });
  }
  try {
    await migrate(pgliteDriver(client));
    return client;
  } catch (error) {
    await client.close();
    throw error;
  }
};

/** The database of a data folder as it is, as its superuser: for maintenance. The schema stays what it was. */
export const openPgliteMaintenance = async (dataDir: string): Promise<Driver> => {
  try {
    return pgliteDriver(await start({ dataDir }, undefined));
  } catch (error) {
    throw new MosaicError('database_unavailable', {
      detail: 'The embedded database cannot start.',
      cause: error,
    });
  }
};

/**
 * Opens tier `local`: starts PGlite, brings the schema up to date and gives up the superuser. The session stays a
 * superuser's, which row-level security would not bind: hence SET ROLE, once.
 * `fsync` is off in PGlite: a power cut can cost the last writes, and a statement's timeout does not fire.
 */
export const openPgliteStorage = async (options: PgliteStorageOptions = {}): Promise<PgliteStorage> => {
  const client = await openMigratedPglite(options);
  await client.exec('set role mosaic_app');
  return { ...createStorage(pgliteDriver(client)), client };
};
