import type { PGlite } from '@electric-sql/pglite';
import { openPgliteStorage, type PgliteStorage } from '../connect/pglite.ts';

/** A fresh migrated database in memory, its storage as `mosaic_app`. */
export const memoryStorage = (): Promise<PgliteStorage> => openPgliteStorage({});

type Row = Record<string, unknown>;

/** One statement as another role: `postgres` is the superuser whom no policy binds. */
export const queryAs = async <R extends Row>(
  client: PGlite,
  role: 'postgres' | 'mosaic_app' | 'mosaic_admin' | 'mosaic_owner',
  text: string,
  params: unknown[] = [],
  subject?: string,
): Promise<R[]> =>
  client.transaction(async (transaction) => {
    await transaction.exec(`set local role ${role}`);
    if (subject !== undefined)
      await transaction.query(`select set_config('app.subject', $1, true)`, [subject]);
    return (await transaction.query<R>(text, params)).rows;
  });

/** Many statements as the superuser. */
export const seed = async (client: PGlite, text: string): Promise<void> => {
  await client.transaction(async (transaction) => {
    await transaction.exec('set local role postgres');
    await transaction.exec(text);
  });
};
