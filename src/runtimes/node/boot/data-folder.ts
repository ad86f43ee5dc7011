import { linkSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { fileError } from '../../../../domain/system-errors.ts';
import { parseSealingKey } from '../../../config/sealing-key.ts';
import { takeFolderLock } from './folder-lock.ts';
import { closeToOthers, whoElseWrites } from './folder-modes.ts';
import { makeFolder } from './make-folder.ts';

/** The data folder cannot be used. The message says why and what to do. */
export class DataFolderError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'DataFolderError';
  }
}

export interface DataFolder {
  readonly path: string;
  /** Where the embedded database lives. */
  readonly database: string;
  /** Whether a database is there from an earlier start. */
  readonly hasDatabase: boolean;
  readonly release: () => void;
}

const LOCK = 'gateway.lock';
/** The file of a data folder that holds its key. */
export const SEALING_KEY = 'sealing.key';
const DATABASE = 'database';
const KEY_BYTES = 32;

const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;

/** @throws DataFolderError for a folder in which others could put a key or a database of theirs */
const assertOwn = (path: string): void => {
  const fault = whoElseWrites(path);
  if (fault !== null)
    throw new DataFolderError(
      `The data folder ${path} is not safe: ${fault}. Check whether it holds anything that is not yours, then close it to others: chmod 700 ${path}`,
    );
  closeToOthers(path);
};

const unusable = (path: string, error: unknown): DataFolderError => {
  const { what, cure } = fileError(error) ?? {
    what: error instanceof Error ? error.message : 'it failed',
    cure: 'Look at the folder, or give another one',
  };
  return new DataFolderError(
    `The data folder ${path} (data_dir) cannot be used: ${what}. What to do: ${cure}.`,
    error,
  );
};

/**
 * Makes the folder (mode 0700), takes its lock. One that others may read is closed to them.
 * @throws DataFolderError when another gateway uses it, nobody may, or others may write there
 */
export const openDataFolder = (folder: string): DataFolder => {
  const path = resolve(folder);
  try {
    makeFolder(path, 0o700);
    assertOwn(path);
    const lock = takeFolderLock(join(path, LOCK));
    if (!lock.taken) {
      const who =
        lock.host === hostname() ? `process ${lock.pid}` : `process ${lock.pid} on host ${lock.host}`;
      throw new DataFolderError(
        `The data folder ${path} is in use by ${who}. Stop that gateway, or give this one another folder (data_dir).`,
      );
    }
    const database = join(path, DATABASE);
    return { path, database, hasDatabase: isThere(join(database, 'PG_VERSION')), release: lock.release };
  } catch (error) {
    if (error instanceof DataFolderError) throw error;
    throw unusable(path, error);
  }
};

/**
 * Writes the file whole or not at all. The key must never be half there: everything sealed with the rest of it
 * would be lost.
 */
const createKeyFile = (path: string): void => {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, `${randomBytes(KEY_BYTES).toString('base64')}\n`, { mode: 0o600, flush: true });
  try {
    linkSync(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
};

/**
 * The sealing key of a data folder, made at the first start with mode 0600 (SPEC "Tiers").
 *
 * @throws DataFolderError when it is damaged, readable by others, or gone while a database is there
 */
export const folderSealingKey = ({ path, hasDatabase }: DataFolder): Uint8Array<ArrayBuffer> => {
  const file = join(path, SEALING_KEY);
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined && hasDatabase) {
    throw new DataFolderError(
      `${file} is missing, but the database beside it was sealed with it. Restore it from your backup; ` +
        'without it the secrets in this database cannot be opened.',
    );
  }
  if (found === undefined) createKeyFile(file);
  else if ((found.mode & 0o077) !== 0) {
    throw new DataFolderError(`${file} can be read by others. Close it to others: chmod 600 ${file}`);
  }
  const key = parseSealingKey(readFileSync(file, 'utf8').trim());
  if (key === null)
    throw new DataFolderError(
      `${file} does not hold a sealing key (32 bytes as base64). Restore it from your backup.`,
    );
  return key;
};
