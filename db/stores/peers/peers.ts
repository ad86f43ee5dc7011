import { and, asc, desc, eq, getTableColumns, inArray, isNull, or, sql } from 'drizzle-orm';
import { MosaicError } from '../../../domain/errors.ts';
import type { PeerStore } from '../../../domain/ports/peers.ts';
import { brokeConstraint } from '../../driver/errors.ts';
import { federationPeers as peers } from '../../schema/index.ts';
import { afterPosition, toPage } from '../keyset.ts';
import { unwrap, unwrapped, type Session } from '../session.ts';

/** What is asked for with every request: not what is remembered of the peer's audit. */
const { auditKey: _key, auditSeen: _seen, ...columns } = getTableColumns(peers);

/** Each person has at most one outbound peer for a grant (migration 0025). */
const GRANT_KEY = 'federation_peers_outbound_grant_key';

const peersOfUser = (db: Session['db']) =>
  db
    .select(columns)
    .from(peers)
    .where(and(eq(peers.direction, 'outbound'), eq(peers.localUserId, sql.placeholder('localUserId'))))
    .orderBy(asc(peers.name))
    .prepare('peers_of_user');

export const createPeerStore = ({ db }: Session): PeerStore => {
  let ofUser: ReturnType<typeof peersOfUser> | undefined;
  return unwrapped<PeerStore>({
    insert: async (peer) => {
      try {
        await db.insert(peers).values(peer);
      } catch (error) {
        const cause = unwrap(error);
        throw brokeConstraint(cause, GRANT_KEY) ? new MosaicError('grant_claimed', { cause }) : cause;
      }
    },

    byId: async (id) => (await db.select(columns).from(peers).where(eq(peers.id, id)))[0] ?? null,

    inboundByName: async (name) =>
      (
        await db
          .select(columns)
          .from(peers)
          .where(and(eq(peers.direction, 'inbound'), eq(peers.name, name)))
      )[0] ?? null,

    ofUser: async (localUserId) => {
      // Built once: it runs for every question to a peer, and building it costs more than running it.
      ofUser ??= peersOfUser(db);
      return ofUser.execute({ localUserId });
    },

    list: async (page, { direction, localUserId }) => {
      const rows = await db
        .select(columns)
        .from(peers)
        .where(
          and(
            direction === undefined ? undefined : eq(peers.direction, direction),
            localUserId === undefined ? undefined : eq(peers.localUserId, localUserId),
            afterPosition(peers.createdAt, peers.id, page),
          ),
        )
        .orderBy(desc(peers.createdAt), desc(peers.id))
        .limit(page.limit + 1);
      return toPage(
        rows,
        page,
        (row) => row,
        ({ createdAt, id }) => ({ at: createdAt, id }),
      );
    },

    setState: async (id, from, to) => {
      const changed = await db
        .update(peers)
        .set({ state: to })
        .where(and(eq(peers.id, id), eq(peers.state, from)))
        .returning({ id: peers.id });
      return changed.length === 1;
    },

    raiseCacheEpoch: async (id) => {
      const [raised] = await db
        .update(peers)
        .set({ cacheEpoch: sql`${peers.cacheEpoch} + 1` })
        .where(eq(peers.id, id))
        .returning({ epoch: peers.cacheEpoch });
      return raised?.epoch ?? null;
    },

    recordGrantVersion: async (id, version) => {
      await db
        .update(peers)
        .set({ remoteGrantVersion: version })
        .where(and(eq(peers.id, id), sql`${peers.remoteGrantVersion} is distinct from ${version}`));
    },

    swapCertificate: async (id, from, next) => {
      const changed = await db
        .update(peers)
        .set({ ...next, state: 'active' })
        .where(
          and(
            eq(peers.id, id),
            eq(peers.direction, 'outbound'),
            eq(peers.clientCertPem, from),
            inArray(peers.state, ['active', 'degraded']),
          ),
        )
        .returning({ id: peers.id });
      return changed.length === 1;
    },

    recordSuccess: async (id, at, recovered) => {
      const failedLast = sql`(${peers.lastFailureAt} > coalesce(${peers.lastSuccessAt}, '-infinity'))::int`;
      const counted = recovered === null ? sql`coalesce(${failedLast}, 0)` : sql`${recovered ? 1 : 0}::int`;
      await db
        .update(peers)
        .set({ lastSuccessAt: at, outages: sql`${peers.outages} + ${counted}` })
        .where(eq(peers.id, id));
    },

    recordFailure: async (id, at, code) => {
      await db.update(peers).set({ lastFailureAt: at, lastFailureCode: code }).where(eq(peers.id, id));
    },

    delete: async (id) =>
      (await db.delete(peers).where(eq(peers.id, id)).returning({ id: peers.id })).length === 1,

    auditOf: async (id) =>
      (
        await db
          .select({ key: peers.auditKey, seen: peers.auditSeen })
          .from(peers)
          .where(and(eq(peers.id, id), eq(peers.direction, 'outbound')))
      )[0] ?? null,

    pinAuditKey: async (id, key) =>
      (
        await db
          .update(peers)
          .set({ auditKey: key })
          .where(and(eq(peers.id, id), or(isNull(peers.auditKey), eq(peers.auditKey, key))))
          .returning({ id: peers.id })
      ).length === 1,

    setAuditSeen: async (id, before, seen) =>
      (
        await db
          .update(peers)
          .set({ auditSeen: seen })
          .where(
            and(eq(peers.id, id), before === null ? isNull(peers.auditSeen) : eq(peers.auditSeen, before)),
          )
          .returning({ id: peers.id })
      ).length === 1,
  });
};
