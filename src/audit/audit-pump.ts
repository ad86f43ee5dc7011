import { gapText, type Linked } from '../../domain/audit/chain.ts';
import { isDataRefused } from '../../domain/database/state.ts';
import type { AuditCounters } from '../app/deps.ts';
import type { AuditBacklog } from './audit-backlog.ts';
import type { AuditQueueOptions } from './audit-queue-options.ts';

export interface AuditPump {
  readonly isRunning: boolean;
  /** Writes until nothing waits any more, unless it does so already. */
  run(): void;
  /** Tries again at once where it waits for the database. */
  wake(): void;
  beat(): Promise<void>;
  /** Whatever is under way: nothing more is begun. */
  giveUp(): void;
  /** Writes down what was dropped, and that this writer ended on purpose. Once, without trying again. */
  close(): Promise<void>;
}

interface PumpParts extends AuditQueueOptions {
  readonly backlog: AuditBacklog;
  readonly counters: AuditCounters;
  readonly onWritten: (written: readonly Linked[]) => void;
  /** The database takes the others, but not this one. */
  readonly onRefused: (linked: Linked) => void;
  readonly onIdle: () => void;
}

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;
/** The writer's row follows its counters by no more than this while it writes. */
const TOUCH_MS = 2_000;
const GAPS_AT_ONCE = 200;
/** Longer than a restart of the database takes. */
const STALLED_MS = 15_000;

/** The background side of the queue: what the database is told, and in which order. */
export const createAuditPump = (parts: PumpParts): AuditPump => {
  const { store, chainStore, chains, signer, clock, log, batch, backlog, counters } = parts;
  const startedAt = clock.now();
  let wake: (() => void) | null = null;
  let isRunning = false;
  let isGivenUp = false;
  let isOpen = false;
  let touchedAt = 0;

  const pause = (milliseconds: number): Promise<void> =>
    new Promise((resolve) => {
      const handle = setTimeout(resolve, milliseconds);
      wake = () => {
        clearTimeout(handle);
        resolve();
      };
    });

  const open = async (): Promise<void> => {
    if (isOpen) return;
    await chainStore.openWriter({
      id: chains.writerId,
      startedAt,
      isEphemeral: parts.isEphemeral ?? false,
    });
    isOpen = true;
  };

  const touch = async (stoppedAt: Date | null): Promise<void> => {
    touchedAt = clock.now().getTime();
    const { accepted, written, dropped } = counters;
    await chainStore.touchWriter(chains.writerId, {
      seenAt: clock.now(),
      stoppedAt,
      accepted,
      written,
      dropped,
    });
  };

  /** Before the entries that come after them, so that what is signed as committed is all there. */
  const writeGaps = async (): Promise<void> => {
    while (chains.hasGaps) {
      const gaps = chains.takeGaps(GAPS_AT_ONCE);
      try {
        const at = clock.now();
        await chainStore.insertGaps(
          await Promise.all(
            gaps.map(async (gap) => ({ ...gap, at, signature: await signer.sign(gapText(gap)) })),
          ),
        );
        chains.gapsWritten(gaps);
      } catch (error) {
        if (!isDataRefused(error)) {
          chains.returnGaps(gaps);
          throw error;
        }
        log.error('gaps of the audit log were refused by the database', { error: error as Error });
      }
    }
  };

  const write = async (entries: readonly Linked[]): Promise<void> => {
    if (entries.length === 0 || isGivenUp) return;
    try {
      await store.insertMany(entries.map(({ entry }) => entry));
      // Given up by `stop` meanwhile: these are counted as dropped already.
      if (!isGivenUp) parts.onWritten(entries);
    } catch (error) {
      // Away, read-only, another login: the entries wait. Only data that the database looked at and refused is given up.
      if (!isDataRefused(error)) throw error;
      // Look for the entry it does not take, and lose no other.
      const [only] = entries;
      if (entries.length > 1) {
        const half = Math.ceil(entries.length / 2);
        await write(entries.slice(0, half));
        await write(entries.slice(half));
      } else if (only !== undefined && !isGivenUp) {
        log.error('the database refused an audit entry', { error: error as Error });
        parts.onRefused(only);
      }
    }
  };

  const round = async (): Promise<void> => {
    await open();
    await writeGaps();
    await write(backlog.take(batch));
    if (clock.now().getTime() - touchedAt >= TOUCH_MS) await touch(null);
  };

  const work = async (): Promise<void> => {
    let retryMs = FIRST_RETRY_MS;
    let awaySince: number | null = null;
    let isTold = false;
    const isDue = (): boolean => !isGivenUp && (backlog.size > 0 || chains.hasGaps);
    while (isDue()) {
      const from = clock.now().getTime();
      try {
        await round();
        retryMs = FIRST_RETRY_MS;
        awaySince = null;
        isTold = false;
      } catch (error) {
        if (isGivenUp) break;
        if (retryMs === FIRST_RETRY_MS)
          log.warn('audit entries wait for the database', { error: error as Error });
        // An insert may hang for long before it fails.
        awaySince ??= from;
        if (!isTold && clock.now().getTime() - awaySince >= STALLED_MS) {
          isTold = true;
          log.error('the audit log cannot be written; check the database', {
            alert: 'audit_stalled',
            waiting: backlog.size,
          });
        }
        await pause(retryMs);
        retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
      }
    }
    isRunning = false;
    if (!isGivenUp) parts.onIdle();
  };

  return {
    get isRunning() {
      return isRunning;
    },
    run: () => {
      if (isRunning) return;
      isRunning = true;
      void work();
    },
    wake: () => wake?.(),
    beat: async () => {
      await open();
      await touch(null);
    },
    giveUp: () => {
      isGivenUp = true;
      wake?.();
    },
    close: async () => {
      if (!isOpen) return;
      try {
        await writeGaps();
        // A writer that may start anew with the next request has not come to its end.
        await touch(parts.isEphemeral === true || chains.hasGaps ? null : clock.now());
      } catch (error) {
        log.warn('the end of the audit log’s writer was not recorded', { error: error as Error });
      }
    },
  };
};
