import { and, asc, between, eq, inArray, isNotNull, isNull, lt, notExists, or, sql } from 'drizzle-orm';
import type { ErrorCode } from '../../domain/errors.ts';
import type { AuditChainStore, ChainedEntry, SignedGap } from '../../domain/ports/audit.ts';
import {
  federationAuditGaps as gaps,
  federationAuditLog as log,
  federationAuditSeen as seen,
  federationAuditWriters as writers,
} from '../schema/index.ts';
import { toEntry } from './audit.ts';
import { unwrapped, type Session } from './session.ts';

const ofGrant = (column: typeof log.grantId | typeof gaps.grantId, grantId: string | null) =>
  grantId === null ? isNull(column) : eq(column, grantId);

const toChained = (row: typeof log.$inferSelect): ChainedEntry[] => {
  // As it is stored: a code this version does not know is part of what was signed.
  const entry = { ...toEntry(row), reasonCode: row.reasonCode as ErrorCode | null };
  const { writerId, seq, head } = entry;
  return writerId === null || seq === null || head === null ? [] : [{ ...entry, writerId, seq, head }];
};

const toGap = (row: typeof gaps.$inferSelect): SignedGap[] => {
  const { fromSeq, toSeq, head } = row;
  return fromSeq === null || toSeq === null || head === null ? [] : [{ ...row, fromSeq, toSeq, head }];
};

const RECORD_SEEN = `insert into federation_audit_seen as known (grant_id, writer_id, seq, head, checkpoint, seen_at)
select $1::text::uuid, id, $3::text::bigint, $4::text, $5::text, $6::text::timestamptz
  from federation_audit_writers where id = $2::text::uuid
on conflict (grant_id, writer_id) do update
  set seq = excluded.seq, head = excluded.head, checkpoint = excluded.checkpoint, seen_at = excluded.seen_at
  where known.seq < excluded.seq`;

/** Not the grants alone: whoever owns the database may have deleted one, together with what its entries said. */
const CHAINED_GRANTS = `select id as grant_id from federation_grants
union select grant_id from federation_audit_seen
union select grant_id from federation_audit_gaps
union (select distinct grant_id from federation_audit_log where writer_id is not null)
union select null`;

export const createAuditChainStore = ({ db, raw }: Session): AuditChainStore =>
  unwrapped<AuditChainStore>({
    openWriter: async ({ id, startedAt, isEphemeral }) => {
      await db
        .insert(writers)
        .values({ id, startedAt, seenAt: startedAt, isEphemeral, accepted: 0, written: 0, dropped: 0 })
        .onConflictDoNothing();
    },

    touchWriter: async (id, state) => {
      await db.update(writers).set(state).where(eq(writers.id, id));
    },

    insertGaps: async (rows) => {
      if (rows.length === 0) return;
      await db
        .insert(gaps)
        .values(rows.map((row) => ({ ...row, id: crypto.randomUUID(), kind: 'gap' as const })));
    },

    recordSeen: async (rows) => {
      for (const { grantId, writerId, seq, head, checkpoint, seenAt } of rows)
        await raw.query(RECORD_SEEN, [grantId, writerId, seq, head, checkpoint, seenAt.toISOString()]);
    },

    silentWriters: (since, except) =>
      db
        .select()
        .from(writers)
        .where(
          and(
            isNull(writers.stoppedAt),
            lt(writers.seenAt, since),
            sql`${writers.id} <> ${except}::uuid`,
            or(
              eq(writers.isEphemeral, false),
              sql`${writers.accepted} > ${writers.written} + ${writers.dropped}`,
            ),
            notExists(
              db
                .select({ one: sql`1` })
                .from(gaps)
                .where(and(eq(gaps.writerId, writers.id), eq(gaps.kind, 'lost_tail'))),
            ),
          ),
        )
        .orderBy(asc(writers.startedAt))
        .limit(100),

    insertLostTail: async ({ writerId, at, signature }) =>
      (
        await db
          .insert(gaps)
          .values({ id: crypto.randomUUID(), kind: 'lost_tail', writerId, at, signature })
          .onConflictDoNothing()
          .returning({ id: gaps.id })
      ).length === 1,

    writersOf: async (ids) =>
      ids.length === 0
        ? []
        : db
            .select()
            .from(writers)
            .where(inArray(writers.id, [...ids])),

    lostTailsOf: async (ids) =>
      ids.length === 0
        ? []
        : db
            .select({ writerId: gaps.writerId, at: gaps.at, signature: gaps.signature })
            .from(gaps)
            .where(and(eq(gaps.kind, 'lost_tail'), inArray(gaps.writerId, [...ids]))),

    chainedGrants: async () => {
      const rows = await raw.query<{ readonly grant_id: string | null }>(CHAINED_GRANTS, []);
      return rows.map(({ grant_id: grantId }) => grantId);
    },

    walk: async (grantId, after, limit) => {
      const rows = await db
        .select()
        .from(log)
        .where(
          and(
            ofGrant(log.grantId, grantId),
            isNotNull(log.writerId),
            after === null
              ? undefined
              : sql`(${log.at}, ${log.id}) > (${after.at.toISOString()}::timestamptz, ${after.id}::uuid)`,
          ),
        )
        .orderBy(asc(log.at), asc(log.id))
        .limit(limit);
      return rows.flatMap(toChained);
    },

    gapsOf: async (grantId) => {
      const rows = await db
        .select()
        .from(gaps)
        .where(and(ofGrant(gaps.grantId, grantId), eq(gaps.kind, 'gap')))
        .orderBy(asc(gaps.fromSeq));
      return rows.flatMap(toGap);
    },

    seenOf: (grantId) => db.select().from(seen).where(eq(seen.grantId, grantId)),

    stretch: async (grantId, writerId, from, to) => {
      const rows = await db
        .select()
        .from(log)
        .where(and(eq(log.grantId, grantId), eq(log.writerId, writerId), between(log.seq, from, to)))
        .orderBy(asc(log.seq));
      return rows.flatMap(toChained);
    },
  });
