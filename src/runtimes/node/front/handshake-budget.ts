import { addressBucket } from '../../../kernel/address-bucket.ts';
import type { HttpLimits } from '../http/http-limits.ts';

type Limits = Pick<HttpLimits, 'handshakeMsPerAddress' | 'handshakeMsTogether' | 'handshakeBurstMs'>;

/** Milliseconds: of a clock that never goes back, and of CPU that this thread has taken. */
export interface BudgetClocks {
  readonly now: () => number;
  readonly cpu: () => number;
}

/** What the handshake of one connection takes of the loop. */
export interface HandshakeAccount {
  /** Starts the next piece of work, at once or when it may. @returns what takes that back */
  readonly turn: (start: () => void) => () => void;
  /** OpenSSL works for this connection from here on, until `end`. */
  readonly begin: () => void;
  readonly end: () => void;
  /** Its client has shown a certificate that OpenSSL accepted. */
  readonly proven: () => void;
}

const NOTHING = (): void => undefined;

/** Where nobody has to be protected from what a handshake takes. */
export const FREE: HandshakeAccount = {
  turn: (start) => {
    start();
    return NOTHING;
  },
  begin: NOTHING,
  end: NOTHING,
  proven: NOTHING,
};

interface Share {
  readonly perSecond: number;
  left: number;
  at: number;
}

interface Payer extends Share {
  readonly address: string;
  /** Those of it that wait, in the order they came. */
  readonly waiting: Set<() => void>;
  /** Until when a peer has lately been here; 0: none has. */
  knownUntil: number;
}

/** After so much in one turn of the loop the others wait for the next: whoever else waits for the loop comes in between. */
const TURN_MS = 4;
/** What beginning a piece counts for beside what it takes, so that many of next to nothing are bounded too. */
const BEGUN_MS = 0.5;
/** How often those who wait for their share are looked at. */
const LOOK_MS = 20;
/** What a handshake costs whose client is a peer: little, because all that OpenSSL verified of it was signed by our authority. */
const PROVEN_PART = 0.1;
const KNOWN_MS = 3_600_000;
/** Addresses remembered, of strangers and of peers each. */
const MOST_ADDRESSES = 4_096;

const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
};
const CLOCKS: BudgetClocks = { now: () => performance.now(), cpu: cpuMs };

/**
 * How much of the loop's time handshakes take. A few certificates made to be dear fit into what a handshake may bring, and nobody can
 * see in TLS 1.3 what they are before OpenSSL has verified them. So the time is measured, and whoever has taken more than a share of it
 * waits with all that is left to do: an address by its own share, and all addresses together by one for strangers and one for
 * addresses from which a peer has lately come, so that strangers, from however many addresses, do not keep peers out. The address that
 * has used least goes first, and of one address the newest connection: whoever lets hundreds wait is no sooner served than who comes once.
 * @param tell called with an address that waits for its share, again and again while one does
 */
export const createHandshakeBudget = (
  limits: Limits,
  tell: (address: string) => void = NOTHING,
  { now, cpu }: BudgetClocks = CLOCKS,
) => {
  const burst = limits.handshakeBurstMs;
  const share = (perSecond: number): Share => ({ perSecond, left: burst, at: now() });
  const ofStrangers = share(limits.handshakeMsTogether);
  const ofKnown = share(limits.handshakeMsTogether);
  /** Least lately used first. A peer's stands in `known`, out of which no stranger pushes it. */
  const strangers = new Map<string, Payer>();
  const known = new Map<string, Payer>();
  const waiting = new Set<Payer>();
  let usedInTurn = 0;
  let isTurnOver = true;
  let isLooking = false;
  let isStarting = false;

  const leftOf = (one: Share, time = now()): number => {
    one.left = Math.min(burst, one.left + ((time - one.at) * one.perSecond) / 1_000);
    one.at = time;
    return one.left;
  };
  const keep = (payers: Map<string, Payer>, address: string, payer: Payer): void => {
    payers.delete(address);
    payers.set(address, payer);
    if (payers.size <= MOST_ADDRESSES) return;
    for (const oldest of payers.keys()) {
      payers.delete(oldest);
      return;
    }
  };
  const payerOf = (address: string): Payer => {
    const payer = known.get(address) ??
      strangers.get(address) ?? {
        ...share(limits.handshakeMsPerAddress),
        address,
        waiting: new Set(),
        knownUntil: 0,
      };
    if (payer.knownUntil > now()) {
      keep(known, address, payer);
      return payer;
    }
    known.delete(address);
    keep(strangers, address, payer);
    return payer;
  };
  const allOf = ({ knownUntil }: Payer, time = now()): Share => (knownUntil > time ? ofKnown : ofStrangers);

  /** Of those who may, the address that has used least. */
  const next = (): Payer | null => {
    let best: Payer | null = null;
    const time = now();
    const open = [ofStrangers, ofKnown].filter((all) => leftOf(all, time) > 0);
    for (const payer of open.length === 0 ? [] : waiting)
      if (open.includes(allOf(payer, time)) && leftOf(payer, time) > Math.max(0, best?.left ?? 0))
        best = payer;
    return best;
  };
  const takeBack = (payer: Payer, start: () => void): void => {
    payer.waiting.delete(start);
    if (payer.waiting.size === 0) waiting.delete(payer);
  };
  const look = (): void => {
    if (isStarting) return;
    isStarting = true;
    for (let payer = usedInTurn < TURN_MS ? next() : null; payer !== null;) {
      const start = [...payer.waiting].at(-1) ?? NOTHING;
      takeBack(payer, start);
      use(BEGUN_MS);
      start();
      payer = usedInTurn < TURN_MS ? next() : null;
    }
    isStarting = false;
    if (waiting.size === 0 || isLooking || usedInTurn >= TURN_MS) return;
    isLooking = true;
    for (const { address } of waiting) {
      tell(address);
      break;
    }
    setTimeout(() => {
      isLooking = false;
      look();
    }, LOOK_MS).unref();
  };
  const use = (ms: number): void => {
    usedInTurn += ms;
    if (!isTurnOver) return;
    isTurnOver = false;
    setImmediate(() => {
      isTurnOver = true;
      usedInTurn = 0;
      look();
    });
  };

  /** An account for a connection from an address. */
  return (remoteAddress: string | undefined): HandshakeAccount => {
    const address = addressBucket(remoteAddress ?? null);
    const paid: { readonly of: readonly Share[]; readonly ms: number }[] = [];
    let since: number | null = null;
    return {
      turn: (start) => {
        const payer = payerOf(address);
        payer.waiting.add(start);
        waiting.add(payer);
        look();
        return () => takeBack(payer, start);
      },
      begin: () => (since = cpu()),
      end: () => {
        if (since === null) return;
        const ms = cpu() - since;
        since = null;
        const payer = payerOf(address);
        const of = [payer, allOf(payer)];
        for (const one of of) one.left = leftOf(one) - ms;
        paid.push({ of, ms });
        use(ms);
      },
      proven: () => {
        for (const { of, ms } of paid.splice(0))
          for (const one of of) one.left = Math.min(burst, one.left + ms * (1 - PROVEN_PART));
        const payer = payerOf(address);
        payer.knownUntil = now() + KNOWN_MS;
        strangers.delete(address);
        keep(known, address, payer);
      },
    };
  };
};
