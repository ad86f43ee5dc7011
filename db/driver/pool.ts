import type { Answer, Connection, Shape } from './connection.ts';
import type { Param } from './driver.ts';
import { DatabaseFault, toMosaicError } from './errors.ts';
import { fits, isOutOfUse, isSilent, newSlot, sendOn, take, type Slot, type Statement } from './slot.ts';
import { createWaiting } from './waiting.ts';

/** How large a pool is and how long it waits. */
export interface PoolLimits {
  /** Most connections. */
  readonly max: number;
  /** Most statements under way on one connection (a transaction has one for itself). */
  readonly pipeline: number;
  /** Most statements and transactions that wait for a connection; the next one is refused at once. */
  readonly queueLimit: number;
  /** Longest a caller waits for a statement, the wait for a connection included, in milliseconds. */
  readonly deadlineMs: number;
  /** A connection without work is closed after so long, in milliseconds. */
  readonly idleMs: number;
  /** A connection is replaced after so long, in milliseconds. */
  readonly lifetimeMs: number;
}

export interface PoolParts extends PoolLimits {
  /**
   * Opens a connection that may be used at once.
   * @param abandoned sessions of this pool that nobody waits for any more: to be ended at the server
   */
  readonly open: (onOver: () => void, abandoned: readonly string[]) => Promise<Connection>;
  /** Names of those sessions that do nothing for anybody: to be asked on a fresh connection. */
  readonly lost: (connection: Connection, sessions: readonly string[]) => Promise<readonly string[]>;
  /** Told of each try to open a connection: null when it worked. */
  readonly onTried?: (error: Error | null) => void;
}

/** A connection for one caller alone. */
export interface Held {
  run(text: string, params: readonly Param[], shape: Shape): Promise<Answer>;
  release(): void;
}

export interface Pool {
  run(text: string, params: readonly Param[], shape: Shape): Promise<Answer>;
  hold(): Promise<Held>;
  /** Destroys every connection that there is: the next statement opens a new one. */
  retire(): void;
  close(): Promise<void>;
}

const TICK_MS = 1_000;
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 1_000;
const MOST_ABANDONED = 100;

const queueFull = (): DatabaseFault => new DatabaseFault('QUEUE_FULL', 'too much waits for the database');

/**
 * Connections to one server under one login. Every one of them is a client of postgres.js of its own, because its pool can
 * neither give up a single connection nor forget a statement that was not sent. A statement whose caller was told that it
 * failed is therefore either taken out of the queue, or its connection is destroyed, and the server ends that session as
 * soon as it answers anybody: what it had not read by then does not run.
 */
