import {
  bigint,
  boolean,
  doublePrecision,
  index,
  integer,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { sql } from 'drizzle-orm';
import { instant } from './columns.ts';
import { auditGapKind, auditOutcome } from './enums.ts';

const count = (name: string) => bigint(name, { mode: 'number' });

/** Append-only for `mosaic_app`. Ids have no foreign keys: entries outlive what they name (SPEC M2). */
export const federationAuditLog = pgTable(
  'federation_audit_log',
  {
    id: uuid('id').primaryKey(),
    at: instant('at').notNull(),
    grantId: uuid('grant_id'),
    peerId: uuid('peer_id'),
    subjectUserId: uuid('subject_user_id'),
    actorUserId: uuid('actor_user_id'),
    verb: text('verb').notNull(),
    resource: text('resource'),
    action: text('action'),
    queryHash: text('query_hash'),
    outcome: auditOutcome('outcome').notNull(),
    reasonCode: text('reason_code'),
    status: integer('status').notNull(),
    bytesOut: integer('bytes_out').notNull(),
    latencyMs: doublePrecision('latency_ms').notNull(),
    traceId: text('trace_id'),
    writerId: uuid('writer_id'),
    seq: count('seq'),
    head: text('head'),
  },
  (table) => [
    index('federation_audit_log_time').on(table.at.desc(), table.id.desc()),
    index('federation_audit_log_grant').on(table.grantId, table.at.desc(), table.id.desc()),
    // What has a grant is found through the peer's or the user's grants: each index costs every request.
    index('federation_audit_log_peer')
      .on(table.peerId, table.at.desc(), table.id.desc())
      .where(sql`grant_id is null`),
    index('federation_audit_log_subject')
      .on(table.subjectUserId, table.at.desc(), table.id.desc())
      .where(sql`grant_id is null`),
    index('federation_audit_log_place')
      .on(table.grantId, table.writerId, table.seq)
      .where(sql`writer_id is not null`),
  ],
);

/** One row for each start of each replica: the only rows of the audit that change. */
export const federationAuditWriters = pgTable('federation_audit_writers', {
  id: uuid('id').primaryKey(),
  startedAt: instant('started_at').notNull(),
  seenAt: instant('seen_at').notNull(),
  stoppedAt: instant('stopped_at'),
  isEphemeral: boolean('ephemeral').notNull(),
  accepted: count('accepted').notNull(),
  written: count('written').notNull(),
  dropped: count('dropped').notNull(),
});

/** Entries that were dropped, and ends of writers that nobody saw. Append-only. */
export const federationAuditGaps = pgTable(
  'federation_audit_gaps',
  {
    id: uuid('id').primaryKey(),
    kind: auditGapKind('kind').notNull(),
    writerId: uuid('writer_id').notNull(),
    grantId: uuid('grant_id'),
    at: instant('at').notNull(),
    fromSeq: count('from_seq'),
    toSeq: count('to_seq'),
    leaves: text('leaves'),
    head: text('head'),
    signature: text('signature').notNull(),
  },
  (table) => [
    index('federation_audit_gaps_grant').on(table.grantId, table.writerId),
    uniqueIndex('federation_audit_gaps_lost_tail')
      .on(table.writerId)
      .where(sql`kind = 'lost_tail'`),
  ],
);

/** The furthest checkpoint of each chain that its peer has shown to hold. */
export const federationAuditSeen = pgTable(
  'federation_audit_seen',
  {
    grantId: uuid('grant_id').notNull(),
    writerId: uuid('writer_id').notNull(),
    seq: count('seq').notNull(),
    head: text('head').notNull(),
    checkpoint: text('checkpoint').notNull(),
    seenAt: instant('seen_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.grantId, table.writerId] })],
);
