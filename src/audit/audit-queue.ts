import type { AuditDraft, Linked } from '../../domain/audit/chain.ts';
import { classOf } from '../../domain/audit/entry.ts';
import type { AuditSink } from '../app/deps.ts';
import { createAuditBacklog } from './audit-backlog.ts';
import { createCheckpoints } from './audit-checkpoints.ts';
import { createAuditPump } from './audit-pump.ts';
import { newAuditCounters, type AuditQueueOptions } from './audit-queue-options.ts';
import { createRepeatedRefusals } from './audit-repeats.ts';

export interface AuditQueue extends AuditSink {
  /** Tells the database of this writer, also while nothing happens: silence is how its end is noticed. */
  beat(): Promise<void>;
  /** Writes what waits, for at most `timeoutMs`; what is left then counts as dropped. Later entries are dropped. */
  stop(timeoutMs: number): Promise<void>;
}

/**
 * The audit log's way into the database: chained at once, in memory; then bounded, in the background, in multi-row inserts.
 * While the database is away entries wait; when the queue is full some are dropped and counted rather than a request
 * held up (SPEC M4, ABUSE 37): allowed ones first. At any time `accepted` = `written` + `dropped` + what still waits.
 */
export const createAuditQueue = (options: AuditQueueOptions): AuditQueue => {
  const { chains, clock, log, capacity, flushMs, batch, strictMs } = options;
  const counters = options.counters ?? newAuditCounters();
  const backlog = createAuditBacklog(capacity);
  const checkpoints = createCheckpoints(options);
  let flushers: { readonly until: number; readonly resolve: () => void }[] = [];
  const waiters = new Map<Linked, (isWritten: boolean) => void>();
  let timer: ReturnType<typeof setTimeout> | null = null;
  let isStopped = false;
  let droppedSince: Date | null = null;

  const answerFlushers = (): void => {
    if (flushers.length === 0) return;
    flushers = flushers.filter(({ until, resolve }) => {
      if (until > backlog.left) return true;
      resolve();
      return false;
    });
  };

  const settle = (linked: Linked, isWritten: boolean): void => {
    if (waiters.size === 0) return;
    waiters.get(linked)?.(isWritten);
    waiters.delete(linked);
  };

  const drop = (linked: Linked): void => {
    counters.dropped += 1;
    counters.droppedByClass[classOf(linked.entry)] += 1;
    chains.dropped(linked);
    settle(linked, false);
    if (droppedSince !== null) return;
    droppedSince = clock.now();
    log.error('audit entries are being dropped; check the database', {
      alert: 'audit_dropped',
      waiting: backlog.size,
      capacity,
    });
  };

  const pump = createAuditPump({
    ...options,
    backlog,
    counters,
    onWritten: (written) => {
      counters.written += written.length;
      chains.written(written);
      backlog.leave(written.length);
      for (const linked of written) settle(linked, true);
      answerFlushers();
    },
    onRefused: (linked) => {
      backlog.leave(1);
      drop(linked);
      answerFlushers();
    },
    onIdle: () => {
      checkpoints.sign();
      if (droppedSince === null || isStopped) return;
      log.warn('audit entries are being written again', {
        dropped: counters.dropped,
        since: droppedSince.toISOString(),
      });
      droppedSince = null;
    },
  });

  const start = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    pump.run();
  };

  const startIn = (milliseconds: number): void => {
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(start, milliseconds);
  };

  const flush = (): Promise<void> => {
    if (backlog.left >= backlog.entered) return Promise.resolve();
    const until = backlog.entered;
    const done = new Promise<void>((resolve) => flushers.push({ until, resolve }));
    pump.wake();
    start();
    return done;
  };

  /** Whether it got in. */
  const accept = (linked: Linked): boolean => {
    counters.accepted += 1;
    const gone = isStopped ? linked : backlog.add(linked);
    if (gone !== null) drop(gone);
    return gone !== linked;
  };

  const record = (draft: AuditDraft): Linked => {
    const linked = chains.link(draft);
    accept(linked);
    if (pump.isRunning || isStopped) return linked;
    if (backlog.size === batch && timer !== null) startIn(0);
    else timer ??= setTimeout(start, flushMs);
    return linked;
  };
  const repeats = createRepeatedRefusals(record, clock, options.refusals);

  return {
    counters,
    record,
    recordRepeated: (kind, draft) => repeats.note(kind, draft),

    recordStrictly: (draft) => {
      const linked = chains.link(draft);
      if (!accept(linked)) return { linked, isWritten: Promise.resolve(false) };
      const isWritten = new Promise<boolean>((resolve) => {
        const deadline = setTimeout(() => {
          // Taken back where that is still certain; what is under way may yet be written, and then says too much.
          if (backlog.withdraw(linked)) drop(linked);
          else settle(linked, false);
          answerFlushers();
        }, strictMs);
        waiters.set(linked, (answer) => {
          clearTimeout(deadline);
          resolve(answer);
        });
      });
      if (!pump.isRunning) startIn(0);
      return { linked, isWritten };
    },

    place: (linked) => chains.place(linked),
    checkpointOf: (grantId) => chains.checkpointOf(grantId),
    durable: (grantId) => chains.durable(grantId),
    chained: () => chains.chained(),
    seen: (grantId, checkpoint) => checkpoints.seen(grantId, checkpoint),
    flush,
    beat: () => pump.beat(),

    stop: async (timeoutMs) => {
      repeats.flush();
      isStopped = true;
      let deadline: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => (deadline = setTimeout(resolve, timeoutMs)));
      await Promise.race([flush().then(() => checkpoints.settled()), late]);
      if (timer !== null) clearTimeout(timer);
      timer = null;
      pump.giveUp();
      for (const linked of backlog.clear()) drop(linked);
      answerFlushers();
      checkpoints.stop();
      await Promise.race([pump.close(), late]);
      clearTimeout(deadline);
    },
  };
};
