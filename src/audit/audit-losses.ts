import { lostTailText } from '../../domain/audit/chain.ts';
import type { Deps } from '../app/deps.ts';
import type { AuditQueue } from './audit-queue.ts';

export interface AuditWatch {
  stop(): Promise<void>;
}

type WatchDeps = Pick<Deps, 'storage' | 'keys' | 'clock' | 'log'>;

/** A writer tells of itself this often, also when it has nothing to write. */
const BEAT_MS = 20_000;
/** One that has not for so long is gone. */
const SILENT_MS = 90_000;

/**
 * Reports writers of the audit log that ended without saying so: what they had accepted and not written is lost, and how
 * much that was is only known up to their last word. Each is reported once among all replicas, by a signed lost tail.
 *
 * @param silentMs how long a writer must have been silent; 0 where no other can be running
 * @returns how many were reported by this call
 */
export const reportLosses = async (
  { storage, keys, clock, log }: WatchDeps,
  ownWriterId: string,
  silentMs: number,
): Promise<number> => {
  const { auditChain } = storage.stores;
  const at = clock.now();
  const since = new Date(at.getTime() - silentMs + (silentMs === 0 ? 1 : 0));
  let reported = 0;
  for (const writer of await auditChain.silentWriters(since, ownWriterId)) {
    const signature = await keys.auditSigner.sign(lostTailText(writer.id, at));
    if (!(await auditChain.insertLostTail({ writerId: writer.id, at, signature }))) continue;
    reported += 1;
    log.error('a gateway ended before it had written its whole audit log; the last entries may be lost', {
      alert: 'audit_lost_tail',
      writer_id: writer.id,
      started_at: writer.startedAt.toISOString(),
      last_seen_at: writer.seenAt.toISOString(),
      written: writer.written,
      dropped: writer.dropped,
      known_to_be_lost: Math.max(0, writer.accepted - writer.written - writer.dropped),
    });
  }
  return reported;
};

/** One look at the others, for a runtime without a process that could watch. @returns how many were reported */
export const reportSilentWriters = (deps: WatchDeps, ownWriterId: string): Promise<number> =>
  reportLosses(deps, ownWriterId, SILENT_MS);

/**
 * Begins with a report of what earlier starts may have lost, then tells of this writer and looks for silent ones
 * until it is stopped. Failures are logged: a gateway serves without it.
 *
 * @param isAlone no other gateway can be using this database
 */
export const startAuditWatch = (
  deps: WatchDeps,
  queue: Pick<AuditQueue, 'beat'>,
  ownWriterId: string,
  isAlone: boolean,
): AuditWatch => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;

  const round = async (silentMs: number): Promise<void> => {
    try {
      await queue.beat();
      await reportLosses(deps, ownWriterId, silentMs);
    } catch (error) {
      deps.log.warn('the writers of the audit log could not be checked for lost entries', {
        error: error as Error,
      });
    }
    if (isStopped) return;
    timer = setTimeout(() => {
      running = round(SILENT_MS);
    }, BEAT_MS);
  };

  let running = round(isAlone ? 0 : SILENT_MS);
  return {
    stop: async () => {
      isStopped = true;
      clearTimeout(timer);
      await running;
    },
  };
};
