import type { AuditEntry } from '../audit/entry.ts';
import type { Grant } from '../grants/grant.ts';

export type ClaimOutcome =
  | { readonly kind: 'claimed'; readonly grantId: string }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'used' }
  | { readonly kind: 'expired' }
  /** Another redemption is under way; poll `claim` again until it is used or released. */
  | { readonly kind: 'busy' };

export interface EnrollmentTokenStore {
  insert(token: {
    readonly hash: string;
    readonly grantId: string;
    readonly createdAt: Date;
    readonly expiresAt: Date;
  }): Promise<void>;
  /**
   * Claims a token in one atomic statement. A claim whose lease ran out (its process died) can be taken over.
   * @param leaseUntil how long this claim keeps others waiting
   */
  claim(hash: string, claimId: string, now: Date, leaseUntil: Date): Promise<ClaimOutcome>;
  /** The token is spent; false when the claim was lost meanwhile. */
  finish(hash: string, claimId: string, at: Date): Promise<boolean>;
  /** The token is usable again (the CA failed). */
  release(hash: string, claimId: string): Promise<void>;
  /** Spends every open token of a grant (a new one was made, or the grant was revoked). */
  closeForGrant(grantId: string, at: Date): Promise<void>;
}

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
