import type { AuditEntry } from '../audit/entry.ts';
import type { Grant } from '../grants/grant.ts';
import type { ClaimOutcome } from './federation.ts';

/** Who holds a token, and until when it keeps others waiting. */
export interface TokenClaim {
  /** SHA-256 of the token. */
  readonly hash: string;
  readonly claimId: string;
  readonly now: Date;
  readonly leaseUntil: Date;
}

/** What the authority is about to be asked for. */
export interface EnrollmentIntent {
  readonly certificateId: string;
  readonly publicKeyHash: string;
}

/** Of a grant that can be enrolled for, what a certificate for it takes. */
export type EnrollableGrant = Pick<Grant, 'id' | 'peerId' | 'subjectUserId' | 'expiresAt'>;

export type BegunEnrollment =
  | Exclude<ClaimOutcome, { readonly kind: 'claimed' }>
  /** `grant` null: it can't be enrolled for (any more), and no intent was written down. */
  | { readonly kind: 'claimed'; readonly grantId: string; readonly grant: EnrollableGrant | null };

export interface EnrollmentResult {
  readonly hash: string;
  readonly claimId: string;
  readonly grantId: string;
  readonly certificateId: string;
  readonly serial: string;
  readonly fingerprint: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly at: Date;
  readonly entry: AuditEntry;
}

/** An enrollment's way through the database: one statement before the authority signs and one after, each all or nothing. */
export interface EnrollmentStore {
  /** Claims the token as `EnrollmentTokenStore.claim` does, and with it writes the intent down. */
  begin(claim: TokenClaim, intent: EnrollmentIntent): Promise<BegunEnrollment>;
  /**
   * What is usually left to do: grant and peer become active, the certificate counts, the token is spent, the entry is in the
   * audit log. Null when something is not as `begin` left it; nothing was changed then.
   */
  conclude(result: EnrollmentResult): Promise<Grant | null>;
}
