import type { AuditDraft, Linked } from '../../domain/audit/chain.ts';
import type { Clock } from '../../domain/ports/basics.ts';

/** `action` of an entry that stands for several refusals. */
const COUNTED = 'counted:';

export interface RepeatedRefusals {
  /**
   * The first refusal of a kind in a minute is recorded at once; the others of that minute as one entry at its end, whose `action`
   * is `counted:<how many>`.
   *
   * @param kind what is counted together: who was refused, and why
   * @returns null for one that is counted
   */
  note(kind: string, draft: AuditDraft): Linked | null;
  /** Records what was counted so far, at shutdown. */
  flush(): void;
}

/** What was counted of a kind in its minute. */
interface Minute {
  readonly number: number;
  /** Beyond the first. */
  count: number;
  /** The newest of them. */
  last: AuditDraft;
}

/** By kind. Pure data, which outlives a request where a runtime starts anew for each. */
export type RefusalMinutes = Map<string, Minute>;

const MINUTE_MS = 60_000;
/** Kinds counted at once. The oldest gives way, and what was counted of it is recorded then. */
const MAX_KINDS = 10_000;

/**
 * Refusals that anybody can have as many of as they like, so that they neither fill the log nor push entries of others out of the
 * queue (FAULTS F-6).
 *
 * @param kept of earlier requests, where a runtime starts anew for each and no timer outlives one: what was counted in a minute is
 *   recorded by the first of these refusals after it
 */
export const createRepeatedRefusals = (
  record: (draft: AuditDraft) => Linked,
  clock: Clock,
  kept?: RefusalMinutes,
): RepeatedRefusals => {
  const minutes: RefusalMinutes = kept ?? new Map<string, Minute>();
  let timer: ReturnType<typeof setTimeout> | null = null;

  const settle = (kind: string, { count, last }: Minute): void => {
    minutes.delete(kind);
    if (count === 0) return;
    // A writer's entries never go back in time.
    record({
      ...last,
      at: clock.now(),
      action: `${COUNTED}${count}`,
      queryHash: null,
      latencyMs: 0,
      traceId: null,
    });
  };

  const minuteNow = (): number => Math.floor(clock.now().getTime() / MINUTE_MS);

  const settleAll = (isDue: (minute: Minute) => boolean): void => {
    for (const [kind, minute] of minutes) if (isDue(minute)) settle(kind, minute);
  };

  const settlePast = (): void => {
    const now = minuteNow();
    settleAll(({ number }) => number < now);
  };

  const wait = (): void => {
    if (kept !== undefined || timer !== null || minutes.size === 0) return;
    timer = setTimeout(
      () => {
        timer = null;
        settlePast();
        wait();
      },
      MINUTE_MS - (clock.now().getTime() % MINUTE_MS),
    );
    // Where a runtime can end while a timer waits, it flushes at its end.
    if (typeof timer === 'object' && 'unref' in timer) (timer as { unref(): void }).unref();
  };

  return {
    note: (kind, draft) => {
      const number = minuteNow();
      const known = minutes.get(kind);
      if (known?.number === number) {
        known.count += 1;
        known.last = draft;
        return null;
      }
      if (known !== undefined) settle(kind, known);
      if (kept !== undefined) settlePast();
      const [oldest] = minutes;
      if (minutes.size >= MAX_KINDS && oldest !== undefined) settle(...oldest);
      minutes.set(kind, { number, count: 0, last: draft });
      wait();
      return record(draft);
    },
    flush: () => {
      if (timer !== null) clearTimeout(timer);
      timer = null;
      if (kept === undefined) settleAll(() => true);
    },
  };
};
