import { and, asc, eq, inArray, isNotNull, isNull, sql } from 'drizzle-orm';
import type { PeerRenewal, PeerRenewalStore } from '../../../domain/ports/renewal.ts';
import { federationPeers as peers, peerRenewals as renewals } from '../../schema/index.ts';
import { unwrapped, type Session } from '../session.ts';

interface ClaimRow {
  readonly pending_key_pem: string | null;
  readonly pending_csr_pem: string | null;
  readonly attempts: number;
  readonly unconfirmed: boolean;
}

/** One statement: whoever gets the row's lock first claims, the others find the condition false. `$5`: only when due. */
const CLAIM = `insert into peer_renewals as r (peer_id, claim_id, due_at, claim_until, attempts)
values ($1::uuid, $2, $3::timestamptz, $4::timestamptz, 1)
on conflict (peer_id) do update set claim_id = $2, claim_until = $4::timestamptz, attempts = r.attempts + 1
where (r.claim_until is null or r.claim_until <= $3::timestamptz) and (not $5::boolean or r.due_at <= $3::timestamptz)
returning r.pending_key_pem, r.pending_csr_pem, r.attempts, r.unconfirmed`;

export const createPeerRenewalStore = ({ db, raw }: Session): PeerRenewalStore => {
  const usable = and(
    eq(peers.direction, 'outbound'),
    inArray(peers.state, ['active', 'degraded']),
    isNotNull(peers.clientCertPem),
  );
  const held = (peerId: string, claimId: string) =>
    and(eq(renewals.peerId, peerId), eq(renewals.claimId, claimId));
  const change = async (
    peerId: string,
    claimId: string,
    values: Partial<typeof renewals.$inferInsert>,
  ): Promise<boolean> =>
    (
      await db
        .update(renewals)
        .set(values)
        .where(held(peerId, claimId))
        .returning({ peerId: renewals.peerId })
    ).length === 1;

  return unwrapped<PeerRenewalStore>({
    unscheduled: async (limit) => {
      const rows = await db
        .select({ peer: peers })
        .from(peers)
        .leftJoin(renewals, eq(renewals.peerId, peers.id))
        .where(and(usable, isNull(renewals.peerId)))
        .limit(limit);
      return rows.map(({ peer }) => peer);
    },

    schedule: async (peerId, dueAt) => {
      await db.insert(renewals).values({ peerId, dueAt }).onConflictDoNothing();
    },

    due: async (limit, now) => {
      const at = now.toISOString();
      const rows = await db
        .select({ peerId: renewals.peerId })
        .from(renewals)
        .innerJoin(peers, eq(peers.id, renewals.peerId))
        .where(
          and(
            usable,
            sql`${renewals.dueAt} <= ${at}::timestamptz`,
            // One that has expired renews nothing: who failed until then has said so.
            sql`${peers.certificateNotAfter} > ${at}::timestamptz`,
            sql`(${renewals.claimUntil} is null or ${renewals.claimUntil} <= ${at}::timestamptz)`,
          ),
        )
        .orderBy(asc(renewals.dueAt))
        .limit(limit);
      return rows.map(({ peerId }) => peerId);
    },

    claim: async (peerId, claimId, now, until, mustBeDue): Promise<PeerRenewal | null> => {
      const [row] = await raw.query<ClaimRow>(CLAIM, [
        peerId,
        claimId,
        now.toISOString(),
        until.toISOString(),
        mustBeDue,
      ]);
      if (row === undefined) return null;
      const { pending_key_pem: pendingKeyPemSealed, pending_csr_pem: pendingCsrPem } = row;
      return {
        peerId,
        pendingKeyPemSealed,
        pendingCsrPem,
        attempts: row.attempts,
        unconfirmed: row.unconfirmed,
      };
    },

    savePending: (peerId, claimId, pendingKeyPemSealed, pendingCsrPem) =>
      change(peerId, claimId, { pendingKeyPemSealed, pendingCsrPem }),

    swapped: (peerId, claimId) =>
      change(peerId, claimId, { pendingKeyPemSealed: null, pendingCsrPem: null, unconfirmed: true }),

    release: async (peerId, claimId, dueAt, outcome) => {
      await change(peerId, claimId, {
        dueAt,
        claimId: null,
        claimUntil: null,
        ...(outcome === 'succeeded' ? { attempts: 0, unconfirmed: false } : {}),
        ...(outcome === 'unconfirmed' ? { attempts: 0 } : {}),
      });
    },
  });
};
