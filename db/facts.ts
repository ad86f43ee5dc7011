import type { Queryable } from './driver/driver.ts';

/** What a Postgres is, before anything is done with it. */
export interface DatabaseFacts {
  /** As `server_version_num`, for example 150008. */
  readonly versionNumber: number;
  /** For people, for example `15.8`. */
  readonly version: string;
  /** Version of the vector extension in this database, or null. */
  readonly vector: string | null;
  /** Whether the server has the extension's files. */
  readonly isVectorAvailable: boolean;
  /** For example `UTF8`. */
  readonly encoding: string;
  /** LC_CTYPE: what is a letter, and its lower case. For example `C.UTF-8`. */
  readonly characterType: string;
}

/** One round trip. */
export const readFacts = async (database: Queryable): Promise<DatabaseFacts> => {
  const [row] = await database.query<{
    number: string;
    version: string;
    vector: string | null;
    available: boolean;
    encoding: string;
    ctype: string;
  }>(
    `select current_setting('server_version_num') as number,
            split_part(current_setting('server_version'), ' ', 1) as version,
            (select extversion from pg_extension where extname = 'vector') as vector,
            exists (select from pg_available_extensions where name = 'vector') as available,
            current_setting('server_encoding') as encoding,
            (select datctype from pg_database where datname = current_database()) as ctype`,
  );
  if (row === undefined) throw new TypeError('a query for one row gave none');
  return {
    versionNumber: Number(row.number),
    version: row.version,
    vector: row.vector,
    isVectorAvailable: row.available,
    encoding: row.encoding,
    characterType: row.ctype,
  };
};
