import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { pgliteDriver } from '../../../db/driver/pglite.ts';
import { migrate } from '../../../db/migrate.ts';
import { MIGRATIONS } from '../../../db/migrations/index.ts';
import { ROOT } from '../checks/repository.ts';

/*
 * The database that each test begins with, as a data directory: migrating costs seconds, and most changes touch no migration. When a
 * migration is what is changed, the directory holds only those before it, and the tests do the rest.
 */

/** Whether these tests open a database at all. */
export const needDatabase = (tests: readonly (readonly string[])[]): boolean =>
  tests.flat().some((test) => test.includes('.integration.'));

const before = (file: string): typeof MIGRATIONS => {
  if (!file.startsWith('db/migrations/')) return MIGRATIONS;
  const at = MIGRATIONS.findIndex(({ name }) => basename(file, '.ts') === name);
  // What all migrations are built of is in none of them.
  return at === -1 ? [] : MIGRATIONS.slice(0, at);
};

/**
 * Where the directory for tests of a guarded file stands, as a tar. Made when it is not there yet.
 *
 * @param file as the table of guards names it
 */
export const databaseTemplate = async (file: string): Promise<string> => {
  const migrations = before(file);
  const digest = createHash('sha256').update(JSON.stringify(migrations)).digest('hex').slice(0, 12);
  const path = join(ROOT, '.cache', 'mutate', `database-${digest}.tar`);
  if (existsSync(path)) return path;
  mkdirSync(dirname(path), { recursive: true });
  const client = await PGlite.create({ extensions: { vector } });
  try {
    await migrate(pgliteDriver(client), migrations);
    const tar = await client.dumpDataDir('none');
    writeFileSync(`${path}.${process.pid}`, Buffer.from(await tar.arrayBuffer()));
    renameSync(`${path}.${process.pid}`, path);
  } finally {
    await client.close();
  }
  return path;
};
