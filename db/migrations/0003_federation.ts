import type { Migration } from './migration.ts';

export const federation: Migration = {
  name: '0003_federation',
  sql: `
create type peer_direction as enum ('inbound', 'outbound');
create type peer_state as enum ('pending', 'active', 'degraded', 'suspended', 'revoked');
create type grant_status as enum ('pending', 'active', 'revoked', 'expired');
create type certificate_status as enum ('requested', 'issued', 'failed', 'revoked');

create table federation_peers (
  id uuid primary key,
  direction peer_direction not null,
  name text not null,
  state peer_state not null,
  created_at timestamptz(3) not null,
  local_user_id uuid references users (id) on delete cascade,
  federation_url text,
  ca_pem text,
  ca_fingerprint text,
  client_cert_pem text,
  client_key_pem text,
  remote_grant_id uuid,
  remote_subject_user_id uuid,
  certificate_not_after timestamptz(3),
  last_success_at timestamptz(3),
  last_failure_at timestamptz(3),
  last_failure_code text,
  constraint federation_peers_user check ((direction = 'outbound') = (local_user_id is not null))
);
create unique index federation_peers_inbound_name_key on federation_peers (name) where direction = 'inbound';
create unique index federation_peers_outbound_name_key on federation_peers (local_user_id, name) where direction = 'outbound';
create index federation_peers_keyset on federation_peers (created_at desc, id desc);

create table federation_grants (
  id uuid primary key,
  peer_id uuid not null,
  subject_user_id uuid not null,
  scope jsonb not null,
  status grant_status not null,
  version integer not null,
  rate_limit_per_minute integer,
  audit_key_sealed text not null,
  created_at timestamptz(3) not null,
  activated_at timestamptz(3),
  expires_at timestamptz(3),
  revoked_at timestamptz(3),
  revoked_reason text
);
create index federation_grants_keyset on federation_grants (created_at desc, id desc);
create index federation_grants_subject on federation_grants (subject_user_id);
create index federation_grants_peer on federation_grants (peer_id);

create table federation_enrollment_tokens (
  hash text primary key,
  grant_id uuid not null references federation_grants (id),
  created_at timestamptz(3) not null,
  expires_at timestamptz(3) not null,
  used_at timestamptz(3),
  claim_id text,
  claim_until timestamptz(3)
);
create index federation_enrollment_tokens_grant on federation_enrollment_tokens (grant_id);

create table issued_certificates (
  id uuid primary key,
  grant_id uuid not null references federation_grants (id),
  status certificate_status not null,
  serial text constraint issued_certificates_serial_key unique,
  fingerprint text,
  not_before timestamptz(3),
  not_after timestamptz(3),
  created_at timestamptz(3) not null,
  revoked_at timestamptz(3)
);
create index issued_certificates_grant on issued_certificates (grant_id, created_at desc);

create table revocation_outbox (
  id uuid primary key,
  serial text not null constraint revocation_outbox_serial_key unique,
  reason text not null,
  attempts integer not null,
  created_at timestamptz(3) not null,
  next_attempt_at timestamptz(3) not null,
  done_at timestamptz(3)
);
create index revocation_outbox_open on revocation_outbox (next_attempt_at) where done_at is null;

grant select, insert, update, delete on federation_peers to mosaic_app, mosaic_admin;
grant select, insert, update on federation_grants, federation_enrollment_tokens, issued_certificates, revocation_outbox
  to mosaic_app, mosaic_admin;
`,
};
