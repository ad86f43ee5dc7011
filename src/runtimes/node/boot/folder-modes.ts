import { chmodSync, statSync } from 'node:fs';

const OTHERS = 0o007;
const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;

/**
 * Who beside its owner may put files into a folder, or take some away: whoever can, can put a key, a certificate authority or
 * a socket of their own in the place of ours.
 *
 * @returns the words for a message; null when nobody can
 */
export const whoElseWrites = (folder: string): string | null => {
  const { mode } = statSync(folder);
  if ((mode & OTHERS_WRITE) !== 0) return 'every user of this machine may write there';
  return (mode & GROUP_WRITES) === 0 ? null : 'its group may write there';
};

/** Takes from everybody but owner and group what they may do in a folder. Nothing for a folder of somebody else. */
export const closeToOthers = (folder: string): void => {
  const { mode, uid } = statSync(folder);
  if ((mode & OTHERS) !== 0 && uid === process.getuid?.()) chmodSync(folder, mode & 0o7770);
};
