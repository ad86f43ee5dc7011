import type { Migration } from './migration.ts';

/** ASCII that ends a word, all but what a query says something with: `"` for a phrase, `-` for "without". */
const PUNCTUATION = String.raw`!#$%&''()*+,./:;<=>?@[\]^_` + '`{|}~';

/** Combining marks of Latin, Greek, Cyrillic, Hebrew and Arabic, variation selectors, and invisible format characters. */
const MARKS = String.raw`[\u00ad\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u061c\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\ufeff]+`;

/** Punctuation and symbols beyond ASCII. Listed, because what a locale calls a letter differs by the system. */
const SYMBOLS = String.raw`[\u0080-\u00bf\u00d7\u00f7\u037e\u0387\u055a-\u055f\u0589\u058a\u05be\u05c0\u05c3\u05c6\u05f3\u05f4\u060c\u060d\u061b\u061e\u061f\u066a-\u066d\u06d4\u0964\u0965\u2000-\u206f\u20a0-\u20cf\u2190-\u2bff\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020\u3030\u303d\u30fb\ue000-\uf8ff\ufd3e\ufd3f\ufffc\ufffd\U0001f000-\U0001faff]+`;

const blanks = (count: number): string => ' '.repeat(count);
/** As a quoted text: the doubled quote above is one character. */
const PUNCTUATION_LENGTH = PUNCTUATION.length - 1;

const words = (column: string, weight: 'A' | 'B' | 'C'): string =>
  `setweight(to_tsvector('pg_catalog.simple'::regconfig, app.search_text(coalesce(${column}, ''))), '${weight}')`;

const searchable = (table: string, columns: readonly (readonly [string, 'A' | 'B' | 'C'])[]): string => `
alter table ${table} add column search tsvector generated always as (
  ${columns.map(([column, weight]) => words(column, weight)).join('\n  || ')}
) stored;
-- Words and holders in one index: an entry of both is an intersection within it. Without a pending list: every search
-- would have to read through what others wrote lately.
create index ${table}_search on ${table} using gin (search, (array[coalesce(team_id, owner_id)])) with (fastupdate = off);
grant select (id, owner_id, team_id, created_at, search) on ${table} to mosaic_search;
create policy ${table}_search on ${table} for select to mosaic_search using (true);
`;

/** With more of them, an entry for each costs more in the index than looking at what else holds the words. */
const MOST_HOLDERS = 64;

const ranked = (table: string, restriction: string): string => `select r.id, r.created_at, r.rank from (
      select t.id, t.created_at, ts_rank_cd(t.search, words, 32) as rank from public.${table} t
      where t.search @@ words and ${restriction}
        and case when t.team_id is null then personal and t.owner_id = asker else t.team_id in (select unnest(mine)) end
      offset 0) r
    where (r.rank, r.created_at, r.id) < (before_rank, before_at, before_id)
    order by r.rank desc, r.created_at desc, r.id desc
    limit least(greatest(want, 0), 10001)`;

/**
 * Ids and ranks of the asker's hits in one table, best first, after a position. It reads past row-level security, so
 * everything it must hold to stands in it: the asker has to be `app.subject()`, teams are those of the asker, and the
 * index itself is asked for the words and for the holders, so that other people's rows are not even looked at.
 */
const search = (table: string): string => `
create function app.search_${table}(asker uuid, query text, personal boolean, teams uuid[],
  before_rank real, before_at timestamptz, before_id uuid, want integer)
returns table (hit_id uuid, hit_at timestamptz, hit_rank real)
language plpgsql stable security definer rows 64
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_indexscan = on
set enable_bitmapscan = on
set plan_cache_mode = force_generic_plan
as $$
declare
  words tsquery;
  mine uuid[];
  holders uuid[];
begin
  -- Nobody but the subject of the statement is searched for, whatever the caller says.
  if asker is null or asker is distinct from app.subject() then return; end if;
  words := app.search_query(query);
  -- Ranking costs the square of what is asked for.
  if numnode(words) > 255 then return; end if;
  -- A query without a word that must occur would be answered by reading everything: it finds nothing.
  if coalesce(querytree(words), '') in ('', 'T') then return; end if;
  mine := array(select m.team_id from public.memberships m
    where m.user_id = asker and (teams is null or m.team_id = any (teams)));
  holders := case when personal then mine || asker else mine end;
  if cardinality(holders) = 0 then return; end if;
  if cardinality(holders) <= ${MOST_HOLDERS} then
    return query ${ranked(table, 'array[coalesce(t.team_id, t.owner_id)] && holders')};
  else
    return query ${ranked(table, 'true')};
  end if;
end $$;
revoke all on function app.search_${table} from public;
grant execute on function app.search_${table} to mosaic_app;
`;

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

export const searching: Migration = {
  name: '0011_search',
  sql: `
-- One spelling of a word: compatibility forms and accents folded, so that no dictionary and no locale is needed for it.
-- The limit keeps the longest text we store below what a tsvector holds.
create function app.search_fold(value text) returns text language sql immutable parallel safe
return lower(case when octet_length(value) = length(value) then left(value, 100000)
  else left(regexp_replace(normalize(regexp_replace(normalize(value, NFKD), '${MARKS}', '', 'g'), NFKC), '${SYMBOLS}', ' ', 'g'), 100000)
  end);

-- What is indexed: letters and digits only, so that no token is an address, a path or a number with a sign.
create function app.search_text(value text) returns text language sql immutable parallel safe
return translate(app.search_fold(value), '${PUNCTUATION}"-ς', '${blanks(PUNCTUATION_LENGTH + 2)}σ');

-- The same of what somebody asks for. Bounded here too: an expression is as deep as it has words, and the embedded
-- database has little stack. A hyphen means "without" before a word, and nothing within one.
create function app.search_query(value text) returns tsquery language sql immutable parallel safe
return websearch_to_tsquery('pg_catalog.simple'::regconfig,
  regexp_replace(translate(left(app.search_fold(translate(left(value, 1000), '“”„‟«»', '""""""')), 2000), '${PUNCTUATION}ς', '${blanks(PUNCTUATION_LENGTH)}σ'),
    '(?<=\\S)-|-(?![^\\s-])', ' ', 'g'));

${Object.entries(TABLES)
  .map(([table, columns]) => searchable(table, columns))
  .join('')}
grant select (user_id, team_id) on memberships to mosaic_search;
create policy memberships_search on memberships for select to mosaic_search using (user_id = (select app.subject()));

-- The functions belong to a role of their own, which can read what they need and nothing else.
grant usage, create on schema app to mosaic_search;
grant execute on function app.subject() to mosaic_search;
set local role mosaic_search;
${Object.keys(TABLES).map(search).join('')}
set local role mosaic_owner;
revoke create on schema app from mosaic_search;
`,
};
