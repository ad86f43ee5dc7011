import { accessSync, statfsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { WrongSealingKey } from '../../../../db/sealing/seal-check.ts';
import { MosaicError } from '../../../../domain/errors.ts';
import { fileError } from '../../../../domain/system-errors.ts';
import type { GatewayConfig } from '../../../config/config.ts';
import { DataFolderError, SEALING_KEY } from './data-folder.ts';

/** Why the files of an embedded database cannot be used, as far as the host can tell. */
const whyNot = (database: string): { readonly what: string; readonly cure: string } => {
  try {
    accessSync(join(database, 'PG_VERSION'));
    if (statfsSync(database).bavail === 0)
      return { what: 'the disk is full', cure: 'Free space, then start again' };
  } catch (error) {
    const found = fileError(error);
    if (found !== null) return found;
  }
  return {
    what: 'its files are damaged or come from another version of PGlite',
    cure: 'Restore the whole data folder from a backup; keep the damaged one until the gateway runs again',
  };
};

/**
 * What a person is told when the embedded database does not start. PGlite’s own words (“Aborted(). Build with -sASSERTIONS”)
 * name neither the folder nor a cure.
 * @returns a DataFolderError; any other error as it is
 */
export const embeddedFault = (database: string, error: unknown): unknown => {
  if (!(error instanceof MosaicError) || error.code !== 'database_unavailable') return error;
  const { what, cure } = whyNot(database);
  return new DataFolderError(
    `The embedded database in ${database} does not start: ${what}. What to do: ${cure}.`,
    error,
  );
};

/** The same for a sealing key that does not open the database of a data folder: there is no other replica to look at. */
export const localKeyFault = (
  { tier, dataDir, sealingKey }: Pick<GatewayConfig, 'tier' | 'dataDir' | 'sealingKey'>,
  error: unknown,
): unknown => {
  if (tier !== 'local' || !(error instanceof WrongSealingKey)) return error;
  const path = resolve(dataDir);
  const under = `which was sealed under key ${error.keyId ?? '(unreadable)'}`;
  return new DataFolderError(
    sealingKey === null
      ? `${join(path, SEALING_KEY)} does not open the database beside it, ${under}. What to do: Restore ${SEALING_KEY} from the backup of this data folder.`
      : `The configured sealing key does not open the database in ${path}, ${under}. What to do: Give the key that this folder was created with (MOSAIC_SEALING_KEY, MOSAIC_SEALING_KEY_FILE), or none when the folder holds its ${SEALING_KEY}.`,
    error,
  );
};
