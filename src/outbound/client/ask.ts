import { MosaicError, type ErrorCode } from '../../../domain/errors.ts';
import type { AskedPeer } from '../../../domain/ports/peers.ts';
import { err, type Result } from '../../../domain/result.ts';
import { abortable } from './body.ts';
import { callPeer } from './call.ts';
import type { Attempt } from './circuit.ts';
import { isGivenUp, type Deadline } from '../../kernel/deadline.ts';
import { peerFailure, type PeerFailure } from './failure.ts';
import type { Outbound } from '../outbound.ts';
import { readTerms, type Terms } from '../../protocol/cache-policy.ts';
import type { WatchCall } from './watched.ts';

/** On whose behalf, and how long, a peer is asked. */
export interface Asking {
  readonly outbound: Outbound;
  readonly traceparent: string;
  /** Absent where nobody watches. */
  readonly watch?: WatchCall;
  readonly deadline: Deadline;
  /** Told of the bytes of answers, as they come; absent where nobody counts. */
  readonly weigh?: (bytes: number) => void;
  /** Looks at a failure for a revocation, and marks it as one that is proven. */
  readonly learn: (peer: AskedPeer, failure: PeerFailure) => Promise<PeerFailure>;
}

/** One question to a peer. Always a GET, so that asking twice does no harm. */
export interface Question<T> {
  /** Below `/federation/v1/`. */
  readonly path: string;
  /** Longest answer accepted. */
  readonly maxBytes: number;
  /** Makes the value of the parsed JSON, or null when it is not acceptable. */
  readonly read: (json: unknown) => T | null;
}

export interface Reply<T> {
  readonly result: Result<T, PeerFailure>;
  /** What the peer said about keeping it, with an answer of any kind; null when there was none. */
  readonly terms: Terms | null;
}

/** The peer answered, whatever it decided: these refusals say nothing bad about the peer or the grant. */
const ANSWERS: readonly (ErrorCode | null)[] = [
  'resource_excluded',
  'resource_not_granted',
  'not_found',
  'invalid_cursor',
  'invalid_request',
];

/** What this gateway needs for asking is not there: no verdict on the peer. */
export const ownFault = (cause: unknown): PeerFailure =>
  peerFailure('unavailable', {
    message: 'This gateway could not call the peer because of an error of its own.',
    cause,
  });

/** No answer came: the deadline passed, the call was given up, or it could not be made. */
const unansweredBy = (signal: AbortSignal, cause: unknown): PeerFailure => {
  if (!signal.aborted) return ownFault(cause);
  return peerFailure(isGivenUp(signal) ? 'peer_unreachable' : 'peer_timeout', { cause });
};

const FIRST_PAUSE_MS = 50;

/** Half of `most` to all of it, so that those who failed together do not come back together. */
const jittered = (most: number): number => most * (0.5 + Math.random() / 2);

/** Waits, or ends early with the signal. */
const pause = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener('abort', end, { once: true });
  });

/** Only a call that came to no answer at all: what a peer or its proxy has said is not asked for again at once. */
const isWorthAnother = (result: Result<unknown, PeerFailure>): boolean =>
  !result.ok &&
  result.error.code === 'peer_unreachable' &&
  result.error.peerCode === null &&
  result.error.retryAfterSeconds === null;

/**
 * Asks one peer: with its breaker around each call, again when a call did not get through, all within the deadline. Total.
 */
export const ask = async <T>(peer: AskedPeer, question: Question<T>, asking: Asking): Promise<Reply<T>> => {
  const { outbound, traceparent, learn } = asking;
  const { signal } = asking.deadline;
  const { circuits, health, clients, revocations, witness } = outbound;
  const { path, maxBytes, read } = question;
  const url = `${peer.federationUrl}/federation/v1/${path}`;
  let terms: Terms | null = null;

  const call = async (isProbe: boolean): Promise<Attempt<T>> => {
    // A probe decides for everyone, so it has its own time, whoever went away meanwhile.
    const own = isProbe ? AbortSignal.timeout(outbound.timeoutMs) : signal;
    const heard = (headers: Headers): void => {
      terms = readTerms(headers);
      witness.note(peer.id, headers);
    };
    const client = await clients.use(peer);
    const seen = witness.show(peer.id);
    const token = revocations.tokenFor(peer.id);
    const epoch = {
      token: token instanceof Promise ? await token : token,
      note: (answered: string | null) => revocations.note(peer.id, answered),
    };
    const { weigh } = asking;
    const request = {
      now: () => outbound.clock.now(),
      client,
      url,
      traceparent,
      signal: own,
      maxBytes,
      heard,
      seen,
      epoch,
      ...(weigh === undefined ? {} : { weigh }),
    };
    const result = await callPeer(request, read);
    // A call that was given up, because another peer had the answer, says nothing about this one.
    const givenUp = !result.ok && isGivenUp(own);
    if (result.ok) health.note(peer.id, null);
    else if (!givenUp) {
      const { peerCode, code, reason } = result.error;
      health.note(peer.id, ANSWERS.includes(peerCode) ? null : (peerCode ?? reason ?? code));
      return { result: err(await learn(peer, result.error).catch(() => result.error)), givenUp };
    }
    return { result, givenUp };
  };

  try {
    await clients.use(peer);
  } catch (cause) {
    if (cause instanceof MosaicError && cause.code === 'database_unavailable')
      return { result: err(ownFault(cause)), terms: null };
    // Our own key does not open, or the enrollment is incomplete: nothing was sent, and nothing is said of the peer.
    const message = 'This gateway cannot use the certificate and key that it holds for the peer.';
    health.note(peer.id, 'peer_unreachable');
    return { result: err(peerFailure('peer_unreachable', { message, cause })), terms: null };
  }
  for (let again = 0; ; again += 1) {
    terms = null;
    const result = await abortable(signal, circuits.run(peer.id, call)).catch(
      (cause: unknown): Result<T, PeerFailure> => err(unansweredBy(signal, cause)),
    );
    const isLast = again >= outbound.retries || !isWorthAnother(result);
    if (isLast || circuits.of(peer.id).state !== 'closed') return { result, terms };
    await pause(jittered(FIRST_PAUSE_MS * 4 ** again), signal);
    if (signal.aborted) return { result, terms };
  }
};
