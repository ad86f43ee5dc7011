import type { Migration } from './migration.ts';

/** What peers are shown of a row; as `mosaic_app` since 0002, without what is sealed. */
const READABLE = {
  tasks: ['body', 'status', 'due_at'],
  notes: ['body'],
  memory: ['content'],
  credentials: ['username', 'url'],
  api_keys: ['service', 'expires_at'],
} as const;
const TABLES = Object.entries(READABLE);
const SEALED = ['credentials', 'api_keys'] as const;

const readable = ([table, columns]: readonly [string, readonly string[]]): string => `
grant select (id, owner_id, team_id, created_at, updated_at, title, ${columns.join(', ')}) on ${table} to mosaic_peer_reader;
alter policy ${table}_select on ${table} to mosaic_app, mosaic_peer_reader;
revoke update on ${table} from mosaic_admin;
`;

/** May be changed, in place of all columns. Who a row belongs to, what it is of and when it was made is said once. */
const CHANGEABLE: Readonly<Record<string, string>> = {
  api_tokens: 'revoked_at',
  federation_grants:
    'scope, status, version, rate_limit_per_minute, cache_ttl_seconds, audit_strict, activated_at, expires_at, revoked_at, revoked_reason',
  federation_enrollment_tokens: 'used_at, claim_id, claim_until',
  issued_certificates:
    'status, serial, fingerprint, not_before, not_after, certificate_pem, chain_pem, confirmed_at, revoked_at, revoke_at',
  revocation_outbox: 'attempts, next_attempt_at, done_at',
  federation_peers: `state, federation_url, ca_pem, ca_fingerprint, client_cert_pem, client_key_pem, remote_grant_id,
    remote_subject_user_id, certificate_not_after, last_success_at, last_failure_at, last_failure_code, cache_epoch,
    remote_grant_version, outages, audit_key, audit_seen`,
};

const changeable = ([table, columns]: readonly [string, string]): string => `
revoke update on ${table} from mosaic_app, mosaic_admin;
grant update (${columns}) on ${table} to mosaic_app, mosaic_admin;
`;

/** Steps back that no code of ours takes, by table: what they would undo, and when. */
const FINAL: readonly (readonly [table: string, what: string, condition: string])[] = [
  [
    'federation_grants',
    'the end of a grant',
    `(old.status = 'revoked' and (new.status, new.revoked_at, new.revoked_reason, new.expires_at, new.scope)
        is distinct from (old.status, old.revoked_at, old.revoked_reason, old.expires_at, old.scope))
      or (new.status = 'pending' and old.status <> 'pending') or (old.status = 'expired' and new.status = 'active')
      or new.version < old.version`,
  ],
  [
    'issued_certificates',
    'the end or the identity of a certificate',
    `(old.status in ('revoked', 'failed') and (new.status, new.serial, new.fingerprint, new.not_after, new.revoked_at)
        is distinct from (old.status, old.serial, old.fingerprint, old.not_after, old.revoked_at))
      or (old.status = 'issued' and (new.status not in ('issued', 'revoked') or (new.serial, new.fingerprint, new.not_before, new.not_after)
        is distinct from (old.serial, old.fingerprint, old.not_before, old.not_after)))
      or (old.revoke_at is not null and (new.revoke_at is null or new.revoke_at > old.revoke_at))`,
  ],
  [
    'federation_peers',
    'the end of a peer, or its epoch',
    `(old.state = 'revoked' and new.state <> 'revoked') or new.cache_epoch < old.cache_epoch`,
  ],
  [
    'federation_enrollment_tokens',
    'the use of an enrollment token',
    'old.used_at is not null and new.used_at is distinct from old.used_at',
  ],
  [
    'api_tokens',
    'the end of a token',
    'old.revoked_at is not null and new.revoked_at is distinct from old.revoked_at',
  ],
  ['revocation_outbox', 'what the authority was told', 'old.done_at is not null and new.done_at is null'],
  ['embedded_ca_state', 'the number of the revocation list', 'new.crl_number < old.crl_number'],
  [
    'federation_peer_trust',
    'what is remembered of a peer',
    'new.epoch < old.epoch or (old.epoch is not null and new.epoch is null) or (old.signing_key is not null and new.signing_key is distinct from old.signing_key)',
  ],
];

const final = ([table, what, condition]: (typeof FINAL)[number]): string => `
create trigger ${table}_final before update on ${table} for each row when (${condition})
  execute function app.refuse_step_back('${what}');
`;

