import type { Scope } from '../scope/scope.ts';

export const GRANT_STATUSES = ['pending', 'active', 'revoked', 'expired'] as const;
export type GrantStatus = (typeof GRANT_STATUSES)[number];

/** B's record that one subject user's data may be read by one peer, within a scope. */
export interface Grant {
  readonly id: string;
  readonly peerId: string;
  readonly subjectUserId: string;
  readonly scope: Scope;
  readonly status: GrantStatus;
  /** Rises with every change; a statement that reads rows requires the version its decision was made on. */
  readonly version: number;
  /** Requests a minute, or null for the gateway's default. */
  readonly rateLimitPerMinute: number | null;
  /** How long the asking gateway may keep an answer; 0: not at all, null: the default. */
  readonly cacheTtlSeconds: number | null;
  /** No answer leaves before its audit entry is committed. */
  readonly auditStrict: boolean;
  readonly createdAt: Date;
  readonly activatedAt: Date | null;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  readonly revokedReason: string | null;
}

const TRANSITIONS: Readonly<Record<GrantStatus, readonly GrantStatus[]>> = {
  pending: ['active', 'revoked', 'expired'],
  active: ['revoked', 'expired'],
  revoked: [],
  expired: ['revoked'],
};

/** Whether a grant may go from one status to another; revoked is final. */
export const canTransition = (from: GrantStatus, to: GrantStatus): boolean => TRANSITIONS[from].includes(to);

/** The status as of `now`: a grant past its `expiresAt` is expired even before anything wrote that down. */
export const effectiveStatus = (grant: Pick<Grant, 'status' | 'expiresAt'>, now: Date): GrantStatus =>
  (grant.status === 'active' || grant.status === 'pending') &&
  grant.expiresAt !== null &&
  grant.expiresAt <= now
    ? 'expired'
    : grant.status;
