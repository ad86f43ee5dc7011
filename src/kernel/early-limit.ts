import { LRUCache } from 'lru-cache';
import type { Clock, TokenBucket } from '../../domain/ports/basics.ts';
import { takeFrom, type Bucket } from '../../domain/token-bucket.ts';
import { rateLimited } from './rate-limit.ts';
import { addressBucket } from './redeem-limits.ts';

/** Addresses that are remembered; whoever comes from more of them has each of theirs forgotten, not those of others. */
const MAX_ADDRESSES = 10_000;

/**
 * A limit by address in this process, for what strangers may send: asked before a body is read, so that refusing costs less
 * than sending. It is wider than the limit that replicas share, which counts exactly and is asked afterwards.
 *
 * @returns a function that throws MosaicError `rate_limited`, and lets pass whoever's address the runtime does not know
 */
export const createEarlyLimit = (
  { clock }: { readonly clock: Clock },
  bucket: TokenBucket,
): ((address: string | null) => void) => {
  const known = new LRUCache<string, Bucket>({ max: MAX_ADDRESSES });
  return (address) => {
    if (address === null) return;
    const key = addressBucket(address);
    const now = clock.now().getTime();
    const used = known.get(key) ?? { used: 0, at: now };
    known.set(key, used);
    const { allowed, retryAfterSeconds } = takeFrom(used, bucket, now);
    if (!allowed) throw rateLimited('address', bucket, retryAfterSeconds);
  };
};
