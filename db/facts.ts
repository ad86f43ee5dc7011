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

/**
 * What makes this login's server write the parameters of statements to its log, and with them the words of every search (FAULTS F-73).
 *
 * @returns the settings as they would stand in `postgresql.conf`, for example `log_statement = all`; empty: nothing does
 */
export const parameterLogging = async (database: Queryable): Promise<readonly string[]> => {
  const rows = await database.query<{ setting: string }>(
    `with given (name, value) as (
       select name, setting from pg_settings where name in ('log_statement', 'log_min_duration_statement', 'log_min_duration_sample',
         'log_transaction_sample_rate', 'log_parameter_max_length', 'log_parameter_max_length_on_error', 'auto_explain.log_min_duration',
         'auto_explain.log_parameter_max_length', 'pgaudit.log', 'pgaudit.log_parameter')
     )
     select name || ' = ' || value as setting from given where case name
       when 'log_statement' then value in ('all', 'mod')
       when 'log_min_duration_statement' then value::int >= 0
       when 'log_min_duration_sample' then value::int >= 0
       when 'log_transaction_sample_rate' then value::float > 0
       else false end
       and exists (select from given where name = 'log_parameter_max_length' and value <> '0')
     union all
     select name || ' = ' || value from given where name = 'log_parameter_max_length_on_error' and value <> '0'
     union all
     select name || ' = ' || value from given where name = 'auto_explain.log_min_duration' and value::int >= 0
       and not exists (select from given where name = 'auto_explain.log_parameter_max_length' and value = '0')
     union all
     select name || ' = ' || value from given where name = 'pgaudit.log_parameter' and value = 'on'
       and exists (select from given where name = 'pgaudit.log' and value not in ('', 'none'))
     order by 1`,
  );
  return rows.map(({ setting }) => setting);
};
