import { LRUCache } from 'lru-cache';
import type { MosaicError } from '../../domain/errors.ts';
import type { Clock, TokenBucket } from '../../domain/ports/basics.ts';
import { takeFrom, type Bucket } from '../../domain/token-bucket.ts';
import { rateLimited } from './rate-limit.ts';
import { addressBucket } from './address-bucket.ts';

/** Keys that are remembered. Whoever comes under more of them has each of theirs forgotten, not those of others. */
const MAX_KEYS = 10_000;

/**
 * A limit by whatever key in this process. It is wider than the limit that replicas share, which counts exactly and is asked afterwards.
 *
 * @returns a function that counts a request under a key, and gives the error `rate_limited` for one too many, or null
 */
export const createKeyedLimit = (
  { clock }: { readonly clock: Clock },
  policy: string,
  bucket: TokenBucket,
): ((key: string) => MosaicError | null) => {
  const known = new LRUCache<string, Bucket>({ max: MAX_KEYS });
  return (key) => {
    const now = clock.now().getTime();
    const used = known.get(key) ?? { used: 0, at: now };
    known.set(key, used);
    const { allowed, retryAfterSeconds } = takeFrom(used, bucket, now);
    return allowed ? null : rateLimited(policy, bucket, retryAfterSeconds);
  };
};

/**
 * A limit by address in this process, for what strangers may send: asked before a body is read, so that refusing costs less
 * than sending.
 *
 * @returns a function that throws MosaicError `rate_limited`, and lets pass whoever's address the runtime does not know
 */
export const createEarlyLimit = (
  deps: { readonly clock: Clock },
  bucket: TokenBucket,
): ((address: string | null) => void) => {
  const refusalOf = createKeyedLimit(deps, 'address', bucket);
  return (address) => {
    const refusal = address === null ? null : refusalOf(addressBucket(address));
    if (refusal !== null) throw refusal;
  };
};
