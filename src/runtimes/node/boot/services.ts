import type { Authority } from '../../../../ca/authority.ts';
import type { KeyRing } from '../../../../db/sealing/seal.ts';
import type { KeyValue, Log } from '../../../../domain/ports/basics.ts';
import type { Storage } from '../../../../domain/ports/storage.ts';
import type { GatewayConfig } from '../../../config/config.ts';
import { databaseUrlsOf } from '../../../config/settings.ts';
import { createMemoryKeyValue } from '../../../kv/memory.ts';
import type { Hashing } from '../../../kernel/mac.ts';
import { systemClock } from '../../../app/wire.ts';
import { BootError } from './boot-fault.ts';
import { openDataFolder } from './data-folder.ts';
import { embeddedFault } from './data-folder-faults.ts';
import { nodeHashing } from './hashing.ts';
import { quickenImports } from './lean.ts';
import { openAuthority, openKv, openPostgres } from './open-services.ts';
import { folderSealingKeys, forgetOlderKeys, makeFolderKey } from './sealing-files.ts';
import type { OpenedAuthority } from '../step-ca/step-ca-generations.ts';
import { createNodeTransport, type NodeTransport } from '../peer-transport/transport.ts';

/** What the gateway stands on, opened; `close` lets go of it in the opposite order. */
export interface Services {
  readonly storage: Storage;
  readonly kv: KeyValue;
  readonly transport: NodeTransport;
  readonly hashing: Hashing;
  readonly sealingKey: Uint8Array;
  readonly olderSealingKeys: readonly Uint8Array[];
  /** Makes a new key in the data folder; absent where the key is configuration. */
  readonly newSealingKey?: (ring: KeyRing) => Promise<void>;
  /** Removes older keys from the data folder, when nothing is sealed under them any more. */
  readonly forgetOlderKeys?: () => void;
  /** step-ca; null: the embedded one, which lives in the database. */
  readonly authority: Authority | null;
  close(): Promise<void>;
}

interface Opened extends Pick<
  Services,
  'storage' | 'kv' | 'sealingKey' | 'olderSealingKeys' | 'newSealingKey' | 'forgetOlderKeys'
> {
  readonly authority: OpenedAuthority | null;
  readonly release: () => void;
}

const openLocal = async (config: GatewayConfig): Promise<Opened> => {
  const folder = openDataFolder(config.dataDir);
  try {
    const keys =
      config.sealingKey === null
        ? folderSealingKeys(folder)
        : { current: Uint8Array.from(config.sealingKey), older: [] };
    // Loaded only here: the other tiers never need PGlite.
    const { openPgliteStorage } = await import('../../../../db/connect/pglite.ts');
    if (!folder.hasDatabase) {
      const { createDatabaseFolder } = await import('./template.ts');
      await createDatabaseFolder(folder.database);
    }
    const storage = await openPgliteStorage({ dataDir: folder.database, exists: true }).catch(
      (error: unknown) => {
        throw embeddedFault(folder.database, error);
      },
    );
    const kv = createMemoryKeyValue({ clock: systemClock });
    return {
      storage,
      kv,
      authority: null,
      sealingKey: keys.current,
      olderSealingKeys: [...keys.older, ...config.olderSealingKeys],
      release: folder.release,
      ...(config.sealingKey === null
        ? { newSealingKey: makeFolderKey(folder, keys), forgetOlderKeys: () => forgetOlderKeys(folder) }
        : {}),
    };
  } catch (error) {
    folder.release();
    throw error;
  }
};

/** All that fails at once, so that an operator corrects it in one go. */
const allOf = <T extends readonly unknown[]>(results: { [K in keyof T]: PromiseSettledResult<T[K]> }): T => {
  const failures = results.flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  );
  const other = failures.find((error) => !(error instanceof BootError));
  if (other !== undefined)
    throw other instanceof Error ? other : new Error('a service could not be opened', { cause: other });
  if (failures.length > 0)
    throw new BootError(failures.flatMap((error) => (error instanceof BootError ? error.faults : [])));
  return results.map((result) => (result as PromiseFulfilledResult<unknown>).value) as unknown as T;
};

/** Postgres, key-value store and authority, all at once. @throws BootError naming every one that is missing */
const openRemote = async (config: GatewayConfig, log: Log): Promise<Opened> => {
  const { sealingKey } = config;
  const urls = databaseUrlsOf(config);
  if (urls === null || sealingKey === null) throw new Error('the configuration was not checked');
  const results = await Promise.allSettled([
    openPostgres(urls, config, log),
    openKv(config, sealingKey, log),
    openAuthority(config),
  ]);
  try {
    const [storage, kv, authority] = allOf<[Storage, KeyValue, OpenedAuthority | null]>(results);
    const { olderSealingKeys } = config;
    return { storage, kv, authority, sealingKey, olderSealingKeys, release: () => {} };
  } catch (error) {
    for (const result of results) if (result.status === 'fulfilled') void result.value?.close();
    throw error;
  }
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

/** Opens what a tier stands on. @throws DataFolderError, BootError, MosaicError `database_unavailable` */
export const openServices = async (config: GatewayConfig, log: Log): Promise<Services> => {
  quickenImports();
  const { storage, kv, authority, release, ...keys } = await (config.tier === 'local'
    ? openLocal(config)
    : openRemote(config, log));
  const close = (): Promise<void> =>
    closeAll(log, [
      ['transport', () => transport.close()],
      ['key-value store', () => kv.close()],
      ['certificate authority', () => authority?.close()],
      ['database', () => storage.close()],
      ['data folder', release],
    ]);
  const transport = createNodeTransport({
    allowPrivateAddresses: config.federation.allowPrivateAddresses,
    allowLoopbackHttp: config.federation.allowLoopbackHttp,
    timeoutMs: config.federation.peerTimeoutMs,
  });
  const assemble = async (): Promise<Authority | null> => {
    try {
      return authority === null ? null : await authority.assemble(storage, log);
    } catch (error) {
      await close();
      throw error;
    }
  };
  const assembled = await assemble();
  return {
    storage,
    kv,
    transport,
    ...keys,
    hashing: nodeHashing,
    authority: assembled,
    close,
  };
};
