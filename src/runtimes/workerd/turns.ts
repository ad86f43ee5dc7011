import { MosaicError } from '../../../domain/errors.ts';

export interface TurnLimits {
  /** Requests with connections at once, in this isolate. */
  readonly most: number;
  /** How many may wait; the next one is refused at once. */
  readonly waiting: number;
  /** Longest wait, in milliseconds. */
  readonly waitMs: number;
}

/** Bounds how many requests of an isolate have connections at once. The others wait, in the order they came. */
export interface Turns {
  /** @returns what gives the turn back @throws MosaicError `unavailable` when too many wait already, or no turn came */
  take(): Promise<() => void>;
  /** Requests with a turn, and requests that wait for one. */
  readonly state: { readonly running: number; readonly waiting: number };
}

interface Ticket {
  /** When its request last looked, in milliseconds since the epoch. */
  seenAt: number;
}

const LOOK_MS = 10;
/** A request that has not looked for so long was ended by the runtime. */
const LOST_MS = 5_000;
/** No request has its turn for longer: the runtime ends what goes on in the background after 30 seconds. */
const HELD_MS = 60_000;
const RETRY_AFTER_SECONDS = 1;

const full = (): MosaicError =>
  new MosaicError('unavailable', {
    detail: 'Too many requests wait for a connection to the database.',
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });

const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => void setTimeout(resolve, milliseconds));

/**
 * A runtime like workerd may end a request at any moment, and no other request can be told of it. So nobody waits for what
 * another request does: each looks by a timer of its own, and what was not given back is taken back after a while.
 */
export const createTurns = ({ most, waiting, waitMs }: TurnLimits, now: () => number): Turns => {
  const running = new Map<object, number>();
  let queue: Ticket[] = [];

  const clean = (): void => {
    const at = now();
    for (const [turn, since] of running) if (at - since > HELD_MS) running.delete(turn);
    if (queue.some(({ seenAt }) => at - seenAt > LOST_MS))
      queue = queue.filter(({ seenAt }) => at - seenAt <= LOST_MS);
  };

  const begin = (): (() => void) => {
    const turn = {};
    running.set(turn, now());
    return () => void running.delete(turn);
  };

  const wait = async (): Promise<() => void> => {
    const ticket: Ticket = { seenAt: now() };
    const until = ticket.seenAt + waitMs;
    queue.push(ticket);
    try {
      for (;;) {
        await sleep(LOOK_MS);
        ticket.seenAt = now();
        clean();
        const place = queue.indexOf(ticket);
        if (place === -1) queue.push(ticket);
        else if (place < most - running.size) return begin();
        if (ticket.seenAt > until) throw full();
      }
    } finally {
      queue = queue.filter((other) => other !== ticket);
    }
  };

  return {
    take: async () => {
      clean();
      if (queue.length === 0 && running.size < most) return begin();
      if (queue.length >= waiting) throw full();
      return wait();
    },
    get state() {
      return { running: running.size, waiting: queue.length };
    },
  };
};
