import type { Migration } from './migration.ts';

/**
 * The audit log as chains, one per (grant, writer): see docs/explanation/audit.md. A writer is one start of one replica. What the
 * queue had to drop is a gap, what an unclean stop may have lost a lost tail, what a peer has shown to hold is seen.
 * Indexes for peer and subject cover only what has no grant: the rest is found through the grants, which stay.
 */
export const auditChain: Migration = {
  name: '0010_audit_chain',
  sql: `
alter table federation_audit_log
  add column writer_id uuid,
  add column seq bigint,
  add column head text,
  add constraint federation_audit_log_chained
    check ((writer_id is null) = (seq is null) and (writer_id is null) = (head is null));
drop index federation_audit_log_peer;
drop index federation_audit_log_subject;
create index federation_audit_log_peer on federation_audit_log (peer_id, at desc, id desc) where grant_id is null;
create index federation_audit_log_subject on federation_audit_log (subject_user_id, at desc, id desc) where grant_id is null;

create table federation_audit_writers (
  id uuid primary key,
  started_at timestamptz(3) not null,
  seen_at timestamptz(3) not null,
  stopped_at timestamptz(3),
  ephemeral boolean not null,
  accepted bigint not null,
  written bigint not null,
  dropped bigint not null
);

create type audit_gap_kind as enum ('gap', 'lost_tail');
create table federation_audit_gaps (
  id uuid primary key,
  kind audit_gap_kind not null,
  writer_id uuid not null,
  grant_id uuid,
  at timestamptz(3) not null,
  from_seq bigint,
  to_seq bigint,
  leaves text,
  head text,
  signature text not null
);
create index federation_audit_gaps_grant on federation_audit_gaps (grant_id, writer_id);
create unique index federation_audit_gaps_lost_tail on federation_audit_gaps (writer_id) where kind = 'lost_tail';

create table federation_audit_seen (
  grant_id uuid not null,
  writer_id uuid not null,
  seq bigint not null,
  head text not null,
  checkpoint text not null,
  seen_at timestamptz(3) not null,
  primary key (grant_id, writer_id)
);

alter table federation_grants add column audit_strict boolean not null default false;
alter table federation_peers add column audit_key text, add column audit_seen text;

grant select, insert on federation_audit_gaps to mosaic_app, mosaic_admin;
grant select, insert on federation_audit_writers to mosaic_app, mosaic_admin;
grant update (seen_at, stopped_at, accepted, written, dropped) on federation_audit_writers to mosaic_app, mosaic_admin;
grant select, insert on federation_audit_seen to mosaic_app, mosaic_admin;
grant update (seq, head, checkpoint, seen_at) on federation_audit_seen to mosaic_app, mosaic_admin;
`,
};
