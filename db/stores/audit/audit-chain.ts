import {
  and,
  asc,
  between,
  desc,
  eq,
  gt,
  gte,
  inArray,
  isNotNull,
  isNull,
  lt,
  lte,
  notExists,
  or,
  sql,
} from 'drizzle-orm';
import type { ErrorCode } from '../../../domain/errors.ts';
import type { AuditChainStore, AuditRange, ChainedEntry, SignedGap } from '../../../domain/ports/audit.ts';
import {
  federationAuditGaps as gaps,
  federationAuditLog as log,
  federationAuditSeen as seen,
  federationAuditWriters as writers,
} from '../../schema/index.ts';
import { toEntry } from './audit.ts';
import { unwrapped, type Session } from '../session.ts';

const ofGrant = (column: typeof log.grantId | typeof gaps.grantId, grantId: string | null) =>
  grantId === null ? isNull(column) : eq(column, grantId);

const within = (
  column: typeof log.grantId | typeof gaps.grantId | typeof seen.grantId,
  { after, to }: AuditRange,
) => and(after === null ? undefined : gt(column, after), to === null ? undefined : lte(column, to));

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

/** As many as the next power of two, the last one again and again: each number of them would be a statement to prepare. */
const padded = <T>(items: readonly T[]): readonly T[] => {
  const size = 2 ** Math.ceil(Math.log2(Math.max(1, items.length)));
  return Array.from({ length: size }, (_, index) => items[Math.min(index, items.length - 1)]).flatMap(
    (item) => item ?? [],
  );
};

const RECORD_SEEN = `insert into federation_audit_seen as known (grant_id, writer_id, seq, head, checkpoint, seen_at)
select $1::text::uuid, id, $3::text::bigint, $4::text, $5::text, $6::text::timestamptz
  from federation_audit_writers where id = $2::text::uuid
on conflict (grant_id, writer_id) do update
  set seq = excluded.seq, head = excluded.head, checkpoint = excluded.checkpoint, seen_at = excluded.seen_at
  where known.seq < excluded.seq`;

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

    chainedGrants: async (after, limit) => {
      const ids = (column: string, table: string) => sql`(
        select distinct ${sql.raw(column)} as id from ${sql.raw(table)}
        where ${after === null ? sql`${sql.raw(column)} is not null` : sql`${sql.raw(column)} > ${after}::uuid`}
        order by 1 limit ${limit})`;
      const rows = await db.execute<{ id: string }>(
        sql`${ids('id', 'federation_grants')} union ${ids('grant_id', 'federation_audit_gaps')}
          union ${ids('grant_id', 'federation_audit_seen')} order by 1 limit ${limit}`,
      );
      return rows.map(({ id }) => id);
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

    // Backwards through the index of grant and time.
    walkBetween: async (range, below, limit) => {
      const rows = await db
        .select()
        .from(log)
        .where(
          and(
            isNotNull(log.writerId),
            isNotNull(log.grantId),
            within(log.grantId, range),
            below === null ? undefined : lt(log.grantId, below),
          ),
        )
        .orderBy(desc(log.grantId), asc(log.at), asc(log.id))
        .limit(limit);
      return rows.flatMap(toChained);
    },

    gappedBetween: async (range) => {
      const rows = await db
        .selectDistinct({ grantId: gaps.grantId })
        .from(gaps)
        .where(and(eq(gaps.kind, 'gap'), within(gaps.grantId, range)));
      return rows.flatMap(({ grantId }) => grantId ?? []);
    },

    seenBetween: (range) => db.select().from(seen).where(within(seen.grantId, range)),

    gapsOf: async (grantId) => {
      const rows = await db
        .select()
        .from(gaps)
        .where(and(ofGrant(gaps.grantId, grantId), eq(gaps.kind, 'gap')))
        .orderBy(asc(gaps.fromSeq));
      return rows.flatMap(toGap);
    },

    seenOf: (grantId) => db.select().from(seen).where(eq(seen.grantId, grantId)),

    stretches: async (grantId, stretches) => {
      if (stretches.length === 0) return [];
      const within = padded(stretches).map(({ writerId, from, to }) =>
        and(eq(log.writerId, writerId), between(log.seq, from, to)),
      );
      const rows = await db
        .select()
        .from(log)
        .where(and(eq(log.grantId, grantId), or(...within)))
        .orderBy(asc(log.writerId), asc(log.seq));
      return rows.flatMap(toChained);
    },

    gapsAround: async (grantId, places) => {
      if (places.length === 0) return [];
      const around = padded(places).map(({ writerId, seq }) =>
        and(eq(gaps.writerId, writerId), lte(gaps.fromSeq, seq), gte(gaps.toSeq, seq)),
      );
      const rows = await db
        .select()
        .from(gaps)
        .where(and(eq(gaps.grantId, grantId), eq(gaps.kind, 'gap'), or(...around)));
      return rows.flatMap(toGap);
    },
  });
