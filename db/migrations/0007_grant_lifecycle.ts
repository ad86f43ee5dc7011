import type { Migration } from './migration.ts';

/**
 * Grants have no foreign keys (they outlive user and peer), so triggers do what a key would: a grant can only
 * be made for a user and a peer that exist while it is made, and deleting a user revokes the user's grants
 * (SPEC M6-2) in the same transaction, with the certificates, and leaves the serials to the CA's outbox. Every
 * change raises the version, whoever makes it.
 */
export const grantLifecycle: Migration = {
  name: '0007_grant_lifecycle',
  sql: `
create function app.check_grant_parties() returns trigger language plpgsql security definer
  set search_path = pg_catalog, public, pg_temp as $$
begin
  perform 1 from users where id = new.subject_user_id for key share;
  if not found then
    raise foreign_key_violation using message = 'the subject of the grant does not exist';
  end if;
  perform 1 from federation_peers where id = new.peer_id for key share;
  if not found then
    raise foreign_key_violation using message = 'the peer of the grant does not exist';
  end if;
  return new;
end $$;
create trigger federation_grants_parties before insert on federation_grants
  for each row execute function app.check_grant_parties();

-- A grant edited by hand must not go on under the version that gateways have cached.
create function app.raise_grant_version() returns trigger language plpgsql
  set search_path = pg_catalog, pg_temp as $$
begin
  if new.version <= old.version then
    new.version := old.version + 1;
  end if;
  return new;
end $$;
create trigger federation_grants_version before update on federation_grants
  for each row when (old.* is distinct from new.*) execute function app.raise_grant_version();

create function app.revoke_grants_of_user() returns trigger language plpgsql security definer
  set search_path = pg_catalog, public, pg_temp as $$
begin
  update federation_grants
    set status = 'revoked', version = version + 1, revoked_at = now(), revoked_reason = 'user_deleted'
    where subject_user_id = old.id and status <> 'revoked';
  update federation_enrollment_tokens t set used_at = now()
    from federation_grants g
    where g.subject_user_id = old.id and t.grant_id = g.id and t.used_at is null;
  with revoked as (
    update issued_certificates c set status = 'revoked', revoked_at = now()
      from federation_grants g
      where g.subject_user_id = old.id and c.grant_id = g.id and c.status = 'issued'
      returning c.serial
  )
  insert into revocation_outbox (id, serial, reason, attempts, created_at, next_attempt_at)
    select gen_random_uuid(), serial, 'user_deleted', 0, now(), now() from revoked
    on conflict (serial) do nothing;
  return old;
end $$;
create trigger users_revoke_grants before delete on users
  for each row execute function app.revoke_grants_of_user();

-- Runs as who deletes, and only mosaic_admin may: row-level security lets that role reach personal rows.
-- What the user wrote for a team stays; the foreign key then sets its owner to null.
create function app.delete_personal_rows() returns trigger language plpgsql
  set search_path = pg_catalog, public, pg_temp as $$
begin
  delete from tasks where owner_id = old.id and team_id is null;
  delete from notes where owner_id = old.id and team_id is null;
  delete from memory where owner_id = old.id and team_id is null;
  delete from credentials where owner_id = old.id and team_id is null;
  delete from api_keys where owner_id = old.id and team_id is null;
  return old;
end $$;
create trigger users_delete_personal_rows before delete on users
  for each row execute function app.delete_personal_rows();
`,
};
