import { abortable } from '../client/body.ts';
import { createDeadline, isGivenUp, type Deadline } from '../../kernel/deadline.ts';
import { createPace } from './pace.ts';

/** What one of several who asked the same got. */
export interface Shared<T> {
  /** Somebody else's call had the answer. */
  readonly isJoined: boolean;
  readonly value: T;
}

export type StartCall<T> = (deadline: Deadline) => Promise<T>;

/** Makes one call of many questions that are the same. A call ends when nobody waits for it any more. */
export interface Flights {
  /** One call for all who ask the same at the same time, also for who comes while it is under way. */
  join<T>(key: string, own: Deadline, timeoutMs: number, start: StartCall<T>): Promise<Shared<T>>;
  /**
   * The same for answers that must not be older than the question: who comes after a call was sent waits for the next one, which is
   * one for all who wait, and leaves when the one before has come back or after `GATHER_MS`.
   */
  gather<T>(key: string, own: Deadline, timeoutMs: number, start: StartCall<T>): Promise<Shared<T>>;
  /** @returns how many different questions are kept: none once every call has come back or was given up */
  open(): number;
}

/** Longest time a question waits for others before it is sent, in milliseconds: only where the same one is under way already. */
const GATHER_MS = 100;

interface Flight {
  readonly result: Promise<unknown>;
  /** Nobody joins it any more, and what is still under way stops. */
  readonly end: () => void;
  waiting: number;
  isOver: boolean;
}

/** What was sent last, and what waits to be sent next. */
interface Queue {
  sent: Flight;
  next: Flight | null;
}

export const createFlights = (): Flights => {
  const flights = new Map<string, Flight>();
  const queues = new Map<string, Queue>();

  const pace = createPace();

  const board = async <T>(flight: Flight, own: Deadline, isJoined: boolean): Promise<Shared<T>> => {
    flight.waiting += 1;
    const { signal } = own;
    try {
      return { isJoined, value: (await abortable(signal, flight.result)) as T };
    } finally {
      flight.waiting -= 1;
      // One whose time is over ends by its own deadline, and counts as late; one that was given up says nothing of the peer. One that
      // has come back is over by that.
      if (flight.waiting === 0 && isGivenUp(signal)) flight.end();
      if (isJoined) await pace();
    }
  };

  const takeOff = (timeoutMs: number, start: StartCall<unknown>, onEnd: () => void): Flight => {
    const { deadline, giveUp } = createDeadline(timeoutMs);
    const end = (): void => {
      flight.isOver = true;
      onEnd();
      giveUp();
    };
    // Its time begins before that of the question it is for, so that a call that hangs is late and not given up.
    deadline.signal.throwIfAborted();
    const flight: Flight = { result: start(deadline).finally(end), end, waiting: 0, isOver: false };
    return flight;
  };

  /** Resolves when a call has come back, however, or after a while. */
  const afterwards = (before: Flight): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, GATHER_MS);
      const end = (): void => {
        clearTimeout(timer);
        resolve();
      };
      before.result.then(end, end);
    });

  /** Forgets a queue of which nothing is under way and nothing waits; whatever ends a call, or a wait for one, asks for it. */
  const tidy = (key: string): void => {
    const queue = queues.get(key);
    if (queue?.sent.isOver === true && queue.next === null) queues.delete(key);
  };

  const sendFirst = (key: string, timeoutMs: number, start: StartCall<unknown>): Flight =>
    takeOff(timeoutMs, start, () => tidy(key));

  const sendNext = (key: string, queue: Queue, timeoutMs: number, start: StartCall<unknown>): Flight => {
    let inner: Flight | null = null;
    const leave = (): void => {
      if (queue.next === next) queue.next = null;
      tidy(key);
    };
    const run = async (): Promise<unknown> => {
      await afterwards(queue.sent);
      // All who waited went away before it was sent.
      if (next.isOver) return null;
      try {
        inner = sendFirst(key, timeoutMs, start);
        queue.sent = inner;
      } finally {
        leave();
      }
      return inner.result;
    };
    const next: Flight = {
      result: run(),
      end: () => {
        next.isOver = true;
        inner?.end();
        leave();
      },
      waiting: 0,
      isOver: false,
    };
    return next;
  };

  return {
    open: () => flights.size + queues.size,

    join: (key, own, timeoutMs, start) => {
      const known = flights.get(key);
      if (known !== undefined) return board(known, own, true);
      const flight = takeOff(timeoutMs, start, () => {
        if (flights.get(key) === flight) flights.delete(key);
      });
      flights.set(key, flight);
      return board(flight, own, false);
    },

    gather: (key, own, timeoutMs, start) => {
      const queue = queues.get(key);
      if (queue === undefined) {
        const sent = sendFirst(key, timeoutMs, start);
        queues.set(key, { sent, next: null });
        return board(sent, own, false);
      }
      if (queue.next !== null) return board(queue.next, own, true);
      queue.next = sendNext(key, queue, timeoutMs, start);
      return board(queue.next, own, false);
    },
  };
};
