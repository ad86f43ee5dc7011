begin;

do $$
declare
  wanted text;
  membership text := case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end;
begin
  foreach wanted in array array['mosaic_owner', 'mosaic_app', 'mosaic_admin', 'mosaic_search', 'mosaic_peer_reader', 'mosaic_barrier'] loop
    for attempt in 1..40 loop
      begin
        if not exists (select from pg_roles where rolname = wanted) then
          execute format('create role %I nologin', wanted);
        end if;
        if wanted = any (array['mosaic_owner', 'mosaic_admin', 'mosaic_search', 'mosaic_barrier']) and not pg_has_role(current_user, wanted, membership) then
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


-- peers
do $login$ begin
  if not exists (select from pg_roles where rolname = 'mosaic_peers') then create role "mosaic_peers" login; end if;
end $login$;
alter role "mosaic_peers" login noinherit nosuperuser nocreatedb nocreaterole noreplication nobypassrls;
revoke mosaic_owner, mosaic_app, mosaic_admin, mosaic_search, mosaic_barrier from "mosaic_peers";
grant mosaic_peer_reader to "mosaic_peers";
alter role "mosaic_peers" set search_path = public, pg_temp;
do $log$ begin
  alter role "mosaic_peers" set log_parameter_max_length = 0;
  alter role "mosaic_peers" set log_parameter_max_length_on_error = 0;
exception when insufficient_privilege then
  raise notice 'The parameters of statements may be logged: see mosaic gateway doctor.';
end $log$;

-- api
do $login$ begin
  if not exists (select from pg_roles where rolname = 'mosaic_api') then create role "mosaic_api" login; end if;
end $login$;
alter role "mosaic_api" login noinherit nosuperuser nocreatedb nocreaterole noreplication nobypassrls;
revoke mosaic_owner, mosaic_search, mosaic_peer_reader, mosaic_barrier from "mosaic_api";
grant mosaic_app, mosaic_admin to "mosaic_api";
alter role "mosaic_api" set search_path = public, pg_temp;
do $log$ begin
  alter role "mosaic_api" set log_parameter_max_length = 0;
  alter role "mosaic_api" set log_parameter_max_length_on_error = 0;
exception when insufficient_privilege then
  raise notice 'The parameters of statements may be logged: see mosaic gateway doctor.';
end $log$;

-- maintenance
do $login$ begin
  if not exists (select from pg_roles where rolname = 'mosaic') then create role "mosaic" login; end if;
end $login$;
alter role "mosaic" login inherit;
revoke mosaic_peer_reader from "mosaic";
grant mosaic_owner, mosaic_admin, mosaic_search, mosaic_barrier to "mosaic";
alter role "mosaic" set search_path = public, pg_temp;
do $log$ begin
  alter role "mosaic" set log_parameter_max_length = 0;
  alter role "mosaic" set log_parameter_max_length_on_error = 0;
exception when insufficient_privilege then
  raise notice 'The parameters of statements may be logged: see mosaic gateway doctor.';
end $log$;

do $database$ begin
  execute format('alter database %I owner to %I', current_database(), 'mosaic');
  execute format('revoke temporary on database %I from public', current_database());
  execute format('grant connect on database %I to %I, %I', current_database(), 'mosaic_peers', 'mosaic_api');
end $database$;
revoke create on schema public from public;
-- A large object is a row that everybody may write.
revoke execute on function lo_create(oid), lo_creat(integer), lo_from_bytea(oid, bytea) from public;
do $public$
declare
  known regprocedure;
begin
  for known in select oid from pg_proc where pronamespace = 'pg_catalog'::regnamespace
      and (proname ~ '^pg_(try_)?advisory_' or proname in ('pg_logical_emit_message', 'pg_current_xact_id', 'txid_current')) loop
    execute format('revoke execute on function %s from public', known);
    if known::text ~ 'advisory' then
      execute format('grant execute on function %s to mosaic_owner, mosaic_app, mosaic_admin', known);
    end if;
  end loop;
end $public$;
commit;
