import type { ErrorCode } from '../../../domain/errors.ts';
import type { AskedPeer } from '../../../domain/ports/peers.ts';
import { err, ok, type Result } from '../../../domain/result.ts';
import { ask, ownFault, type Asking, type Question } from '../client/ask.ts';
import { cacheKey } from './cache.ts';
import type { Deadline } from '../../kernel/deadline.ts';
import type { Mark } from './epochs.ts';
import { peerFailure, type PeerFailure } from '../client/failure.ts';
import type { Kept } from './kept.ts';
import type { Sighting } from './sighting.ts';

/** One person's question to one of the own peers, whose answer may be kept. */
export interface Consulting extends Asking {
  /** Of the peer's row, read for this question. */
  readonly mark: Mark;
  /** The person wants it from the peer itself. */
  readonly isFresh: boolean;
  /** The person wants nothing of it stored (RFC 9111, `no-store`). */
  readonly isUnstored?: true;
  /** Told where the answer came from. */
  readonly sighting: Pick<Sighting, 'hit' | 'miss'>;
}

/** A question whose answer can be written down and read again. */
export interface Keepable<T> extends Question<T> {
  /** JSON that `read` makes the same value of. */
  readonly write: (value: T) => unknown;
}

/** Refusals of the grant as a whole: what it allowed before must not be served any more. */
const GRANT_REFUSALS: readonly (ErrorCode | null)[] = [
  'grant_unknown',
  'grant_pending',
  'grant_revoked',
  'grant_expired',
  'grant_subject_mismatch',
  'certificate_revoked',
  'certificate_untrusted',
  'certificate_invalid',
  'certificate_required',
  'forbidden',
];

interface Fetched<T> {
  readonly result: Result<T, PeerFailure>;
  readonly asOf: Date;
  readonly isStored: boolean;
  /** Something was learned while it was under way, by somebody else than itself. */
  readonly isLate: boolean;
}

/** Of a peer of which this process has learned that. */
export const REVOKED = peerFailure('peer_refused', {
  peerCode: 'grant_revoked',
  revoked: true,
  message: 'The peer is revoked at this gateway.',
});

/** Asks the peer itself, goes by what it says of its grant, and keeps the answer where that is allowed and still true. */
const fetchNow = async <T>(
  peer: AskedPeer,
  question: Keepable<T>,
  consulting: Consulting,
  key: string | null,
): Promise<Fetched<T>> => {
  const { outbound, mark } = consulting;
  const { epochs, cache, clock } = outbound;
  const asOf = clock.now();
  const { result, terms } = await ask(peer, question, consulting);
  const version = terms?.grantVersion ?? null;
  const standing = version === null ? 'same' : epochs.heard(mark, peer, version);
  if (!result.ok) {
    if (result.error.code === 'peer_refused' && GRANT_REFUSALS.includes(result.error.peerCode))
      epochs.refused(peer.id);
    return { result, asOf, isStored: false, isLate: false };
  }
  epochs.admitted(peer.id);
  cache.told(peer.id, terms?.maxAge ?? 0);
  const isLate = standing === 'late' || (standing === 'same' && epochs.isLate(mark));
  const isStored = key !== null && standing === 'same' && !isLate && epochs.isCurrent(mark);
  if (isStored) cache.put(key, { value: result.value, asOf }, question.write(result.value), peer);
  return { result, asOf, isStored, isLate };
};

/**
 * A question to a peer, answered from the cache while that holds, otherwise by the peer. An answer that was asked for before
 * something was learned of the grant is not used: it is asked for once more, or refused when the grant is revoked.
 */
export const consult = async <T>(
  peer: AskedPeer,
  question: Keepable<T>,
  consulting: Consulting,
): Promise<Result<T, PeerFailure>> => {
  const { outbound, mark, isFresh, deadline, sighting } = consulting;
  const { epochs, cache } = outbound;
  const allowed = cache.allowed(peer.id);
  const mayStore = consulting.isUnstored !== true;
  const mayKeep = mayStore && allowed !== 0 && epochs.isCurrent(mark);
  const key = mayKeep ? cacheKey(peer, question.path) : null;
  if (key !== null && !isFresh) {
    // The key holds the whole question, so what stands under it was read by the same reader.
    const hit =
      (cache.get(key) as Kept<T> | null) ??
      (await cache.shared(key, peer, question.read, () => epochs.isCurrent(mark)));
    if (hit !== null && epochs.isCurrent(mark)) {
      sighting.hit(hit);
      cache.count(true);
      return ok(hit.value);
    }
    cache.count(false);
  }
  const now = (own: Deadline, at: Mark, under: string | null): Promise<Fetched<T>> =>
    fetchNow(peer, question, { ...consulting, deadline: own, mark: at }, under);
  /** What has been kept since the question came, by the call that was waited for: it was asked for by the same person. */
  const nowOrKept = async (own: Deadline): Promise<Fetched<T> | Kept<T>> => {
    const at = epochs.again(mark);
    const limit = cache.allowed(peer.id);
    const under =
      mayStore && limit !== null && limit > 0 && epochs.isCurrent(at) ? cacheKey(peer, question.path) : null;
    const kept = under === null || isFresh ? null : (cache.get(under) as Kept<T> | null);
    return kept ?? now(own, at, under ?? key);
  };
  let fetched: Fetched<T>;
  let isJoined = false;
  const { flights } = cache;
  try {
    if (key === null || isFresh || allowed === null) {
      // Whoever wants nothing stored shares no call with somebody whose answer is.
      const kind = mayStore ? (isFresh ? 'fresh' : 'now') : 'unstored';
      const same = `${kind} ${cacheKey(peer, question.path)}`;
      const shared = await flights.gather(same, deadline, outbound.timeoutMs, nowOrKept);
      if ('until' in shared.value && epochs.isCurrent(mark)) {
        sighting.hit(shared.value);
        return ok(shared.value.value);
      }
      fetched = 'until' in shared.value ? await now(deadline, epochs.again(mark), null) : shared.value;
      ({ isJoined } = shared);
    } else {
      const flight = await flights.join(key, deadline, outbound.timeoutMs, (own) => now(own, mark, key));
      ({ value: fetched, isJoined } = flight);
    }
  } catch (cause) {
    // What comes of the peer is a result: only the time that is over, or a fault of our own, is thrown.
    return err(deadline.signal.aborted ? peerFailure('peer_timeout', { cause }) : ownFault(cause));
  }
  // What is learned while the second one is under way is met by the next question: only a revocation counts at once.
  if (fetched.isLate && !epochs.isRevoked(peer.id)) fetched = await now(deadline, epochs.again(mark), null);
  // The answer that proved it says so in its own words.
  if (epochs.isRevoked(peer.id))
    return !fetched.result.ok && fetched.result.error.revoked ? fetched.result : err(REVOKED);
  sighting.miss(fetched.asOf, { isFresh, isStored: fetched.isStored, isJoined, isKept: mayKeep });
  return fetched.result;
};
