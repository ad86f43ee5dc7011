/**
 * Before the first migration: four roles without login, the schema of our functions, the vector extension and
 * the table of applied migrations. Idempotent. Roles belong to the whole cluster, so another database may be
 * creating the same ones at this moment: that is tried again. The login role becomes a member of all of them.
 */
export const PRELUDE = `
do $$
declare
  wanted text;
  membership text := case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end;
begin
  foreach wanted in array array['mosaic_owner', 'mosaic_app', 'mosaic_admin', 'mosaic_search'] loop
    for attempt in 1..40 loop
      begin
        if not exists (select from pg_roles where rolname = wanted) then
          execute format('create role %I nologin', wanted);
        end if;
        if not pg_has_role(current_user, wanted, membership) then
          execute format('grant %I to %I', wanted, current_user);
        end if;
        exit;
      exception when duplicate_object or unique_violation or internal_error then
        if attempt = 40 then raise; end if;
        perform pg_sleep(0.05);
      end;
    end loop;
  end loop;
end $$;
create extension if not exists vector;
grant usage, create on schema public to mosaic_owner;
grant usage on schema public to mosaic_app, mosaic_admin, mosaic_search;
create schema if not exists app authorization mosaic_owner;
create table if not exists public.mosaic_migrations (
  name text primary key,
  checksum text not null,
  applied_at timestamptz(3) not null default now()
);
alter table public.mosaic_migrations owner to mosaic_owner;
`;
