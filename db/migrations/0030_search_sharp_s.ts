import type { Migration } from './migration.ts';

/** As in 0011_search: marks that are left out of a word. */
const MARKS = String.raw`[\u00ad\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u061c\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\ufeff]+`;

/** As in 0011_search: punctuation and symbols that end one. */
const SYMBOLS = String.raw`[\u0080-\u00bf\u00d7\u00f7\u037e\u0387\u055a-\u055f\u0589\u058a\u05be\u05c0\u05c3\u05c6\u05f3\u05f4\u060c\u060d\u061b\u061e\u061f\u066a-\u066d\u06d4\u0964\u0965\u2000-\u206f\u20a0-\u20cf\u2190-\u2bff\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020\u3030\u303d\u30fb\ue000-\uf8ff\ufd3e\ufd3f\ufffc\ufffd\U0001f000-\U0001faff]+`;

/** As 0011_search made them: which column of a table counts how much. */
const TABLES = {
  tasks: [
    ['title', 'A'],
    ['body', 'B'],
  ],
  notes: [
    ['title', 'A'],
    ['body', 'B'],
  ],
  memory: [
    ['title', 'A'],
    ['content', 'B'],
  ],
  credentials: [
    ['title', 'A'],
    ['username', 'B'],
    ['url', 'C'],
  ],
  api_keys: [
    ['title', 'A'],
    ['service', 'B'],
  ],
} as const;

const words = ([column, weight]: readonly [string, string]): string =>
  `setweight(to_tsvector('pg_catalog.simple'::regconfig, app.search_text(coalesce(${column}, ''))), '${weight}')`;

/** The column is made anew, because a stored one keeps what the function gave before. The statement of a search names it alone. */
const rebuilt = (table: string, columns: readonly (readonly [string, string])[]): string => `
alter table ${table} drop column search;
alter table ${table} add column search tsvector generated always as (
  ${columns.map(words).join('\n  || ')}
) stored;
create index ${table}_search on ${table} using gin (search, (array[coalesce(team_id, owner_id)])) with (fastupdate = off);
grant select (search) on ${table} to mosaic_search;
`;

/**
 * `straße` finds `STRASSE`: the only letter whose case folding is more than one letter and that normalization leaves alone.
 * One transaction: it is killed whole or not at all, and rewrites the tables that are searched.
 */
export const searchSharpS: Migration = {
  name: '0030_search_sharp_s',
  sql: `
create or replace function app.search_fold(value text) returns text language sql immutable parallel safe
return replace(lower(case when octet_length(value) = length(value) then left(value, 100000)
  else left(regexp_replace(normalize(regexp_replace(normalize(value, NFKD), '${MARKS}', '', 'g'), NFKC), '${SYMBOLS}', ' ', 'g'), 100000)
  end), 'ß', 'ss');
${Object.entries(TABLES)
  .map(([table, columns]) => rebuilt(table, columns))
  .join('')}`,
};
