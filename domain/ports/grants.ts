import type { Grant, GrantStatus } from '../grants/grant.ts';
import type { Scope } from '../scope/scope.ts';
import type { Page, PageRequest } from './page.ts';

/** A grant as stored, with the sealed key under which its queries are hashed. */
export interface GrantRecord {
  readonly grant: Grant;
  /** Sealed 32 bytes, identity `federation_grants/<id>/audit_key`. */
  readonly auditKeySealed: string;
}

export interface GrantPatch {
  readonly scope?: Scope;
  readonly rateLimitPerMinute?: number | null;
  readonly cacheTtlSeconds?: number | null;
  readonly expiresAt?: Date | null;
  readonly auditStrict?: boolean;
}

export interface GrantFilter {
  readonly status?: GrantStatus;
  readonly subjectUserId?: string;
  readonly peerId?: string;
}

/** Every change raises `version`. Conditional updates: who loses the race gets null (EXAMPLES: openstatus). */
export interface GrantStore {
  insert(record: GrantRecord): Promise<void>;
  /** The stored scope is read with `readStoredScope`. */
  byId(id: string): Promise<GrantRecord | null>;
  list(page: PageRequest, filter: GrantFilter): Promise<Page<Grant>>;
  /** Changes a pending or active grant at that version. */
  patch(id: string, expectedVersion: number, patch: GrantPatch): Promise<Grant | null>;
  /** pending → active, or null. */
  activate(id: string, at: Date): Promise<Grant | null>;
  /** pending or active or expired → revoked, or null when it was revoked already or is unknown. */
  revoke(id: string, reason: string, at: Date): Promise<Grant | null>;
  /** The grant as it is now, held until the surrounding transaction ends: nobody revokes or changes it meanwhile. */
  lock(id: string): Promise<Grant | null>;
  /** Revokes every grant of one peer and returns their ids. (For a deleted user a database trigger does it.) */
  revokeByPeer(peerId: string, reason: string, at: Date): Promise<readonly string[]>;
}
