import type { Migration } from './migration.ts';

/**
 * A page for somebody in hundreds of teams was found by a look at each of them, and a look costs the more the larger the table
 * is. Often the newest rows of all teams together have that page among them, and they lie beside each other.
 */
const TABLES = ['tasks', 'notes', 'memory', 'credentials', 'api_keys'];

/**
 * Keys of the newest rows, after a position, of those of `teams` that the asker is a member of, newest first. Under
 * row-level security a limit counts what is seen, and what is passed over has none: somebody whose teams are silent would
 * read all that others wrote. So it reads past row-level security, and everything it must hold to stands in it: the asker has
 * to be `app.subject()`, and the teams are those of the asker. It looks at no more than 512 rows and twice what is wanted,
 * and tells no more than keys; the caller reads the rows themselves under row-level security. Fewer than `want`: look elsewhere.
 */
const newest = (table: string): string => `
create function app.newest_${table}(asker uuid, teams uuid[], before_at timestamptz, before_id uuid, want bigint)
returns table (of_team uuid, row_at timestamptz, row_id uuid)
language plpgsql stable security definer rows 64
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_bitmapscan = off
set enable_indexscan = on
set enable_sort = off
set plan_cache_mode = force_generic_plan
as $$
begin
  -- Nobody but the subject of the statement is looked for, whatever the caller says.
  if asker is null or asker is distinct from app.subject() then return; end if;
  return query select n.team_id, n.created_at, n.id from (
      select t.team_id, t.created_at, t.id from public.${table} t
      where t.team_id is not null and (t.created_at, t.id) < (before_at, before_id)
      order by t.created_at desc, t.id desc limit 512 + 2 * least(greatest(want, 0), 10001)) n
    -- A CASE, so that both are looked up in a hash and neither becomes a join, which would read all rows before the first.
    where case when n.team_id in (select unnest(teams))
      then n.team_id in (select m.team_id from public.memberships m where m.user_id = asker) end
    order by n.created_at desc, n.id desc limit least(greatest(want, 0), 10001);
end $$;
revoke all on function app.newest_${table} from public;
grant execute on function app.newest_${table} to mosaic_app;
`;

export const newestOfTeams: Migration = {
  name: '0018_newest_of_teams',
  sql: `
${TABLES.map((table) => `create index if not exists ${table}_teams on ${table} (created_at desc, id desc) where team_id is not null;`).join('\n')}
-- They belong to the role that reads past row-level security for searching: it sees the same keys for that already.
grant usage, create on schema app to mosaic_search;
set local role mosaic_search;
${TABLES.map(newest).join('')}
set local role mosaic_owner;
revoke create on schema app from mosaic_search;
`,
};
