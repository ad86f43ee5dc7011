import { and, desc, eq, inArray, sql, type SQL } from 'drizzle-orm';
import type { Grant } from '../../../domain/grants/grant.ts';
import type { GrantRecord, GrantStore } from '../../../domain/ports/grants.ts';
import { readStoredScope } from '../../../domain/scope/parse.ts';
import { federationGrants as grants } from '../../schema/index.ts';
import { afterPosition, toPage } from '../keyset.ts';
import { unwrapped, type Session } from '../session.ts';

type Row = typeof grants.$inferSelect;

const toGrant = ({ auditKeySealed: _, ...row }: Row): Grant => ({
  ...row,
  scope: readStoredScope(row.scope),
});
const toRecord = (row: Row): GrantRecord => ({ grant: toGrant(row), auditKeySealed: row.auditKeySealed });

/** Every change raises the version: the very next read of a peer notices. */
const raised = { version: sql`${grants.version} + 1` };

export const createGrantStore = ({ db }: Session): GrantStore => {
  const change = async (
    where: SQL | undefined,
    values: Partial<typeof grants.$inferInsert>,
  ): Promise<readonly Row[]> =>
    db
      .update(grants)
      .set({ ...values, ...raised })
      .where(where)
      .returning();

  const changeOne = async (
    where: SQL | undefined,
    values: Partial<typeof grants.$inferInsert>,
  ): Promise<Grant | null> => {
    const [row] = await change(where, values);
    return row === undefined ? null : toGrant(row);
  };

  return unwrapped<GrantStore>({
    insert: async ({ grant, auditKeySealed }) => {
      await db.insert(grants).values({ ...grant, auditKeySealed });
    },

    byId: async (id) => {
      const [row] = await db.select().from(grants).where(eq(grants.id, id));
      return row === undefined ? null : toRecord(row);
    },

    list: async (page, { status, subjectUserId, peerId }) => {
      const rows = await db
        .select()
        .from(grants)
        .where(
          and(
            status === undefined ? undefined : eq(grants.status, status),
            subjectUserId === undefined ? undefined : eq(grants.subjectUserId, subjectUserId),
            peerId === undefined ? undefined : eq(grants.peerId, peerId),
            afterPosition(grants.createdAt, grants.id, page),
          ),
        )
        .orderBy(desc(grants.createdAt), desc(grants.id))
        .limit(page.limit + 1);
      return toPage(rows, page, toGrant, ({ createdAt, id }) => ({ at: createdAt, id }));
    },

    patch: (id, expectedVersion, { scope, rateLimitPerMinute, cacheTtlSeconds, expiresAt, auditStrict }) =>
      changeOne(
        and(
          eq(grants.id, id),
          eq(grants.version, expectedVersion),
          inArray(grants.status, ['pending', 'active']),
        ),
        {
          ...(scope === undefined ? {} : { scope }),
          ...(rateLimitPerMinute === undefined ? {} : { rateLimitPerMinute }),
          ...(cacheTtlSeconds === undefined ? {} : { cacheTtlSeconds }),
          ...(expiresAt === undefined ? {} : { expiresAt }),
          ...(auditStrict === undefined ? {} : { auditStrict }),
        },
      ),

    activate: (id, at) =>
      changeOne(and(eq(grants.id, id), eq(grants.status, 'pending')), { status: 'active', activatedAt: at }),

    revoke: (id, reason, at) =>
      changeOne(and(eq(grants.id, id), inArray(grants.status, ['pending', 'active', 'expired'])), {
        status: 'revoked',
        revokedAt: at,
        revokedReason: reason,
      }),

    lock: async (id) => {
      const [row] = await db.select().from(grants).where(eq(grants.id, id)).for('update');
      return row === undefined ? null : toGrant(row);
    },

    revokeByPeer: async (peerId, reason, at) => {
      const rows = await change(
        and(eq(grants.peerId, peerId), inArray(grants.status, ['pending', 'active', 'expired'])),
        {
          status: 'revoked',
          revokedAt: at,
          revokedReason: reason,
        },
      );
      return rows.map(({ id }) => id);
    },
  });
};
