import { doublePrecision, index, integer, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { instant } from './columns.ts';
import { auditOutcome } from './enums.ts';

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
  },
  (table) => [
    index('federation_audit_log_time').on(table.at.desc(), table.id.desc()),
    index('federation_audit_log_grant').on(table.grantId, table.at.desc(), table.id.desc()),
    index('federation_audit_log_peer').on(table.peerId, table.at.desc(), table.id.desc()),
    index('federation_audit_log_subject').on(table.subjectUserId, table.at.desc(), table.id.desc()),
  ],
);