export const createPool = (parts: PoolParts): Pool => {
  const { max, pipeline, deadlineMs } = parts;
  const slots = new Set<Slot>();
  const waiting = createWaiting<Slot>(parts.queueLimit, queueFull);
  const abandoned = new Set<string>();
  let opening = 0;
  let isClosed = false;
  let failure: { readonly error: Error; readonly retryAt: number; readonly pauseMs: number } | null = null;
  let ticking: ReturnType<typeof setInterval> | null = null;
  let isLooking = false;

  const leastBusy = (isAlone: boolean): Slot | null => {
    let best: Slot | null = null;
    for (const slot of slots)
      if (fits(slot, isAlone, pipeline) && (best === null || slot.users < best.users)) best = slot;
    return best;
  };

  const serve = (): void => {
    for (let next = waiting.first(); next !== null; next = waiting.first()) {
      const slot = leastBusy(next.isAlone);
      if (slot === null) {
        grow();
        return;
      }
      waiting.shift();
      next.resolve(take(slot, next.isAlone));
    }
  };

  /** After a failure nobody tries until its pause is over: tries that overlap would go on without one. */
  const isPaused = (): boolean => failure !== null && performance.now() < failure.retryAt;

  /** Whoever waits for what cannot come now is told so. */
  const refuseWaiting = (): void => {
    if (failure !== null && slots.size === 0 && opening === 0) waiting.rejectAll(failure.error);
  };

  const forget = (slot: Slot): void => {
    slots.delete(slot);
    if (waiting.size === 0) return;
    if (isPaused()) refuseWaiting();
    else grow();
  };

  const giveUp = (slot: Slot): void => {
    const { session } = slot.connection;
    if (session !== null && abandoned.size < MOST_ABANDONED) abandoned.add(session);
    slot.connection.destroy();
    // Together with others that are given up in the same turn.
    if (!isLooking) setTimeout(onTick, 0);
    tick();
  };

  const open = async (): Promise<void> => {
    opening += 1;
    const ending = [...abandoned];
    try {
      let slot: Slot | null = null;
      const connection = await parts.open(() => {
        if (slot !== null) forget(slot);
      }, ending);
      for (const session of ending) abandoned.delete(session);
      failure = null;
      parts.onTried?.(null);
      slot = newSlot(connection);
      if (isClosed) void connection.end();
      else if (!connection.isOver) slots.add(slot);
      tick();
    } catch (error) {
      const pauseMs = failure === null ? FIRST_PAUSE_MS : Math.min(failure.pauseMs * 2, LAST_PAUSE_MS);
      failure = { error: toMosaicError(error), pauseMs, retryAt: performance.now() + pauseMs };
      parts.onTried?.(failure.error);
    } finally {
      opening -= 1;
    }
    refuseWaiting();
    serve();
  };

  /** Opens one more connection, as long as something waits that no opening one is for. */
  const grow = (): void => {
    if (!isClosed && !isPaused() && slots.size + opening < max && opening < Math.max(1, waiting.size))
      void open();
  };

  const slotFor = (isAlone: boolean, limitMs: number): Slot | Promise<Slot> => {
    if (isClosed) throw new DatabaseFault('CONNECTION_ENDED', 'the database was closed');
    const slot = waiting.size === 0 ? leastBusy(isAlone) : null;
    if (slot !== null) {
      // One connection carries it; a second one would carry it sooner.
      if (slot.users > 0 && opening === 0 && slots.size < max && !isPaused()) void open();
      return take(slot, isAlone);
    }
    if (failure !== null && isPaused() && slots.size === 0 && opening === 0) throw failure.error;
    const waited = waiting.push(isAlone, limitMs);
    grow();
    return waited;
  };

  const release = (slot: Slot): void => {
    slot.users -= 1;
    slot.isHeld = false;
    if (waiting.size > 0) serve();
  };

  const send = (slot: Slot, limitMs: number, statement: Statement): Promise<Answer> =>
    sendOn(slot, statement, limitMs, () => giveUp(slot));

  /** Ends what was given up, and asks the server whether it knows of what is under way on silent connections. */
  const lookAfter = async (silent: readonly Slot[]): Promise<void> => {
    isLooking = true;
    for (const slot of silent) slot.lookedAt = performance.now();
    let asking: Connection | null = null;
    const ending = [...abandoned];
    try {
      asking = await parts.open(() => undefined, ending);
      for (const session of ending) abandoned.delete(session);
      if (silent.length === 0) return;
      const sessions = silent.flatMap(({ connection }) => connection.session ?? []);
      const lost = new Set(await parts.lost(asking, sessions));
      for (const slot of silent) if (slots.has(slot) && lost.has(slot.connection.session ?? '')) giveUp(slot);
    } catch {
      // Nobody answers there: the statements' own deadlines hold.
    } finally {
      asking?.destroy();
      isLooking = false;
    }
  };

  const onTick = (): void => {
    const silent: Slot[] = [];
    for (const slot of slots) {
      if (isSilent(slot)) silent.push(slot);
      if (isOutOfUse(slot, parts)) {
        slots.delete(slot);
        void slot.connection.end();
      }
    }
    // What an earlier failure kept from opening one.
    if (waiting.size > 0) serve();
    if (silent.length + abandoned.size > 0 && !isLooking && !isClosed) void lookAfter(silent);
    if (slots.size + abandoned.size === 0) stopTicking();
  };
  const tick = (): void => {
    if (!isClosed) ticking ??= setInterval(onTick, TICK_MS);
  };
  const stopTicking = (): void => {
    if (ticking !== null) clearInterval(ticking);
    ticking = null;
  };

  return {
    run: async (text, params, shape) => {
      const from = performance.now();
      const found = slotFor(false, deadlineMs);
      const slot = found instanceof Promise ? await found : found;
      try {
        return await send(slot, deadlineMs - (performance.now() - from), [text, params, shape]);
      } finally {
        release(slot);
      }
    },
    hold: async () => {
      const slot = await slotFor(true, deadlineMs);
      let isReleased = false;
      return {
        run: async (text, params, shape) => {
          if (isReleased) throw new TypeError('a statement came after the end of its transaction');
          return send(slot, deadlineMs, [text, params, shape]);
        },
        release: () => {
          if (!isReleased) release(slot);
          isReleased = true;
        },
      };
    },
    retire: () => {
      for (const slot of slots) giveUp(slot);
    },
    close: async () => {
      isClosed = true;
      stopTicking();
      waiting.rejectAll(new DatabaseFault('CONNECTION_ENDED', 'the database was closed'));
      const ending = [...slots];
      await Promise.all(ending.map(({ connection }) => connection.end()));
    },
  };
};
