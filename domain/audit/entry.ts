import { toHex } from '../bytes.ts';
import type { ErrorCode } from '../errors.ts';
import type { Mac } from '../paging/cursor.ts';

export type AuditOutcome = 'allowed' | 'denied' | 'error';

export type AuditVerb =
  | 'capabilities'
  | 'list'
  | 'get'
  | 'search'
  | 'unknown'
  | 'enroll'
  | 'revoke'
  | 'renew'
  | 'admin'
  | 'checkpoint';

/** One row of `federation_audit_log`: what happened, never what was asked for (SPEC M4-5). */
export interface AuditEntry {
  readonly id: string;
  readonly at: Date;
  readonly grantId: string | null;
  readonly peerId: string | null;
  readonly subjectUserId: string | null;
  /** The administrator or user who acted, for verbs `admin`, `enroll`, `revoke`. */
  readonly actorUserId: string | null;
  readonly verb: AuditVerb;
  readonly resource: string | null;
  /** For `admin`: what was done, for example `grant.create`. Never free text from a request. */
  readonly action: string | null;
  readonly queryHash: string | null;
  readonly outcome: AuditOutcome;
  readonly reasonCode: ErrorCode | null;
  /** HTTP status answered. */
  readonly status: number;
  readonly bytesOut: number;
  readonly latencyMs: number;
  readonly traceId: string | null;
  /** Which start of which replica wrote it; null for what was inserted together with the change it is about. */
  readonly writerId: string | null;
  /** Its place in the chain of its grant and writer, from 1. */
  readonly seq: number | null;
  /** The chain's head after it: SHA-256, 64 hexadecimal characters. */
  readonly head: string | null;
}

/** Entries that give way last when the queue is full: what was refused, what failed, what was changed. */
export type AuditClass = AuditOutcome | 'change';

export const classOf = ({ outcome, verb }: Pick<AuditEntry, 'outcome' | 'verb'>): AuditClass =>
  verb === 'admin' || verb === 'enroll' || verb === 'revoke' || verb === 'renew' ? 'change' : outcome;

export const outcomeOf = (status: number): AuditOutcome =>
  status < 400 ? 'allowed' : status < 500 ? 'denied' : 'error';

/** RFC 8785 canonical JSON text of a value. Injected: the rules import nothing. */
export type Canonicalize = (value: unknown) => string;

const encoder = new TextEncoder();

/**
 * The keyed hash of a query: HMAC-SHA-256 over the RFC 8785 canonical form of its parameters, under a sealed
 * key of the grant (or the gateway's where no grant is known), so that a dictionary does not reveal the query.
 *
 * @returns 64 lower-case hexadecimal characters
 */
export const queryHash = (
  mac: Mac,
  canonicalize: Canonicalize,
  verb: string,
  parameters: Readonly<Record<string, string | number | boolean | null | readonly string[]>>,
): string => toHex(mac(encoder.encode(canonicalize({ verb, parameters }))));
