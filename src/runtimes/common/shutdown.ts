import type { Log } from '../../../domain/ports/basics.ts';

/** What is left of the time that a shutdown may take. */
export interface Deadline {
  /** Milliseconds, never negative. */
  left(): number;
}

export const deadlineIn = (milliseconds: number): Deadline => {
  const end = performance.now() + milliseconds;
  return { left: () => Math.max(0, end - performance.now()) };
};

/**
 * Waits for a step, and no longer than that. What a step fails with, or that it took too long, is logged: the steps after it
 * run all the same.
 */
export const atMost = async (
  log: Log,
  name: string,
  milliseconds: number,
  step: () => unknown,
): Promise<void> => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<'late'>((resolve) => (timer = setTimeout(resolve, milliseconds, 'late')));
  try {
    if ((await Promise.race([step(), late])) === 'late')
      log.warn('a step of the shutdown took too long, so the gateway does not wait for it', { step: name });
  } catch (error) {
    log.warn('a step of the shutdown failed', { step: name, error: error as Error });
  } finally {
    clearTimeout(timer);
  }
};

/** A step that has not ended by then is not waited for. */
const STEP_MS = 1_000;

/** Undoes what was done so far, last first, whatever fails on the way. */
export const createUndo = (log: Log) => {
  const steps: (readonly [name: string, step: (leftMs: number) => unknown])[] = [];
  const run = async (deadline: Deadline): Promise<void> => {
    for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
      const [name, undoIt] = step;
      // The first to be opened is the last to be closed: what comes after this step gets its time as well.
      const fair = Math.max(STEP_MS, deadline.left() / (steps.length + 1));
      const leftMs = Math.min(deadline.left(), fair);
      await atMost(log, name, leftMs, () => undoIt(leftMs));
    }
  };
  return {
    add: (name: string, step: (leftMs: number) => unknown) => void steps.push([name, step]),
    run,
  };
};

export type Undo = Pick<ReturnType<typeof createUndo>, 'add'>;

/** Parts of the whole time: an answer under way, then the audit log, which must not be lost, then all else. */
const DRAIN_PART = 0.4;
const AUDIT_PART = 0.35;
const BACKGROUND_PART = 0.1;

export interface ShutdownOrder {
  /** Stops accepting, and lets answers under way finish for so long. */
  drain(graceMs: number): Promise<unknown>;
  readonly audit: { flush(): Promise<void> };
  /** Ends work in the background. Told at once, so that nothing new is begun while answers finish. */
  readonly background: readonly (() => Promise<void>)[];
  /** Ends the audit queue and closes what is open, within what is left. */
  finish(deadline: Deadline): Promise<void>;
}

/**
 * Stops a gateway within one deadline: accepting ends, the audit log is written out, and only then comes what can be
 * done again later. A certificate authority that is away holds up nothing: revocations that it has not heard of wait in the database.
 */
export const stopInOrder = async (log: Log, order: ShutdownOrder, totalMs: number): Promise<void> => {
  const deadline = deadlineIn(totalMs);
  const within = (part: number): number => Math.min(deadline.left(), totalMs * part);
  const ended = Promise.allSettled(order.background.map((stop) => stop()));
  const graceMs = within(DRAIN_PART);
  // The drain cuts what is left when its time is over, and needs a moment for that.
  await atMost(log, 'drain', graceMs + 250, () => order.drain(graceMs));
  await atMost(log, 'audit', within(AUDIT_PART), () => order.audit.flush());
  await atMost(log, 'background', within(BACKGROUND_PART), () => ended);
  await order.finish(deadline);
};
