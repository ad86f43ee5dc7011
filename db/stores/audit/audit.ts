import { and, desc, eq, gte, inArray, isNull, lt, or, sql, type SQL } from 'drizzle-orm';
import type { AuditEntry, AuditOutcome, AuditVerb } from '../../../domain/audit/entry.ts';
import { isErrorCode } from '../../../domain/errors.ts';
import type { AuditFilter, AuditStore } from '../../../domain/ports/audit.ts';
import { federationAuditLog as log, federationGrants as grants } from '../../schema/index.ts';
import { afterPosition, toPage } from '../keyset.ts';
import { unwrapped, type Session } from '../session.ts';

type Row = typeof log.$inferSelect;

/** A code this version does not know (written by another) shows as `internal`. */
export const toEntry = (row: Row): AuditEntry => ({
  ...row,
  verb: row.verb as AuditVerb,
  reasonCode: row.reasonCode === null ? null : isErrorCode(row.reasonCode) ? row.reasonCode : 'internal',
});

interface Column {
  readonly name: string;
  readonly type: string;
  readonly of: (entry: AuditEntry) => string | number | null;
}

/** The columns of an entry, in the order of `auditRow`. */
export const AUDIT_COLUMNS: readonly Column[] = [
  { name: 'id', type: 'uuid', of: (entry) => entry.id },
  { name: 'at', type: 'timestamptz', of: (entry) => entry.at.toISOString() },
  { name: 'grant_id', type: 'uuid', of: (entry) => entry.grantId },
  { name: 'peer_id', type: 'uuid', of: (entry) => entry.peerId },
  { name: 'subject_user_id', type: 'uuid', of: (entry) => entry.subjectUserId },
  { name: 'actor_user_id', type: 'uuid', of: (entry) => entry.actorUserId },
  { name: 'verb', type: 'text', of: (entry) => entry.verb },
  { name: 'resource', type: 'text', of: (entry) => entry.resource },
  { name: 'action', type: 'text', of: (entry) => entry.action },
  { name: 'query_hash', type: 'text', of: (entry) => entry.queryHash },
  { name: 'outcome', type: 'audit_outcome', of: (entry) => entry.outcome },
  { name: 'reason_code', type: 'text', of: (entry) => entry.reasonCode },
  { name: 'status', type: 'integer', of: (entry) => entry.status },
  { name: 'bytes_out', type: 'integer', of: (entry) => entry.bytesOut },
  { name: 'latency_ms', type: 'double precision', of: (entry) => entry.latencyMs },
  { name: 'trace_id', type: 'text', of: (entry) => entry.traceId },
  { name: 'writer_id', type: 'uuid', of: (entry) => entry.writerId },
  { name: 'seq', type: 'bigint', of: (entry) => entry.seq },
  { name: 'head', type: 'text', of: (entry) => entry.head },
];

export const auditRow = (entry: AuditEntry): (string | number | null)[] =>
  AUDIT_COLUMNS.map(({ of }) => of(entry));

/**
 * One text whatever the number of entries, so that it stays one prepared statement, and one array a column: half of
 * what json_populate_recordset costs the server. A batch whose answer was lost is sent again: what was written then is not
 * written twice.
 */
const INSERT = `insert into federation_audit_log (${AUDIT_COLUMNS.map(({ name }) => name).join(', ')})
select * from unnest(${AUDIT_COLUMNS.map(({ type }, index) => `$${index + 1}::text::${type}[]`).join(', ')})
on conflict do nothing`;

const escaped = (value: string | number | null): string =>
  typeof value === 'string' ? `"${value.replaceAll(/["\\]/g, String.raw`\$&`)}"` : String(value);

/** JSON has no word for it. */
const isUnusual = (value: string | number | null): boolean =>
  typeof value === 'number' && !Number.isFinite(value);

/** The text form of an array: https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO. JSON's, where nothing is escaped. */
const arrayText = (entries: readonly AuditEntry[], { of }: Column): string => {
  const values = entries.map(of);
  const json = JSON.stringify(values);
  return `{${json.includes('\\') || values.some(isUnusual) ? values.map(escaped).join(',') : json.slice(1, -1)}}`;
};

/**
 * Entries with a grant by the index on it: a grant never changes its peer or its subject, and none is ever deleted. The
 * others by the small index on what has none.
 */
const about = (
  db: Session['db'],
  column: typeof log.peerId | typeof log.subjectUserId,
  ofGrant: typeof grants.peerId | typeof grants.subjectUserId,
  id: string,
): SQL | undefined =>
  and(
    eq(column, id),
    or(
      isNull(log.grantId),
      inArray(log.grantId, db.select({ id: grants.id }).from(grants).where(eq(ofGrant, id))),
    ),
  );

const counted = (outcome: AuditOutcome) =>
  sql<number>`(count(*) filter (where ${log.outcome} = ${sql.raw(`'${outcome}'`)}))::int`.mapWith(Number);

const fits = (db: Session['db'], filter: AuditFilter): SQL | undefined => {
  const { grantId, peerId, subjectUserId, outcome, verb, reasonCode, traceId, from, to } = filter;
  return and(
    grantId === undefined ? undefined : eq(log.grantId, grantId),
    peerId === undefined ? undefined : about(db, log.peerId, grants.peerId, peerId),
    subjectUserId === undefined
      ? undefined
      : about(db, log.subjectUserId, grants.subjectUserId, subjectUserId),
    outcome === undefined ? undefined : eq(log.outcome, outcome),
    verb === undefined ? undefined : eq(log.verb, verb),
    reasonCode === undefined ? undefined : eq(log.reasonCode, reasonCode),
    traceId === undefined ? undefined : eq(log.traceId, traceId),
    from === undefined ? undefined : gte(log.at, from),
    to === undefined ? undefined : lt(log.at, to),
  );
};

export const createAuditStore = ({ db, raw }: Session): AuditStore =>
  unwrapped<AuditStore>({
    insertMany: async (entries) => {
      if (entries.length === 0) return;
      await raw.query(
        INSERT,
        AUDIT_COLUMNS.map((column) => arrayText(entries, column)),
      );
    },

    list: async (page, filter) => {
      const rows = await db
        .select()
        .from(log)
        .where(and(fits(db, filter), afterPosition(log.at, log.id, page)))
        .orderBy(desc(log.at), desc(log.id))
        .limit(page.limit + 1);
      return toPage(rows, page, toEntry, ({ at, id }) => ({ at, id }));
    },

    histogram: async (filter) => {
      const hour = sql<string>`date_trunc('hour', ${log.at}, 'UTC')`;
      const rows = await db
        .select({
          hour: hour.mapWith(log.at).as('hour'),
          allowed: counted('allowed'),
          denied: counted('denied'),
          error: counted('error'),
        })
        .from(log)
        .where(fits(db, filter))
        .groupBy(hour)
        .orderBy(hour);
      return rows;
    },
  });
