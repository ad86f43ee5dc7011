import type { Answer, Connection } from './connection.ts';
import { DatabaseFault, toMosaicError } from './errors.ts';
import type { Pool, PoolParts, Within } from './pool-parts.ts';
import { fits, isOutOfUse, isSilent, newSlot, sendOn, take, type Slot, type Statement } from './slot.ts';
import { ANY_AGE, createWaiting, type Wish } from './waiting.ts';

const TICK_MS = 1_000;
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 1_000;
const MOST_ABANDONED = 100;

const queueFull = (): DatabaseFault => new DatabaseFault('QUEUE_FULL', 'too much waits for the database');
const closed = (): DatabaseFault => new DatabaseFault('CONNECTION_ENDED', 'the database was closed');
const late = (): DatabaseFault => new DatabaseFault('DEADLINE', 'the time of the request is over');

/**
 * Connections to one server under one login. Every one of them is a client of postgres.js of its own, because its pool can
 * neither give up a single connection nor forget a statement that was not sent. A statement whose caller was told that it
 * failed is therefore either taken out of the queue, or its connection is destroyed, and the server ends that session as
 * soon as it answers anybody: what it had not read by then does not run.
 */
export const createPool = (parts: PoolParts): Pool => {
  const { max, pipeline, deadlineMs } = parts;
  const limitOf = (within?: Within): number => Math.min(deadlineMs, within?.limitMs ?? deadlineMs);
  const slots = new Set<Slot>();
  const waiting = createWaiting<Slot>(parts.queueLimit, queueFull);
  const abandoned = new Set<string>();
  let opening = 0;
  let isClosed = false;
  let failure: { readonly error: Error; readonly retryAt: number; readonly pauseMs: number } | null = null;
  let ticking: ReturnType<typeof setInterval> | null = null;
  let isLooking = false;

  const leastBusy = ({ isAlone, bornAfter }: Wish): Slot | null => {
    let best: Slot | null = null;
    for (const slot of slots)
      if (slot.bornAt > bornAfter && fits(slot, isAlone, pipeline))
        if (best === null || slot.users < best.users) best = slot;
    return best;
  };

  const serve = (): void => {
    for (const next of waiting.all()) {
      const slot = leastBusy(next);
      if (slot !== null) next.resolve(take(slot, next.isAlone));
      else {
        grow();
        // Who wants a newer connection holds up nobody who does not.
        if (next.bornAfter === ANY_AGE) return;
      }
    }
  };

  /** After a failure nobody tries until its pause is over: tries that overlap would go on without one. */
  const isPaused = (): boolean => failure !== null && performance.now() < failure.retryAt;

  /** Whoever waits for what cannot come now is told so. */
  const refuseWaiting = (): void => {
    if (failure !== null && slots.size === 0 && opening === 0) waiting.reject(failure.error);
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
      waiting.reject(failure.error, ({ bornAfter }) => bornAfter !== ANY_AGE);
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

  const slotFor = (wish: Wish, limitMs: number): Slot | Promise<Slot> => {
    if (isClosed) throw closed();
    if (limitMs <= 0) throw late();
    const slot = waiting.size === 0 ? leastBusy(wish) : null;
    if (slot !== null) {
      // One connection carries it; a second one would carry it sooner.
      if (slot.users > 0 && opening === 0 && slots.size < max && !isPaused()) void open();
      return take(slot, wish.isAlone);
    }
    const isWithout = wish.bornAfter !== ANY_AGE || (slots.size === 0 && opening === 0);
    if (failure !== null && isPaused() && isWithout) throw failure.error;
    const waited = waiting.push(wish, limitMs);
    serve();
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
    run: async (text, params, shape, within) => {
      const from = performance.now();
      const limitMs = limitOf(within);
      const found = slotFor({ isAlone: false, bornAfter: within?.bornAfter ?? ANY_AGE }, limitMs);
      const slot = found instanceof Promise ? await found : found;
      try {
        return await send(slot, limitMs - (performance.now() - from), [text, params, shape]);
      } finally {
        release(slot);
      }
    },
    hold: async (within) => {
      const slot = await slotFor({ isAlone: true, bornAfter: ANY_AGE }, limitOf(within));
      let isReleased = false;
      return {
        run: async (text, params, shape, each) => {
          if (isReleased) throw new TypeError('a statement came after the end of its transaction');
          const limitMs = limitOf(each);
          if (limitMs > 0) return send(slot, limitMs, [text, params, shape]);
          // The transaction is open, and there is no time to end it in.
          giveUp(slot);
          throw late();
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
      waiting.reject(closed());
      const ending = [...slots];
      await Promise.all(ending.map(({ connection }) => connection.end()));
    },
  };
};
