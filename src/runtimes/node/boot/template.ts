import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { MIGRATIONS } from '../../../../db/migrations/index.ts';
import { PRELUDE } from '../../../../db/migrations/roles.ts';
import { buildTemplate } from '../../../../db/template.ts';
import { codeOf } from './errno.ts';
import { takeFolderLock } from './folder-lock.ts';
import { makeFolder } from './make-folder.ts';
import { isCheckout, PACKAGE_ROOT } from './place.ts';
import { untar } from './untar.ts';

/** Where a build puts the template, below dist/. */
export const SHIPPED_TEMPLATE = 'db/assets/pglite-template.tar.gz';

const POLL_MS = 50;

const readIfThere = (path: string): Uint8Array | null => {
  try {
    return readFileSync(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
};

const pgliteManifest = (): string => {
  const entry = fileURLToPath(import.meta.resolve('@electric-sql/pglite'));
  return readFileSync(join(dirname(entry), '..', 'package.json'), 'utf8');
};

/** Changes whenever a template made before would not be what this version starts from. */
const cacheKey = (): string => {
  const hash = createHash('sha256').update(pgliteManifest()).update(PRELUDE);
  for (const { name, sql } of MIGRATIONS) hash.update(JSON.stringify([name, sql]));
  return hash.digest('hex').slice(0, 16);
};

/** Templates of migrations that are no more. */
const removeOthers = (path: string): void => {
  for (const name of readdirSync(dirname(path))) {
    if (name.endsWith('.tar.gz') && name !== basename(path))
      rmSync(join(dirname(path), name), { force: true });
  }
};

/** Builds once for all processes of this checkout that start at the same time. */
const buildCached = async (path: string): Promise<Uint8Array> => {
  makeFolder(dirname(path));
  for (;;) {
    const ready = readIfThere(path);
    if (ready !== null) return ready;
    const lock = takeFolderLock(`${path}.lock`);
    if (!lock.taken) {
      await wait(POLL_MS);
      continue;
    }
    try {
      const template = readIfThere(path) ?? (await buildTemplate());
      writeFileSync(`${path}.new`, template);
      renameSync(`${path}.new`, path);
      removeOthers(path);
      return template;
    } finally {
      lock.release();
    }
  }
};

const template = async (): Promise<Uint8Array> => {
  if (isCheckout) return buildCached(join(PACKAGE_ROOT, '.cache', `pglite-${cacheKey()}.tar.gz`));
  return readIfThere(join(PACKAGE_ROOT, 'dist', SHIPPED_TEMPLATE)) ?? buildTemplate();
};

/** Makes a database folder with the current schema and no data. It appears whole or not at all. */
export const createDatabaseFolder = async (folder: string): Promise<void> => {
  const draft = `${folder}.new`;
  rmSync(draft, { recursive: true, force: true });
  untar(await template(), draft);
  renameSync(draft, folder);
};
