import type { Migration } from './migration.ts';

/**
 * At A, the epoch of a peer stands in the key of everything cached of it (SPEC M5-3). It is read with the peer's row, so
 * that a rise is seen by every replica's next query. A trigger raises it, so that no code path can forget to: with another
 * certificate, state, address, owner or grant, and with another version of the grant at the serving side once one is known.
 *
 * At B, a grant says how long its rows may be cached at A: null for the default, 0 for not at all.
 */
export const responseCache: Migration = {
  name: '0008_response_cache',
  sql: `
alter table federation_peers
  add column cache_epoch integer not null default 0,
  add column remote_grant_version integer,
  add column outages integer not null default 0;
alter table federation_grants
  add column cache_ttl_seconds integer
    constraint federation_grants_cache_ttl check (cache_ttl_seconds between 0 and 300);

create function app.raise_cache_epoch() returns trigger language plpgsql
  set search_path = pg_catalog, pg_temp as $$
begin
  if new.cache_epoch <= old.cache_epoch and (
    new.state is distinct from old.state
    or new.client_cert_pem is distinct from old.client_cert_pem
    or new.ca_pem is distinct from old.ca_pem
    or new.federation_url is distinct from old.federation_url
    or new.local_user_id is distinct from old.local_user_id
    or new.remote_grant_id is distinct from old.remote_grant_id
    or (old.remote_grant_version is not null and new.remote_grant_version is distinct from old.remote_grant_version)
  ) then
    new.cache_epoch := old.cache_epoch + 1;
  end if;
  return new;
end $$;
create trigger federation_peers_cache_epoch before update on federation_peers
  for each row execute function app.raise_cache_epoch();
`,
};
