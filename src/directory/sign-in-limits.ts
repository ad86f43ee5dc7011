import { LRUCache } from 'lru-cache';
import type { SignInLimits } from '../../domain/ports/sign-ins.ts';
import type { Clock, TokenBucket } from '../../domain/ports/basics.ts';
import { takeFrom, type Bucket } from '../../domain/token-bucket.ts';
import { rateLimited } from '../kernel/rate-limit.ts';
import { addressBucket } from '../kernel/address-bucket.ts';

/** Failed sign-ins of one address, an IPv6 /64 counting as one. Guessing 256 bits is hopeless: this bounds the questions to the database. */
const FAILED: TokenBucket = { capacity: 240, refillPerSecond: 2 };
/** Addresses remembered. Whoever comes from more of them is asked about in the database more often, nobody else less. */
const MAX_ADDRESSES = 10_000;
/** Tokens that were good when they were last used. They are asked about at every use all the same. */
const MAX_GOOD = 50_000;

/**
 * Limits sign-ins by address before the database is asked (FAULTS F-19). Each takes a token of its address, and one that succeeds, or
 * that a fault of ours ends, gives it back; a token that was good before takes none, and one that this gateway made is counted by itself when
 * the address has none left, so that strangers behind one's own proxy shut out nobody who is signed in.
 */
export const createSignInLimits = (clock: Clock): SignInLimits => {
  const buckets = new LRUCache<string, Bucket>({ max: MAX_ADDRESSES });
  const good = new LRUCache<string, true>({ max: MAX_GOOD });
  const bucketOf = (key: string, at: number): Bucket => {
    const bucket = buckets.get(key) ?? { used: 0, at };
    buckets.set(key, bucket);
    return bucket;
  };
  return {
    begin: (address, tokenHash, isOurs) => {
      if (good.has(tokenHash))
        return (isGood) => {
          if (isGood === false) good.delete(tokenHash);
        };
      const now = clock.now().getTime();
      let bucket = bucketOf(addressBucket(address), now);
      let taken = takeFrom(bucket, FAILED, now);
      // Strangers cannot make a mark: what somebody else used up is not held against who has one, only the token's own failures are.
      if (!taken.allowed && isOurs?.() === true) {
        bucket = bucketOf(`token:${tokenHash}`, now);
        taken = takeFrom(bucket, FAILED, now);
      }
      if (!taken.allowed) throw rateLimited('address', FAILED, taken.retryAfterSeconds);
      return (isGood) => {
        if (isGood === false) return;
        bucket.used = Math.max(0, bucket.used - 1);
        if (isGood === true) good.set(tokenHash, true);
      };
    },
  };
};
