import { outcomeOf, type AuditEntry, type AuditVerb } from '../../domain/audit/entry.ts';
import { MosaicError, type ErrorCode } from '../../domain/errors.ts';
import type { Page, PageRequest } from '../../domain/ports/page.ts';
import type { AuditFilter, AuditHour } from '../../domain/ports/audit.ts';
import type { Deps } from '../app/deps.ts';
import type { Actor } from '../kernel/actor.ts';

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

/** What was accepted before the call is written, unless the database takes longer than `SETTLE_MS`. */
export const settleAudit = async ({ audit }: Pick<Deps, 'audit'>): Promise<void> => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  await Promise.race([audit.flush(), new Promise((resolve) => (timer = setTimeout(resolve, SETTLE_MS)))]);
  clearTimeout(timer);
};

/**
 * The audit log for the viewer, newest first. What was accepted before the call is in it, unless the database
 * takes longer than `SETTLE_MS` to write it down.
 */
export const listAudit = async (
  deps: Deps,
  page: PageRequest,
  filter: AuditFilter,
): Promise<Page<AuditEntry>> => {
  await settleAudit(deps);
  return deps.storage.stores.audit.list(page, filter);
};

const SETTLE_MS = 500;
const EXPORT_ROWS = 500;

/** All entries that fit, newest first, page by page. */
export async function* auditPages(
  deps: Deps,
  filter: AuditFilter,
): AsyncGenerator<readonly AuditEntry[], undefined> {
  await settleAudit(deps);
  let after: PageRequest['after'] = null;
  do {
    const page: Page<AuditEntry> = await deps.storage.stores.audit.list(
      { limit: EXPORT_ROWS, after },
      filter,
    );
    if (page.items.length > 0) yield page.items;
    after = page.next;
  } while (after !== null);
}

const DAY_MS = 24 * 3_600_000;
const LONGEST_HISTOGRAM_MS = 31 * DAY_MS;

/** @throws MosaicError `invalid_request` for more than 31 days */
export const auditHistogram = async (deps: Deps, filter: AuditFilter): Promise<readonly AuditHour[]> => {
  const to = filter.to ?? new Date(Math.max(deps.clock.now().getTime(), filter.from?.getTime() ?? 0) + 1);
  const from = filter.from ?? new Date(to.getTime() - DAY_MS);
  if (to.getTime() - from.getTime() > LONGEST_HISTOGRAM_MS + 1)
    throw new MosaicError('invalid_request', {
      issues: [{ path: 'from', message: 'is too long ago', expected: 'at most 31 days before `to`' }],
    });
  await settleAudit(deps);
  return deps.storage.stores.audit.histogram({ ...filter, from, to });
};
