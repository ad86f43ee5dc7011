import { MosaicError } from '../../domain/errors.ts';
import type { HeldWork, WorkInFlight } from '../../domain/ports/work.ts';

export interface WorkLimits {
  /** Bytes of work at once, of everybody. */
  readonly bytes: number;
  /** Bytes of one party at once, its answers that are being sent included. A single one that is larger runs alone. */
  readonly partyBytes: number;
  /** The same of a party that is a peer. */
  readonly peerBytes: number;
  /** Pieces of work of one party at once. */
  readonly partyRunning: number;
  /** Bytes of answers that are being sent, of everybody: beyond, the oldest of the party with the most is cut off. */
  readonly sendingBytes: number;
  /** How many may wait, in all and of one party. */
  readonly waiting: number;
  readonly partyWaiting: number;
  /** Longest wait, in milliseconds. */
  readonly waitMs: number;
}

/** docs/explanation/architecture.md ("Work in flight") tells of them. */
export const WORK_LIMITS: WorkLimits = {
  bytes: 64 * 1024 * 1024,
  partyBytes: 8 * 1024 * 1024,
  peerBytes: 8 * 1024 * 1024,
  partyRunning: 32,
  sendingBytes: 128 * 1024 * 1024,
  waiting: 8_192,
  partyWaiting: 1_024,
  waitMs: 25_000,
};

/**
 * Where the database runs on the loop itself (PGlite), it answers one at a time, and a page of control characters holds the loop for 70 ms:
 * one large page of a peer at a time leaves room for the others between two of them (F-5).
 */
export const EMBEDDED_WORK_LIMITS: WorkLimits = { ...WORK_LIMITS, peerBytes: 2 * 1024 * 1024 };

/** When the queue is full, or no turn came. */
const RETRY_AFTER_SECONDS = 1;

const full = (): MosaicError =>
  new MosaicError('unavailable', {
    detail: 'The gateway is working on too many requests now.',
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });

interface Waiter {
  readonly bytes: number;
  readonly start: (held: HeldWork) => void;
  isOver: boolean;
}

interface Sending {
  readonly cut: () => void;
  readonly bytes: number;
}

/** What one party has under way. There is none for a party with nothing. */
interface Party {
  readonly name: string;
  readonly mostBytes: number;
  running: number;
  bytes: number;
  waiting: number;
  /** Oldest first. */
  readonly sending: Set<Sending>;
  sendingBytes: number;
  /** By holder, the one whose turn is next first. */
  readonly queues: Map<string, Waiter[]>;
}

/** Takes the first of a map and puts it last. */
const rotate = <V>(map: Map<string, V>, key: string, value: V): void => {
  map.delete(key);
  map.set(key, value);
};

/**
 * Bounds what all requests of this process take at once, in bytes, and shares it fairly (FAULTS F-5): one party's worst holds up
 * nobody else. Memory of its own is bounded by the number of waiting requests.
 */
