import type { Migration } from './migration.ts';

/** Neither `mosaic_app` nor `mosaic_admin` may change or delete an entry. */
export const auditLog: Migration = {
  name: '0004_audit_log',
  sql: `
create type audit_outcome as enum ('allowed', 'denied', 'error');

create table federation_audit_log (
  id uuid primary key,
  at timestamptz(3) not null,
  grant_id uuid,
  peer_id uuid,
  subject_user_id uuid,
  actor_user_id uuid,
  verb text not null,
  resource text,
  action text,
  query_hash text,
  outcome audit_outcome not null,
  reason_code text,
  status integer not null,
  bytes_out integer not null,
  latency_ms double precision not null,
  trace_id text
);
create index federation_audit_log_time on federation_audit_log (at desc, id desc);
create index federation_audit_log_grant on federation_audit_log (grant_id, at desc, id desc);
create index federation_audit_log_peer on federation_audit_log (peer_id, at desc, id desc);
create index federation_audit_log_subject on federation_audit_log (subject_user_id, at desc, id desc);

grant select, insert on federation_audit_log to mosaic_app, mosaic_admin;
`,
};
