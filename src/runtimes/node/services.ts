import type { KeyValue, Log } from '../../../domain/ports/basics.ts';
import type { Storage } from '../../../domain/ports/storage.ts';
import type { GatewayConfig } from '../../config/config.ts';
import { createMemoryKeyValue } from '../../kv/memory.ts';
import { systemClock } from '../../wire.ts';
import { folderSealingKey, openDataFolder } from './data-folder.ts';
import { quickenDrizzle } from './lean.ts';
import { createNodeTransport, type NodeTransport } from './transport.ts';

/** What the gateway stands on, opened; `close` lets go of it in the opposite order. */
export interface Services {
  readonly storage: Storage;
  readonly kv: KeyValue;
  readonly transport: NodeTransport;
  readonly sealingKey: Uint8Array;
  close(): Promise<void>;
}

interface OpenedStorage {
  readonly storage: Storage;
  readonly sealingKey: Uint8Array;
  readonly release: () => void;
}

const openLocal = async (config: GatewayConfig): Promise<OpenedStorage> => {
  const folder = openDataFolder(config.dataDir);
  try {
    const sealingKey = config.sealingKey ?? folderSealingKey(folder);
    // Loaded only here: the other tiers never need PGlite.
    const { openPgliteStorage } = await import('../../../db/connect/pglite.ts');
    if (!folder.hasDatabase) {
      const { createDatabaseFolder } = await import('./template.ts');
      await createDatabaseFolder(folder.database);
    }
    const storage = await openPgliteStorage({ dataDir: folder.database, exists: true });
    return { storage, sealingKey, release: folder.release };
  } catch (error) {
    folder.release();
    throw error;
  }
};

const openPostgres = async ({
  databaseUrl,
  sealingKey,
  isMigrating,
}: GatewayConfig): Promise<OpenedStorage> => {
  if (databaseUrl === null || sealingKey === null) throw new Error('the configuration was not checked');
  const { openPostgresStorage } = await import('../../../db/connect/postgres.ts');
  return {
    storage: await openPostgresStorage({ url: databaseUrl, skipMigrations: !isMigrating }),
    sealingKey,
    release: () => {},
  };
};

const closeAll = async (log: Log, parts: readonly (readonly [string, () => unknown])[]): Promise<void> => {
  for (const [name, close] of parts) {
    try {
      await close();
    } catch (error) {
      log.warn('could not be closed', { part: name, error: error as Error });
    }
  }
};

/** Opens database, key-value and transport of a tier. @throws DataFolderError, MosaicError `database_unavailable` */
export const openServices = async (config: GatewayConfig, log: Log): Promise<Services> => {
  quickenDrizzle();
  const { storage, sealingKey, release } = await (config.tier === 'local'
    ? openLocal(config)
    : openPostgres(config));
  const kv = createMemoryKeyValue({ clock: systemClock });
  const transport = createNodeTransport({
    allowPrivateAddresses: config.federation.allowPrivateAddresses,
    allowLoopbackHttp: config.federation.allowLoopbackHttp,
    timeoutMs: config.federation.peerTimeoutMs,
  });
  return {
    storage,
    kv,
    transport,
    sealingKey,
    close: () =>
      closeAll(log, [
        ['transport', () => transport.close()],
        ['key-value store', () => kv.close()],
        ['database', () => storage.close()],
        ['data folder', release],
      ]),
  };
};
