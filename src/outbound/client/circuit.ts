import type { CircuitBreakerPolicy } from 'cockatiel';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../../domain/ports/basics.ts';
import { err, type Result } from '../../../domain/result.ts';
import { peerFailure, type PeerFailure } from './failure.ts';

/** How this process stands to a peer: `open` means that it is not asked. */
export interface Circuit {
  readonly state: 'closed' | 'open' | 'half_open';
  /** Since when it is not closed, or when it was closed again; null when it never opened. */
  readonly since: Date | null;
  /** From when on one call tries, while it is open. */
  readonly nextProbe: Date | null;
}

export interface CircuitOptions {
  /** Failed calls in a row that open it. */
  readonly failures: number;
  readonly cooldownMs: number;
  /** Longest time a probe may take: after it the probe is taken for lost, and the next call is one. */
  readonly probeMs: number;
}

/** What a call came to. `givenUp`: the caller went away, so that it says nothing of the peer. */
export interface Attempt<T> {
  readonly result: Result<T, PeerFailure>;
  readonly givenUp: boolean;
}

/**
 * A breaker for each peer, in this replica. What counts is failure of reach: no connection, no answer in time, an answer
 * that is not understood, a 5xx. A denial is an answer like any other (SPEC M5-4, M5-5).
 */
export interface Circuits {
  /**
   * Runs the call, or fails at once while the circuit is open or its probe is under way.
   * @param call is told whether it is the probe: that one must run to its end, whoever waits for it
   * @throws what the call throws: a fault of our own, which says nothing of the peer and neither opens nor closes its circuit
   */
  run<T>(peerId: string, call: (isProbe: boolean) => Promise<Attempt<T>>): Promise<Result<T, PeerFailure>>;
  of(peerId: string): Circuit;
}

type Library = typeof import('cockatiel');

/** Loaded by the first call: it aborts a signal as it loads, which workerd allows in a request only. */
let loading: Promise<Library> | null = null;
const loaded = (): Promise<Library> => (loading ??= import('cockatiel'));

const MAX_PEERS = 10_000;
const CLOSED: Circuit = { state: 'closed', since: null, nextProbe: null };

/** A call that counts neither as success nor as failure: only what is thrown past the breaker does that. */
class NoVerdict extends Error {
  readonly attempt: Attempt<unknown>;

  constructor(attempt: Attempt<unknown>) {
    super('the call was given up');
    this.name = 'NoVerdict';
    this.attempt = attempt;
  }
}

/** @param result of a call; its type is lost in the breaker's own */
const isFailureOfReach = (result: unknown): boolean => {
  const { ok, error } = result as Result<unknown, PeerFailure> & { readonly error?: PeerFailure };
  return !ok && error !== undefined && error.code !== 'peer_refused' && !error.tooLarge;
};

interface Held {
  readonly library: Library;
  readonly breaker: CircuitBreakerPolicy;
  /** When it opened first, or closed again. */
  since: Date | null;
  nextProbe: Date | null;
  /** When the probe that is under way began, in milliseconds since the epoch. */
  probingSince: number;
}

/** @returns what may be kept for longer than a request, where a runtime starts anew for each: no connection is in it */
export const createCircuits = ({ failures, cooldownMs, probeMs }: CircuitOptions, clock: Clock): Circuits => {
  const all = new LRUCache<string, Held>({ max: MAX_PEERS });

  /** @param before whose probe was lost: the new one is open, and its next call is a probe */
  const make = (peerId: string, library: Library, before: Held | null): Held => {
    const breaker = library.circuitBreaker(library.handleWhenResult(isFailureOfReach), {
      breaker: new library.ConsecutiveBreaker(failures),
      halfOpenAfter: cooldownMs,
      ...(before === null ? {} : { initialState: before.breaker.toJSON() }),
    });
    const { since, nextProbe } = before ?? { since: null, nextProbe: null };
    const made: Held = { library, breaker, since, nextProbe, probingSince: 0 };
    breaker.onHalfOpen(() => {
      made.probingSince = clock.now().getTime();
    });
    breaker.onBreak(() => {
      const now = clock.now();
      // A probe that failed prolongs the same outage.
      if (made.nextProbe === null) made.since = now;
      made.nextProbe = new Date(now.getTime() + cooldownMs);
    });
    breaker.onReset(() => {
      made.since = clock.now();
      made.nextProbe = null;
    });
    all.set(peerId, made);
    return made;
  };

  const heldOf = (peerId: string, library: Library): Held => {
    const known = all.get(peerId);
    if (known === undefined) return make(peerId, library, null);
    const isProbing = known.breaker.state === library.CircuitState.HalfOpen;
    // Whoever went away with its request, as on Workers, ended the probe without a verdict.
    const isLost = isProbing && clock.now().getTime() - known.probingSince > probeMs;
    return isLost ? make(peerId, library, known) : known;
  };

  const openFailure = ({ nextProbe }: Held): PeerFailure => {
    const left = nextProbe === null ? 0 : nextProbe.getTime() - clock.now().getTime();
    return peerFailure('peer_circuit_open', { retryAfterSeconds: Math.max(1, Math.ceil(left / 1000)) });
  };

  return {
    run: async (peerId, call) => {
      const held = heldOf(peerId, all.get(peerId)?.library ?? (await loaded()));
      const { breaker } = held;
      const { BrokenCircuitError, CircuitState } = held.library;
      // The library lets others wait for the probe's outcome; here they would wait for a peer that is down.
      if (breaker.state === CircuitState.HalfOpen) return err(openFailure(held));
      let fault: { readonly error: unknown } | null = null;
      /** What is thrown past the breaker counts neither way, but past its probe it would close the circuit. */
      const probe = async (): Promise<Awaited<ReturnType<typeof call>>['result']> => {
        try {
          return (await call(true)).result;
        } catch (error) {
          fault = { error };
          return err(peerFailure('unavailable', { cause: error }));
        }
      };
      const askOnce = async () => {
        if (breaker.state === CircuitState.HalfOpen) return probe();
        const attempt = await call(false);
        if (attempt.givenUp) throw new NoVerdict(attempt);
        return attempt.result;
      };
      try {
        const result = await breaker.execute(askOnce);
        // The circuit stays open, and the next probe finds out about the peer: this one ended by a fault of our own.
        if (fault !== null) throw (fault as { readonly error: unknown }).error;
        return result;
      } catch (error) {
        if (error instanceof BrokenCircuitError) return err(openFailure(held));
        if (error instanceof NoVerdict)
          return error.attempt.result as Awaited<ReturnType<typeof call>>['result'];
        throw error;
      }
    },

    of: (peerId) => {
      const held = all.peek(peerId);
      if (held === undefined) return CLOSED;
      const { breaker, since, nextProbe } = held;
      const { CircuitState } = held.library;
      if (breaker.state === CircuitState.HalfOpen) return { state: 'half_open', since, nextProbe };
      return breaker.state === CircuitState.Open
        ? { state: 'open', since, nextProbe }
        : { state: 'closed', since, nextProbe: null };
    },
  };
};
