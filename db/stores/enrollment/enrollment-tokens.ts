import { and, eq, isNull } from 'drizzle-orm';
import type { ClaimOutcome, EnrollmentTokenStore } from '../../../domain/ports/enrollment.ts';
import { enrollmentTokens as tokens } from '../../schema/index.ts';
import { unwrapped, type Session } from '../session.ts';

export interface ClaimRow {
  readonly grant_id: string | null;
  readonly used: boolean;
  readonly claimed: boolean;
}

/**
 * One statement: who gets the row's lock first claims; the others re-check the condition on the new row, change
 * nothing and read from the statement's snapshot why. `$3` is now, `$4` the end of this claim's lease.
 */
const CLAIM = `with claimed as (
  update federation_enrollment_tokens set claim_id = $2, claim_until = $4::timestamptz
  where hash = $1 and used_at is null and expires_at > $3::timestamptz
    and (claim_id is null or claim_until <= $3::timestamptz)
  returning grant_id
)
select claimed.grant_id, t.used_at is not null as used,
  t.expires_at > $3::timestamptz or (t.claim_id is not null and t.claim_until > $3::timestamptz) as claimed
from federation_enrollment_tokens t left join claimed on true
where t.hash = $1`;

export const claimOutcome = (row: ClaimRow | undefined): ClaimOutcome => {
  if (row === undefined) return { kind: 'unknown' };
  if (row.grant_id !== null) return { kind: 'claimed', grantId: row.grant_id };
  if (row.used) return { kind: 'used' };
  // Not used and still in time, yet not ours: somebody else's claim is under way.
  return { kind: row.claimed ? 'busy' : 'expired' };
};

export const createEnrollmentTokenStore = ({ db, raw }: Session): EnrollmentTokenStore => {
  const held = (hash: string, claimId: string) =>
    and(eq(tokens.hash, hash), eq(tokens.claimId, claimId), isNull(tokens.usedAt));
  return unwrapped<EnrollmentTokenStore>({
    insert: async (token) => {
      await db.insert(tokens).values(token);
    },

    claim: async (hash, claimId, now, leaseUntil) =>
      claimOutcome(
        (await raw.query<ClaimRow>(CLAIM, [hash, claimId, now.toISOString(), leaseUntil.toISOString()]))[0],
      ),

    finish: async (hash, claimId, at) =>
      (
        await db
          .update(tokens)
          .set({ usedAt: at })
          .where(held(hash, claimId))
          .returning({ hash: tokens.hash })
      ).length === 1,

    release: async (hash, claimId) => {
      await db.update(tokens).set({ claimId: null, claimUntil: null }).where(held(hash, claimId));
    },

    closeForGrant: async (grantId, at) => {
      await db
        .update(tokens)
        .set({ usedAt: at })
        .where(and(eq(tokens.grantId, grantId), isNull(tokens.usedAt)));
    },
  });
};
