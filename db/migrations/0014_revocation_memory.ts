import type { Migration } from './migration.ts';

/**
 * The revocation epoch of a gateway that serves: it rises with every grant or certificate that is revoked, whoever
 * does it. Counted at the commit, when the transaction holds all its other locks, so that two of them can't wait for each
 * other. `proven_epoch` above `epoch`: this database is older than what it has published.
 *
 * And what a gateway that asks remembers of each serving one: the key that signs its statements, where its list of
 * revoked certificates is, the highest number and epoch seen, and whether the person was told of a revocation.
 */
export const revocationMemory: Migration = {
  name: '0014_revocation_memory',
  sql: `
create table gateway_revocation (
  id smallint primary key constraint gateway_revocation_one check (id = 1),
  epoch bigint not null,
  proven_epoch bigint not null
);
insert into gateway_revocation (id, epoch, proven_epoch) values (1, 1, 0);
grant select, update on gateway_revocation to mosaic_app, mosaic_admin;

create function app.raise_revocation_epoch() returns trigger language plpgsql security definer
  set search_path = pg_catalog, public, pg_temp as $$
begin
  update gateway_revocation set epoch = epoch + 1 where id = 1;
  return null;
end $$;
create constraint trigger federation_grants_epoch after update of status on federation_grants
  deferrable initially deferred for each row
  when (new.status = 'revoked' and old.status <> 'revoked') execute function app.raise_revocation_epoch();
create constraint trigger issued_certificates_epoch after update of status on issued_certificates
  deferrable initially deferred for each row
  when (new.status = 'revoked' and old.status <> 'revoked') execute function app.raise_revocation_epoch();

create table federation_peer_trust (
  peer_id uuid primary key references federation_peers (id) on delete cascade,
  signing_key text,
  crl_url text,
  crl_number numeric(48, 0),
  epoch bigint,
  epoch_token text,
  notice text constraint federation_peer_trust_notice check (notice in ('pending', 'told'))
);
grant select, insert, update on federation_peer_trust to mosaic_app, mosaic_admin;
`,
};
