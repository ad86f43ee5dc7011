import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { sealingKeys, type KeyRing } from '../../../../db/sealing/seal.ts';
import { parseSealingKeys } from '../../../config/sealing-key.ts';
import { DataFolderError, folderSealingKey, SEALING_KEY, type DataFolder } from './data-folder.ts';

/** Beside `sealing.key`: keys that still open what they sealed, until a rotation is known to have finished. */
const OLDER_KEYS = 'sealing.older';
const KEY_BYTES = 32;

export interface FolderKeys {
  readonly current: Uint8Array;
  readonly older: readonly Uint8Array[];
}

const textOf = (keys: readonly Uint8Array[]): string =>
  keys.map((key) => `${Buffer.from(key).toString('base64')}\n`).join('');

/** Whole or not at all, and on the disk before anything is sealed under it. */
const replaceFile = (path: string, text: string): void => {
  const draft = `${path}.${process.pid}`;
  rmSync(draft, { force: true });
  writeFileSync(draft, text, { mode: 0o600, flag: 'wx', flush: true });
  renameSync(draft, path);
};

/**
 * The keys of a data folder: the one that seals, and those of a rotation that may not have finished.
 * @throws DataFolderError when a file is damaged, readable by others, or gone while a database is there
 */
export const folderSealingKeys = (folder: DataFolder): FolderKeys => {
  const current = folderSealingKey(folder);
  const file = join(folder.path, OLDER_KEYS);
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) return { current, older: [] };
  if ((found.mode & 0o077) !== 0)
    throw new DataFolderError(`${file} can be read by others. Close it to others: chmod 600 ${file}`);
  const older = parseSealingKeys(readFileSync(file, 'utf8'));
  if (older === null) {
    throw new DataFolderError(
      `${file} does not hold sealing keys. Restore it from your backup: a rotation may not have finished.`,
    );
  }
  return { current, older };
};

/**
 * Makes a new key for a running gateway of tier local, and seals under it from then on. The old key is safe in its own
 * file before the new one takes its place, so that a crash in between loses nothing.
 */
export const makeFolderKey = ({ path }: DataFolder, keys: FolderKeys): ((ring: KeyRing) => Promise<void>) => {
  let { current, older }: FolderKeys = keys;
  return async (ring) => {
    const next = Uint8Array.from(randomBytes(KEY_BYTES));
    const kept = [...older, current];
    const made = await sealingKeys(next, kept);
    replaceFile(join(path, OLDER_KEYS), textOf(kept));
    replaceFile(join(path, SEALING_KEY), textOf([next]));
    ring.replace(made);
    [current, older] = [next, kept];
  };
};

/** When nothing is sealed under older keys any more. Only at a start: nothing may be on its way into the database. */
export const forgetOlderKeys = ({ path }: DataFolder): void =>
  rmSync(join(path, OLDER_KEYS), { force: true });
