import type { Migration } from './migration.ts';

const SUBJECT = '(select app.subject())';
const teamOfMine = (only: string): string =>
  `team_id in (select m.team_id from memberships m where m.user_id = ${SUBJECT}${only})`;

/**
 * A CASE and not an OR: of an OR the planner makes index conditions of its own (a bitmap of everything a team
 * has, sorted for each page) in place of the range the statement asks for.
 */
const VISIBLE = `case when team_id is null then owner_id = ${SUBJECT} else ${teamOfMine('')} end`;
const DELETABLE = `case when team_id is null then owner_id = ${SUBJECT}
    else ${teamOfMine('')} and (owner_id = ${SUBJECT} or ${teamOfMine(" and m.role = 'admin'")}) end`;

/**
 * The second lock: what a statement with a forgotten filter could still reach is the subject's own. Deleting a
 * team's row takes its author or an admin of the team. `mosaic_admin` administrates and sees all.
 */
const policies = (table: string): string => `
alter table ${table} enable row level security;
alter table ${table} force row level security;
create policy ${table}_select on ${table} for select to mosaic_app using (${VISIBLE});
create policy ${table}_insert on ${table} for insert to mosaic_app
  with check (owner_id = ${SUBJECT} and ${VISIBLE});
create policy ${table}_update on ${table} for update to mosaic_app using (${VISIBLE}) with check (${VISIBLE});
create policy ${table}_delete on ${table} for delete to mosaic_app using (${DELETABLE});
create policy ${table}_administration on ${table} to mosaic_admin using (true) with check (true);
`;

export const rowSecurity: Migration = {
  name: '0006_row_security',
  sql: `
-- nullif: after a transaction that set it locally, the setting reads '' and not null.
create function app.subject() returns uuid language sql stable parallel safe
  as $$ select nullif(current_setting('app.subject', true), '')::uuid $$;
grant usage on schema app to mosaic_app, mosaic_admin;
grant execute on function app.subject() to mosaic_app, mosaic_admin;

alter table memberships enable row level security;
alter table memberships force row level security;
create policy memberships_select on memberships for select to mosaic_app using (user_id = ${SUBJECT});
create policy memberships_administration on memberships to mosaic_admin using (true) with check (true);
${['tasks', 'notes', 'memory', 'credentials', 'api_keys'].map(policies).join('')}
`,
};
