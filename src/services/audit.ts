import { outcomeOf, type AuditEntry, type AuditVerb } from '../../domain/audit/entry.ts';
import type { ErrorCode } from '../../domain/errors.ts';
import type { Page, PageRequest } from '../../domain/ports/page.ts';
import type { AuditFilter } from '../../domain/ports/federation.ts';
import type { Deps } from '../deps.ts';
import type { Actor } from './actor.ts';

/** Who makes a change: a person, or whoever holds an enrollment token. */
export type Author = Actor | { readonly principal: null; readonly traceId: string | null };

export interface Change {
  readonly verb: Extract<AuditVerb, 'admin' | 'enroll' | 'revoke' | 'renew'>;
  /** What was done, for example `grant.create`: one of ours, never text from a request. */
  readonly action: string;
  readonly status: number;
  readonly reasonCode?: ErrorCode;
  readonly grantId?: string | null;
  readonly peerId?: string | null;
  readonly subjectUserId?: string | null;
}

/** The entry a change leaves. Insert it in the transaction that makes the change, so that neither stands alone. */
export const changeEntry = (
  deps: Pick<Deps, 'ids' | 'clock'>,
  author: Author,
  change: Change,
): AuditEntry => ({
  id: deps.ids.uuid(),
  at: deps.clock.now(),
  grantId: change.grantId ?? null,
  peerId: change.peerId ?? null,
  subjectUserId: change.subjectUserId ?? null,
  actorUserId: author.principal?.userId ?? null,
  verb: change.verb,
  resource: null,
  action: change.action,
  queryHash: null,
  outcome: outcomeOf(change.status),
  reasonCode: change.reasonCode ?? null,
  status: change.status,
  bytesOut: 0,
  latencyMs: 0,
  traceId: author.traceId,
  writerId: null,
  seq: null,
  head: null,
});

/**
 * The audit log for the viewer, newest first. What was accepted before the call is in it, unless the database
 * takes longer than `SETTLE_MS` to write it down.
 */
export const listAudit = async (
  deps: Deps,
  page: PageRequest,
  filter: AuditFilter,
): Promise<Page<AuditEntry>> => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  await Promise.race([
    deps.audit.flush(),
    new Promise((resolve) => (timer = setTimeout(resolve, SETTLE_MS))),
  ]);
  clearTimeout(timer);
  return deps.storage.stores.audit.list(page, filter);
};

const SETTLE_MS = 500;
