/**
 * Roles without login; a login is a member of those of one purpose (docs/reference/database-roles.md). Two belong to nobody that answers
 * a request: `mosaic_search` owns the functions that look past row-level security, `mosaic_barrier` those that look at sessions.
 */
export const GROUP_ROLES = [
  'mosaic_owner',
  'mosaic_app',
  'mosaic_admin',
  'mosaic_search',
  'mosaic_peer_reader',
  'mosaic_barrier',
] as const;

/** What migrations and `migrate-tier` act as. */
export const MAINTENANCE_ROLES = ['mosaic_owner', 'mosaic_admin', 'mosaic_search', 'mosaic_barrier'] as const;

const quoted = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(', ');

/**
 * Before the first migration: roles without login, the schema of our functions, the vector extension and the table of
 * applied migrations. Idempotent. Roles belong to the whole cluster, so another database may be creating the same ones at
 * this moment: that is tried again. The login becomes a member of those that maintenance acts as, and of no other.
 */
export const PRELUDE = `
do $$
declare
  wanted text;
  membership text := case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end;
begin
  foreach wanted in array array[${quoted(GROUP_ROLES)}] loop
    for attempt in 1..40 loop
      begin
        if not exists (select from pg_roles where rolname = wanted) then
          execute format('create role %I nologin', wanted);
        end if;
        if wanted = any (array[${quoted(MAINTENANCE_ROLES)}]) and not pg_has_role(current_user, wanted, membership) then
          execute format('grant %I to %I', wanted, current_user);
        end if;
        -- Where only a superuser may grant them, mosaic database setup-sql does; a start looks whether it was done.
        if wanted = 'mosaic_barrier' and not (pg_has_role(wanted, 'pg_read_all_stats', 'MEMBER')
            and pg_has_role(wanted, 'pg_signal_backend', 'MEMBER')) then
          begin
            grant pg_read_all_stats, pg_signal_backend to mosaic_barrier;
          exception when insufficient_privilege then null;
          end;
        end if;
        exit;
      exception when duplicate_object or unique_violation or internal_error then
        if attempt = 40 then raise; end if;
        perform pg_sleep(0.05);
      end;
    end loop;
  end loop;
  -- A temporary table comes before every other one of its name. Only the database's owner or a superuser can take that away.
  if has_database_privilege('mosaic_peer_reader', current_database(), 'TEMPORARY')
      and pg_has_role(current_user, (select datdba from pg_database where datname = current_database()), 'USAGE') then
    execute format('revoke temporary on database %I from public', current_database());
  end if;
  if has_schema_privilege('mosaic_peer_reader', 'public', 'CREATE')
      and pg_has_role(current_user, (select nspowner from pg_namespace where nspname = 'public'), 'USAGE') then
    revoke create on schema public from public;
  end if;
end $$;
create extension if not exists vector;
grant usage, create on schema public to mosaic_owner;
grant usage on schema public to mosaic_app, mosaic_admin, mosaic_search, mosaic_peer_reader;
create schema if not exists app authorization mosaic_owner;
create table if not exists public.mosaic_migrations (
  name text primary key,
  checksum text not null,
  applied_at timestamptz(3) not null default now()
);
alter table public.mosaic_migrations owner to mosaic_owner;
`;