export const createWorkInFlight = (limits: WorkLimits = WORK_LIMITS): WorkInFlight => {
  const parties = new Map<string, Party>();
  /** Those with somebody waiting, the one whose turn is next first. */
  const turns = new Map<string, Party>();
  const state = { bytes: 0, sending: 0, waiting: 0 };
  /** Somebody waits for room that nobody has: who comes later does not overtake. */
  let isFull = false;

  const partyOf = (name: string, isPeer: boolean): Party => {
    const known = parties.get(name);
    if (known !== undefined) return known;
    const made: Party = {
      name,
      mostBytes: isPeer ? limits.peerBytes : limits.partyBytes,
      running: 0,
      bytes: 0,
      waiting: 0,
      sending: new Set(),
      sendingBytes: 0,
      queues: new Map(),
    };
    parties.set(name, made);
    return made;
  };

  const hasOwnRoom = (party: Party, bytes: number): boolean => {
    if (party.running >= limits.partyRunning) return false;
    const isAlone = party.running === 0 && party.sending.size === 0;
    return isAlone || party.bytes + party.sendingBytes + bytes <= party.mostBytes;
  };

  const hasRoom = (bytes: number): boolean => state.bytes === 0 || state.bytes + bytes <= limits.bytes;

  const forget = (party: Party): void => {
    if (party.running > 0 || party.waiting > 0 || party.sending.size > 0) return;
    parties.delete(party.name);
    // Another one of that name may come before its turn would have.
    turns.delete(party.name);
  };

  const cutOldest = (): void => {
    let most: Party | null = null;
    for (const party of parties.values()) if (party.sendingBytes > (most?.sendingBytes ?? 0)) most = party;
    const [oldest] = most?.sending ?? [];
    oldest?.cut();
  };

  const admit = (party: Party, reserved: number, hasWaited: boolean): HeldWork => {
    let bytes = reserved;
    let phase: 'running' | 'sending' | 'over' = 'running';
    let sent: Sending | null = null;
    party.running += 1;
    party.bytes += bytes;
    state.bytes += bytes;

    const grow = (by: number): void => {
      if (phase !== 'running') return;
      party.bytes += by;
      state.bytes += by;
      bytes += by;
    };
    const stopRunning = (): void => {
      grow(-bytes);
      party.running -= 1;
    };
    const release = (): void => {
      if (phase === 'over') return;
      if (phase === 'running') stopRunning();
      phase = 'over';
      if (sent !== null) {
        party.sending.delete(sent);
        party.sendingBytes -= sent.bytes;
        state.sending -= sent.bytes;
      }
      forget(party);
      next();
    };
    return {
      hasWaited,
      get isSending() {
        return phase === 'sending';
      },
      grow,
      send: (size, cut) => {
        if (phase !== 'running') return;
        stopRunning();
        phase = 'sending';
        sent = {
          bytes: size,
          cut: () => {
            release();
            cut();
          },
        };
        party.sending.add(sent);
        party.sendingBytes += size;
        state.sending += size;
        if (state.sending > limits.sendingBytes) cutOldest();
        next();
      },
      release,
    };
  };

  /** The waiter whose turn it is in a party; those that gave up are dropped on the way. */
  const firstOf = (party: Party): { readonly holder: string; readonly queue: Waiter[] } | null => {
    for (const [holder, queue] of party.queues) {
      while (queue[0]?.isOver === true) queue.shift();
      if (queue.length > 0) return { holder, queue };
      party.queues.delete(holder);
    }
    return null;
  };

  /**
   * Starts whatever fits, party after party. One that has no room of its own is passed over; where there is none for anybody, the
   * party whose turn it is keeps it, so that small work does not go past large work for ever.
   */
  const next = (): void => {
    isFull = false;
    for (let passed = 0; passed < turns.size;) {
      const [party] = turns.values();
      if (party === undefined) return;
      const first = firstOf(party);
      const waiter = first?.queue[0];
      if (first === null || waiter === undefined) {
        turns.delete(party.name);
        continue;
      }
      const isPassed = !hasOwnRoom(party, waiter.bytes);
      if (!isPassed && !hasRoom(waiter.bytes)) {
        isFull = true;
        return;
      }
      rotate(turns, party.name, party);
      passed = isPassed ? passed + 1 : 0;
      if (isPassed) continue;
      first.queue.shift();
      rotate(party.queues, first.holder, first.queue);
      waiter.start(admit(party, waiter.bytes, true));
    }
  };

  const wait = (party: Party, holder: string, bytes: number): Promise<HeldWork> =>
    new Promise((resolve, reject) => {
      party.waiting += 1;
      state.waiting += 1;
      const leave = (): void => {
        clearTimeout(timer);
        waiter.isOver = true;
        party.waiting -= 1;
        state.waiting -= 1;
      };
      const waiter: Waiter = {
        bytes,
        isOver: false,
        start: (held) => {
          leave();
          resolve(held);
        },
      };
      const timer = setTimeout(() => {
        leave();
        while (queue[0]?.isOver === true) queue.shift();
        forget(party);
        reject(full());
      }, limits.waitMs);
      const queue = party.queues.get(holder) ?? [];
      queue.push(waiter);
      party.queues.set(holder, queue);
      if (!turns.has(party.name)) turns.set(party.name, party);
      if (hasOwnRoom(party, bytes)) isFull = true;
    });

  return {
    state,
    enter: async ({ party: name, holder, isPeer = false }, bytes) => {
      const party = partyOf(name, isPeer);
      if (party.waiting === 0 && !isFull && hasOwnRoom(party, bytes) && hasRoom(bytes))
        return admit(party, bytes, false);
      if (state.waiting >= limits.waiting || party.waiting >= limits.partyWaiting) {
        forget(party);
        throw full();
      }
      return wait(party, holder, bytes);
    },
  };
};
