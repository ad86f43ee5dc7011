import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isCheckout, MAIN, PACKAGE_ROOT } from './place.ts';

/** What a build is made of, besides the packages of the lockfile. */
const SOURCES = ['src', 'domain', 'ca', 'db', 'routes'];

const changedAt = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/**
 * What was built runs beside sources that are newer: somebody updated a checkout and has not built it again.
 * @param program file that is running; `root` the folder of package.json
 */
export const isOlderThanSources = (program: string, root: string): boolean => {
  if (!existsSync(join(root, 'boot.mjs'))) return false;
  const built = changedAt(program);
  if (changedAt(join(root, 'package-lock.json')) > built) return true;
  return SOURCES.some((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).some(
      (name) =>
        name.endsWith('.ts') && !name.endsWith('.test.ts') && changedAt(join(root, folder, name)) > built,
    ),
  );
};

/** Of the program that is running; false where it can't be told, since no gateway should end for it. */
export const isStale = (): boolean => {
  try {
    return !isCheckout && isOlderThanSources(MAIN, PACKAGE_ROOT);
  } catch {
    return false;
  }
};