/**
 * Three logins in place of one (docs/reference/database-roles.md). `mosaic_peer_reader` is what answers peers: it may read the columns
 * of rows that peers are shown, and only of the subject whose grant and certificate it names. `app.subject()`, which every policy asks,
 * takes the word of the session for it from no login that is a peer reader and nothing more: there it is who the fence lets in, so that
 * a statement of an outsider's on that login reaches nobody else, whatever it sets.
 */
export const threeLogins: Migration = {
  name: '0021_three_logins',
  sql: `
-- THE fence of a peer's request: grant, version and certificate, its fingerprint included, as they are in this very statement.
-- What holds is asked anew wherever the subject is asked for.
create function app.fenced_subject() returns uuid language plpgsql stable parallel safe security definer
  set search_path = pg_catalog, pg_temp as $$
declare
  part text[] := string_to_array(current_setting('app.fence', true), ' ');
begin
  if part is null or cardinality(part) <> 5 then return null; end if;
  return (select g.subject_user_id
    from public.federation_grants g join public.issued_certificates c on c.grant_id = g.id
      join public.federation_peers p on p.id = g.peer_id and p.state in ('active', 'degraded')
    where g.subject_user_id = part[1]::uuid and g.id = part[2]::uuid and g.version = part[3]::integer
      and g.status = 'active' and (g.expires_at is null or g.expires_at > now())
      and c.serial = part[4] and c.fingerprint = part[5]
      and c.status = 'issued' and c.revoked_at is null and c.not_after > now()
      and (c.revoke_at is null or c.revoke_at > now())
      and not pg_is_in_recovery());
end $$;

-- Both settings end with the transaction.
create function app.enter_fence(of_subject uuid, of_grant uuid, of_version integer, of_serial text, of_fingerprint text)
  returns uuid language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  subject uuid;
begin
  perform set_config('app.fence', concat_ws(' ', of_subject, of_grant, of_version, of_serial, of_fingerprint), true);
  subject := app.fenced_subject();
  perform set_config('app.subject', coalesce(subject::text, ''), true);
  return subject;
end $$;

-- By who logged in, which a session can't change. A superuser and the one login of earlier versions are members of both.
create or replace function app.subject() returns uuid language sql stable parallel safe
  return case when pg_has_role(session_user, 'mosaic_peer_reader', 'MEMBER') and not pg_has_role(session_user, 'mosaic_app', 'MEMBER')
    then app.fenced_subject() else nullif(current_setting('app.subject', true), '')::uuid end;

-- What a function is for is said with it, from now on.
alter default privileges for role mosaic_owner revoke execute on functions from public;
do $do$
declare
  known regprocedure;
begin
  for known in select oid from pg_proc where pronamespace = 'app'::regnamespace and proowner = 'mosaic_owner'::regrole loop
    execute format('revoke all on function %s from public', known);
  end loop;
end $do$;
grant execute on function app.search_fold, app.search_text to mosaic_app, mosaic_admin;
grant execute on function app.search_fold, app.search_query to mosaic_search;
grant execute on function app.fenced_subject, app.subject to mosaic_app, mosaic_admin, mosaic_search, mosaic_peer_reader;
grant execute on function app.enter_fence to mosaic_app, mosaic_peer_reader;

grant usage on schema app to mosaic_peer_reader;
grant select (user_id, team_id) on memberships to mosaic_peer_reader;
-- How many revocations there were: every peer is told.
grant select on gateway_revocation to mosaic_peer_reader;
-- Whether the process holds its serving lease (0019), and on which server.
grant select (holder, expires_at) on gateway_leases to mosaic_peer_reader;
grant execute on function app.database_identity to mosaic_peer_reader;
alter policy memberships_select on memberships to mosaic_app, mosaic_peer_reader;
${TABLES.map(readable).join('')}
${SEALED.map((table) => `grant update (secret_sealed) on ${table} to mosaic_admin;`).join('\n')}

grant select on mosaic_migrations to mosaic_app;
revoke update on users from mosaic_app, mosaic_admin;
revoke insert, update on teams from mosaic_app;
revoke update on teams from mosaic_admin;
revoke delete on api_tokens from mosaic_admin;
revoke update on memberships from mosaic_admin;
grant update (role) on memberships to mosaic_admin;
revoke update on gateway_secrets from mosaic_app, mosaic_admin;
grant update (sealed) on gateway_secrets to mosaic_admin;
${Object.entries(CHANGEABLE).map(changeable).join('')}
-- A new sealing key.
grant update (audit_key_sealed) on federation_grants to mosaic_admin;

create function app.refuse_step_back() returns trigger language plpgsql
  set search_path = pg_catalog, pg_temp as $$
begin
  -- Maintenance acts as the owner of the tables.
  if pg_has_role(current_user, 'mosaic_owner', 'USAGE') then return new; end if;
  raise insufficient_privilege using message = tg_argv[0] || ' is not taken back';
end $$;
revoke all on function app.refuse_step_back from public;
${FINAL.map(final).join('')}
-- That a revocation was lost (0026) ends with a higher epoch only.
create function app.refuse_epoch_back() returns trigger language plpgsql
  set search_path = pg_catalog, pg_temp as $$
begin
  if new.epoch > old.epoch or pg_has_role(current_user, 'mosaic_owner', 'USAGE') then return new; end if;
  if new.epoch < old.epoch or new.proven_epoch < old.proven_epoch
      or (to_jsonb(old) ->> 'lost_since' is not null and to_jsonb(new) ->> 'lost_since' is null) then
    raise insufficient_privilege using message = 'the revocation epoch is not taken back';
  end if;
  return new;
end $$;
revoke all on function app.refuse_epoch_back from public;
create trigger gateway_revocation_final before update on gateway_revocation for each row execute function app.refuse_epoch_back();

grant usage, create on schema app to mosaic_search;
set local role mosaic_search;
${TABLES.map(([table]) => `grant execute on function app.search_${table}, app.newest_${table} to mosaic_peer_reader;`).join('\n')}
set local role mosaic_owner;
revoke create on schema app from mosaic_search;

-- The barrier of a revocation looks for sessions by who logged in; what they call themselves is theirs to choose.
grant usage, create on schema app to mosaic_barrier;
set local role mosaic_barrier;

create function app.gateway_logins() returns table (login oid, is_maintenance boolean) language sql stable security definer
  set search_path = pg_catalog, pg_temp
begin atomic
  with recursive members as (
    select r.oid, r.rolname = 'mosaic_owner' as of_owner from pg_roles r
      where r.rolname in ('mosaic_app', 'mosaic_admin', 'mosaic_peer_reader', 'mosaic_owner')
    union select m.member, g.of_owner from pg_auth_members m join members g on g.oid = m.roleid
  )
  select r.oid, bool_or(g.of_owner) or r.rolsuper from members g join pg_roles r on r.oid = g.oid group by r.oid, r.rolsuper;
end;

-- Transactions that are open now, as a JSON list of pid@start; among those only, where there are some. One that reports nothing
-- counts as one that never ends.
create function app.open_transactions(among text) returns text language sql stable security definer
  set search_path = pg_catalog, pg_temp
begin atomic
  select coalesce(json_agg(id), '[]')::text from (
    select a.pid || '@' || coalesce(a.xact_start::text, '?') as id from pg_stat_activity a
    where a.datname = current_database() and a.pid <> pg_backend_pid()
      and coalesce(a.backend_type, 'client backend') = 'client backend'
      and (a.usesysid in (select l.login from app.gateway_logins() l) or a.application_name = 'mosaic-federation')
      and (a.xact_start is not null or a.state is null or a.state = 'disabled')
  ) sessions where among is null or id in (select json_array_elements_text(among::json));
end;

-- Ends those of them that can answer somebody. Maintenance answers nobody: a migration or a backup is not ended for a revocation.
create function app.end_transactions(among text) returns integer language sql volatile security definer
  set search_path = pg_catalog, pg_temp
begin atomic
  -- Materialized: of conditions beside each other the planner would ask the one that ends a session first.
  with doomed as materialized (
    select a.pid from pg_stat_activity a join app.gateway_logins() l on l.login = a.usesysid
    where not l.is_maintenance and a.datname = current_database() and a.pid <> pg_backend_pid()
      and a.pid || '@' || coalesce(a.xact_start::text, '?') in (select json_array_elements_text(among::json))
  ), ended as materialized (select pg_terminate_backend(d.pid) as is_ended from doomed d)
  select count(*) filter (where e.is_ended)::integer from ended e;
end;

revoke all on function app.gateway_logins, app.open_transactions, app.end_transactions from public;
grant execute on function app.open_transactions, app.end_transactions to mosaic_app;
set local role mosaic_owner;
revoke create on schema app from mosaic_barrier;
`,
};
