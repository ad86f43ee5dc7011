import type { Migration } from './migration.ts';

/**
 * Renewal. At the serving side a grant may have several certificates at once: `revoke_at` is when the one that was
 * superseded ends, `confirmed_at` when its holder first said that it uses the new one. At the asking side
 * `peer_renewals` holds what is under way: the new key, sealed, before anybody is asked for a certificate over it.
 */
export const renewal: Migration = {
  name: '0009_renewal',
  sql: `
alter table issued_certificates
  add column public_key_hash text,
  add column certificate_pem text,
  add column chain_pem text,
  add column confirmed_at timestamptz(3),
  add column revoke_at timestamptz(3);
create index issued_certificates_public_key on issued_certificates (public_key_hash) where public_key_hash is not null;
create index issued_certificates_superseded on issued_certificates (revoke_at)
  where status = 'issued' and revoke_at is not null;

create table peer_renewals (
  peer_id uuid primary key references federation_peers (id) on delete cascade,
  pending_key_pem text,
  pending_csr_pem text,
  due_at timestamptz(3) not null,
  attempts integer not null default 0,
  unconfirmed boolean not null default false,
  claim_id text,
  claim_until timestamptz(3),
  constraint peer_renewals_pending check ((pending_key_pem is null) = (pending_csr_pem is null))
);
create index peer_renewals_due on peer_renewals (due_at);

grant select, insert, update, delete on peer_renewals to mosaic_app, mosaic_admin;
`,
};
