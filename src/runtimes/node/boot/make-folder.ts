import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { codeOf } from './errno.ts';

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** A folder and those above it that do not exist, the uppermost first. */
const missingOf = (path: string): readonly string[] => {
  const missing: string[] = [];
  for (let at = path; !isFolder(at) && dirname(at) !== at; at = dirname(at)) missing.unshift(at);
  return missing;
};

/**
 * Makes a folder and those above it. The `recursive` of Node itself never returns where a file system answers ENOENT although
 * the parent exists (/proc), and the process hears no signal meanwhile.
 * @param mode of every folder that is made; those that exist keep theirs
 * @throws the error of the operating system; ENOTDIR when a part of the path is a file
 */
export const makeFolder = (folder: string, mode?: number): void => {
  const path = resolve(folder);
  for (const one of missingOf(path)) {
    try {
      mkdirSync(one, mode);
    } catch (error) {
      // Another process may have been faster.
      if (isFolder(one)) continue;
      if (codeOf(error) !== 'EEXIST' || one === path) throw error;
      throw Object.assign(new Error(`ENOTDIR: ${one}`, { cause: error }), { code: 'ENOTDIR', path });
    }
  }
};
