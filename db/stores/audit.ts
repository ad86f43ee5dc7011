import { and, desc, eq, gte, lt } from 'drizzle-orm';
import type { AuditEntry, AuditVerb } from '../../domain/audit/entry.ts';
import { isErrorCode } from '../../domain/errors.ts';
import type { AuditStore } from '../../domain/ports/federation.ts';
import { federationAuditLog as log } from '../schema/index.ts';
import { afterPosition, toPage } from './keyset.ts';
import { unwrapped, type Session } from './session.ts';

type Row = typeof log.$inferSelect;

/** A code this version does not know (written by another) shows as `internal`. */
const toEntry = (row: Row): AuditEntry => ({
  ...row,
  verb: row.verb as AuditVerb,
  reasonCode: row.reasonCode === null ? null : isErrorCode(row.reasonCode) ? row.reasonCode : 'internal',
});

/** One text whatever the number of entries, so that it stays one prepared statement. */
// A batch whose answer was lost is sent again: what was written then is not written twice.
const INSERT = `insert into federation_audit_log
select * from json_populate_recordset(null::federation_audit_log, $1::json)
on conflict do nothing`;

const toRecord = (entry: AuditEntry) => ({
  id: entry.id,
  at: entry.at.toISOString(),
  grant_id: entry.grantId,
  peer_id: entry.peerId,
  subject_user_id: entry.subjectUserId,
  actor_user_id: entry.actorUserId,
  verb: entry.verb,
  resource: entry.resource,
  action: entry.action,
  query_hash: entry.queryHash,
  outcome: entry.outcome,
  reason_code: entry.reasonCode,
  status: entry.status,
  bytes_out: entry.bytesOut,
  latency_ms: entry.latencyMs,
  trace_id: entry.traceId,
});

export const createAuditStore = ({ db, raw }: Session): AuditStore =>
  unwrapped<AuditStore>({
    insertMany: async (entries) => {
      if (entries.length > 0) await raw.query(INSERT, [JSON.stringify(entries.map(toRecord))]);
    },

    list: async (page, { grantId, peerId, subjectUserId, outcome, verb, from, to }) => {
      const rows = await db
        .select()
        .from(log)
        .where(
          and(
            grantId === undefined ? undefined : eq(log.grantId, grantId),
            peerId === undefined ? undefined : eq(log.peerId, peerId),
            subjectUserId === undefined ? undefined : eq(log.subjectUserId, subjectUserId),
            outcome === undefined ? undefined : eq(log.outcome, outcome),
            verb === undefined ? undefined : eq(log.verb, verb),
            from === undefined ? undefined : gte(log.at, from),
            to === undefined ? undefined : lt(log.at, to),
            afterPosition(log.at, log.id, page),
          ),
        )
        .orderBy(desc(log.at), desc(log.id))
        .limit(page.limit + 1);
      return toPage(rows, page, toEntry, ({ at, id }) => ({ at, id }));
    },
  });
