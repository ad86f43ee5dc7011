import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Longest folder under which the longest of our unix sockets still fits into 107 bytes. */
const LONGEST = 70;

const isRoot = (): boolean => process.getuid?.() === 0;

/** Postgres and nginx's workers run as other users when we are root: every folder above must let them pass. */
const isPassable = (folder: string): boolean => {
  for (let here = folder; ; here = path.dirname(here)) {
    const found = statSync(here, { throwIfNoEntry: false });
    if (found !== undefined && here !== folder && (found.mode & 0o001) === 0) return false;
    if (here === path.dirname(here)) return true;
  }
};

/**
 * The folder that holds what a stack runs on: the state folder itself, or one in the temporary folder where the state
 * folder's path is too long for a unix socket or closed to the users that services run as.
 * @throws Error when it belongs to somebody else
 */
export const placeFor = (stateDir: string): string => {
  const fits = stateDir.length <= LONGEST && (!isRoot() || isPassable(stateDir));
  const hash = createHash('sha256').update(stateDir).digest('hex').slice(0, 12);
  const place = fits ? stateDir : path.join(tmpdir(), `mosaic-harness-${hash}`);
  mkdirSync(place, { recursive: true });
  if (statSync(place).uid !== process.getuid?.()) throw new Error(`${place} belongs to another user`);
  chmodSync(place, 0o711);
  return place;
};
