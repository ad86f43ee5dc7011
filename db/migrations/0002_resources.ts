import type { Migration } from './migration.ts';

/** A resource table; `readable` and `writable` name its own columns for the privileges of `mosaic_app`. */
const table = (
  name: string,
  columns: readonly string[],
  readable: readonly string[],
  sealed: boolean,
): string => `
create table ${name} (
  id uuid primary key,
  owner_id uuid references users (id) on delete set null,
  team_id uuid references teams (id) on delete cascade,
  created_at timestamptz(3) not null,
  updated_at timestamptz(3) not null,
  title text not null,
  ${[...columns, ...(sealed ? ['secret_sealed text'] : [])].join(',\n  ')},
  constraint ${name}_owned check (owner_id is not null or team_id is not null)
);
create index ${name}_personal on ${name} (owner_id, created_at desc, id desc) where team_id is null;
create index ${name}_team on ${name} (team_id, created_at desc, id desc) where team_id is not null;
grant select (id, owner_id, team_id, created_at, updated_at, title, ${readable.join(', ')}) on ${name} to mosaic_app;
grant insert, delete on ${name} to mosaic_app;
grant update (updated_at, title, ${[...readable, ...(sealed ? ['secret_sealed'] : [])].join(', ')}) on ${name} to mosaic_app;
grant select, insert, update, delete on ${name} to mosaic_admin;
`;

/** Secret material is written but never read by the role that answers requests: it has no SELECT on that column. */
export const resources: Migration = {
  name: '0002_resources',
  sql: `
create type task_status as enum ('open', 'in_progress', 'done');
${table('tasks', ['body text', "status task_status not null default 'open'", 'due_at timestamptz(3)'], ['body', 'status', 'due_at'], false)}
${table('notes', ['body text'], ['body'], false)}
${table('memory', ['content text'], ['content'], false)}
${table('credentials', ['username text', 'url text'], ['username', 'url'], true)}
${table('api_keys', ['service text', 'expires_at timestamptz(3)'], ['service', 'expires_at'], true)}
`,
};
