import type { Migration } from './migration.ts';

/**
 * `ts_rank_cd` costs the square of how often the words asked for stand in a row, for each of them: a row of 100 kB that is
 * nothing but letters, and a query for all of them, took half a second, and one search holds up the embedded database. What
 * a row and a query may cost together is bounded now: beyond it a row is ranked by how often the words stand in it, in one
 * pass, whatever lies between them. Both are of the row and the query alone, from 0 to 1.
 */
const TABLES = ['tasks', 'notes', 'memory', 'credentials', 'api_keys'];

/** Bytes of the words of a row as stored, times parts of the query. */
const MOST = 32_768;

const KNOWN = 'ts_rank_cd(t.search, words, 32)';
const BOUNDED = 'app.rank_of(t.search, words)';

export const searchCost: Migration = {
  name: '0017_search_cost',
  sql: `
-- Stable, so that it becomes part of the statement: what it is of is then not read for its size.
create function app.rank_of(row_words tsvector, words tsquery) returns real language sql stable parallel safe
return case when pg_column_size(row_words) * numnode(words) <= ${MOST} then ts_rank_cd(row_words, words, 32)
  else ts_rank(row_words, regexp_replace(words::text, '&|<(-|\\d+)>', '|', 'g')::tsquery, 32) end;
revoke all on function app.rank_of from public;
grant execute on function app.rank_of to mosaic_search;

-- As 0011_search made them, and in that alone not.
grant usage, create on schema app to mosaic_search;
set local role mosaic_search;
do $do$
declare
  known text;
  of_table text;
begin
  foreach of_table in array array[${TABLES.map((table) => `'${table}'`).join(', ')}] loop
    known := pg_get_functiondef(format('app.search_%I', of_table)::regproc);
    if position('${KNOWN}' in known) = 0 then raise exception 'app.search_% is not as it was made', of_table; end if;
    execute replace(known, '${KNOWN}', '${BOUNDED}');
  end loop;
end $do$;
set local role mosaic_owner;
revoke create on schema app from mosaic_search;
`,
};
