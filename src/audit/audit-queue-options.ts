import type { AuditClass } from '../../domain/audit/entry.ts';
import type { AuditChainStore, AuditStore } from '../../domain/ports/audit.ts';
import type { Clock, Log } from '../../domain/ports/basics.ts';
import type { AuditCounters, AuditSigner } from '../app/deps.ts';
import type { AuditChains } from './audit-chains.ts';
import type { RefusalMinutes } from './audit-repeats.ts';

export interface AuditQueueOptions {
  readonly store: Pick<AuditStore, 'insertMany'>;
  readonly chainStore: Pick<AuditChainStore, 'openWriter' | 'touchWriter' | 'insertGaps' | 'recordSeen'>;
  readonly chains: AuditChains;
  readonly signer: AuditSigner;
  readonly clock: Clock;
  readonly log: Log;
  /** Most entries that wait at once; what comes on top is dropped and counted. */
  readonly capacity: number;
  /** Longest an entry waits for company before it is written, in milliseconds. */
  readonly flushMs: number;
  /** Most rows of one insert. */
  readonly batch: number;
  /** Longest an answer of a strict grant waits for its entry, in milliseconds. */
  readonly strictMs: number;
  /** Of a runtime that starts anew all the time and never ends cleanly: the writer is not missed when it is gone. */
  readonly isEphemeral?: boolean;
  /** Of earlier queues of such a runtime. */
  readonly refusals?: RefusalMinutes;
  /** The same. */
  readonly counters?: CountedAudit;
}

/** Counters that go on from one queue of a runtime that starts anew all the time to the next. */
export type CountedAudit = { -readonly [K in Exclude<keyof AuditCounters, 'droppedByClass'>]: number } & {
  readonly droppedByClass: Record<AuditClass, number>;
};

export const newAuditCounters = (): CountedAudit => ({
  accepted: 0,
  written: 0,
  dropped: 0,
  droppedByClass: { allowed: 0, denied: 0, error: 0, change: 0 },
});
