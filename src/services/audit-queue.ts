import type { AuditEntry } from '../../domain/audit/entry.ts';
import { MosaicError } from '../../domain/errors.ts';
import type { Clock, Log } from '../../domain/ports/basics.ts';
import type { AuditStore } from '../../domain/ports/federation.ts';
import type { AuditSink } from '../deps.ts';

export interface AuditQueueOptions {
  readonly store: Pick<AuditStore, 'insertMany'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Most entries that wait at once; what comes on top is dropped and counted. */
  readonly capacity: number;
  /** Longest an entry waits for company before it is written, in milliseconds. */
  readonly flushMs: number;
  /** Most rows of one insert. */
  readonly batch: number;
}

export interface AuditQueue extends AuditSink {
  /** Writes what waits, for at most `timeoutMs`; what is left then counts as dropped. Later entries are dropped. */
  stop(timeoutMs: number): Promise<void>;
}

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;

/**
 * The audit log's way into the database: bounded, in the background, in multi-row inserts. While the database
 * is away entries wait; when the queue is full they are dropped and counted rather than a request held up
 * (SPEC M4, ABUSE 37). At any time `accepted` = `written` + `dropped` + what still waits.
 */
export const createAuditQueue = (options: AuditQueueOptions): AuditQueue => {
  const { store, log, capacity, flushMs, batch } = options;
  const counters = { accepted: 0, written: 0, dropped: 0 };
  const waiting: AuditEntry[] = [];
  /** How many entries ever got in, and how many of those have left, in order. */
  let entered = 0;
  let left = 0;
  let flushers: { readonly until: number; readonly resolve: () => void }[] = [];
  let timer: ReturnType<typeof setTimeout> | null = null;
  let wake: (() => void) | null = null;
  let isPumping = false;
  let isStopped = false;
  let droppedSince: Date | null = null;

  const leave = (count: number): void => {
    waiting.splice(0, count);
    left += count;
    flushers = flushers.filter(({ until, resolve }) => {
      if (until > left) return true;
      resolve();
      return false;
    });
  };

  const drop = (count: number): void => {
    counters.dropped += count;
    if (droppedSince !== null) return;
    droppedSince = options.clock.now();
    log.error('audit entries are being dropped', {
      alert: 'audit_dropped',
      waiting: waiting.length,
      capacity,
    });
  };

  const pause = (milliseconds: number): Promise<void> =>
    new Promise((resolve) => {
      const handle = setTimeout(resolve, milliseconds);
      wake = () => {
        clearTimeout(handle);
        resolve();
      };
    });

  /** Writes the first `count` entries. @throws MosaicError `database_unavailable`: nothing of the rest was written */
  const write = async (count: number): Promise<void> => {
    if (count === 0) return;
    try {
      await store.insertMany(waiting.slice(0, count));
      // Given up by `stop` meanwhile: these are counted as dropped already.
      if (waiting.length === 0) return;
      counters.written += count;
      leave(count);
    } catch (error) {
      if (error instanceof MosaicError && error.code === 'database_unavailable') throw error;
      // The database answers but refuses: look for the entry it does not take, and lose no other.
      if (count > 1) {
        const half = Math.ceil(count / 2);
        await write(half);
        await write(Math.min(count - half, waiting.length));
        return;
      }
      log.error('an audit entry was refused by the database', { error: error as Error });
      drop(1);
      leave(1);
    }
  };

  const pump = async (): Promise<void> => {
    if (isPumping) return;
    isPumping = true;
    let retryMs = FIRST_RETRY_MS;
    while (waiting.length > 0) {
      try {
        await write(Math.min(batch, waiting.length));
        retryMs = FIRST_RETRY_MS;
      } catch (error) {
        if (waiting.length === 0) break;
        if (retryMs === FIRST_RETRY_MS)
          log.warn('audit entries wait for the database', { error: error as Error });
        await pause(retryMs);
        retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
      }
    }
    isPumping = false;
    if (droppedSince === null || isStopped) return;
    log.warn('audit entries are being written again', {
      dropped: counters.dropped,
      since: droppedSince.toISOString(),
    });
    droppedSince = null;
  };

  const start = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    wake?.();
    void pump();
  };

  const flush = (): Promise<void> => {
    if (left >= entered) return Promise.resolve();
    const done = new Promise<void>((resolve) => flushers.push({ until: entered, resolve }));
    start();
    return done;
  };

  return {
    counters,

    record: (entry) => {
      counters.accepted += 1;
      if (isStopped || waiting.length >= capacity) return drop(1);
      waiting.push(entry);
      entered += 1;
      if (isPumping) return;
      if (waiting.length === batch && timer !== null) {
        clearTimeout(timer);
        timer = setTimeout(start, 0);
      } else timer ??= setTimeout(start, flushMs);
    },

    flush,

    stop: async (timeoutMs) => {
      isStopped = true;
      let deadline: ReturnType<typeof setTimeout> | undefined;
      await Promise.race([flush(), new Promise((resolve) => (deadline = setTimeout(resolve, timeoutMs)))]);
      clearTimeout(deadline);
      if (timer !== null) clearTimeout(timer);
      if (waiting.length > 0) drop(waiting.length);
      leave(waiting.length);
      wake?.();
    },
  };
};
