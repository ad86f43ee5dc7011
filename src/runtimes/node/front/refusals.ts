import type { AuditDraft } from '../../../../domain/audit/chain.ts';
import type { ErrorCode } from '../../../../domain/errors.ts';
import type { Clock, Log, TokenBucket } from '../../../../domain/ports/basics.ts';
import type { AuditSink } from '../../../app/deps.ts';
import { takeFrom, type Bucket } from '../../../../domain/token-bucket.ts';

/** A connection whose client certificate did not verify, or that had none: no handler of ours ever saw it. */
export interface Refusal {
  readonly at: Date;
  readonly code: Extract<ErrorCode, 'certificate_required' | 'certificate_untrusted'>;
  readonly bytesOut: number;
  readonly latencyMs: number;
  readonly traceId: string | null;
}

/** Anybody can be refused, any number of times: of what comes on top each code leaves one more entry a minute, with their number. */
const ENTRIES: TokenBucket = { capacity: 200, refillPerSecond: 10 };

interface RefusalParts {
  readonly audit: Pick<AuditSink, 'record' | 'recordRepeated'>;
  readonly clock: Clock;
}

/** Makes audit entries of refusals. @returns false for one that is too many to have its own */
export const createRefusals = ({ audit, clock }: RefusalParts): ((refusal: Refusal) => boolean) => {
  const quota: Bucket = { used: 0, at: clock.now().getTime() };
  return ({ at, code, bytesOut, latencyMs, traceId }) => {
    const now = clock.now();
    const isOwn = takeFrom(quota, ENTRIES, now.getTime()).allowed;
    const draft: AuditDraft = {
      // A writer's entries never go back in time: one from the future would take all that follow along.
      at: at > now ? now : at,
      grantId: null,
      peerId: null,
      subjectUserId: null,
      actorUserId: null,
      verb: 'unknown',
      resource: null,
      action: null,
      queryHash: null,
      outcome: 'denied',
      reasonCode: code,
      status: 401,
      bytesOut,
      latencyMs,
      traceId,
    };
    if (isOwn) audit.record(draft);
    else audit.recordRepeated(`front ${code}`, draft);
    return isOwn;
  };
};

export const tellOfRefusals = (log: Log, notAudited: number): void =>
  log.warn('the front refused more requests than are audited one by one; look at refused.log of nginx', {
    alert: 'front_refusals',
    not_audited: notAudited,
  });

/** The same for refusals of this process's own front, as they happen. */
export const auditRefusals = ({ log, ...parts }: RefusalParts & { readonly log: Log }) => {
  const note = createRefusals(parts);
  let beyond = 0;
  return (refusal: Omit<Refusal, 'at' | 'latencyMs'>): void => {
    if (!note({ ...refusal, at: parts.clock.now(), latencyMs: 0 })) {
      beyond += 1;
      return;
    }
    if (beyond > 0) tellOfRefusals(log, beyond);
    beyond = 0;
  };
};
