import { SETTLED_SECONDS, type TakeResult, type TokenBucket } from './ports/basics.ts';

/** Refilling in fractions may end at 0.9999999: nobody should wait a second longer for that. */
const ROUNDING = 1e-6;

/** A bucket in this process. */
export interface Bucket {
  used: number;
  /** Milliseconds since the epoch at which `used` was true. */
  at: number;
}

/** What the script of `src/kv/token-bucket.ts` does, on a bucket in this process. @param now milliseconds since the epoch */
export const takeFrom = (
  bucket: Bucket,
  { capacity, refillPerSecond }: TokenBucket,
  now: number,
): TakeResult => {
  // A clock that was set back must not take tokens away.
  const passed = Math.max(0, now - bucket.at) / 1000;
  const isBeyond = bucket.used > capacity + ROUNDING && passed < SETTLED_SECONDS;
  const used = Math.max(0, Math.min(capacity, bucket.used) - passed * refillPerSecond);
  if (!isBeyond && used + 1 <= capacity + ROUNDING) {
    bucket.used = Math.min(capacity, used + 1);
    bucket.at = now;
    const remaining = Math.floor(capacity - bucket.used + ROUNDING);
    return { allowed: true, remaining, retryAfterSeconds: 0 };
  }
  const wait = Math.max((used + 1 - capacity) / refillPerSecond, isBeyond ? SETTLED_SECONDS - passed : 0);
  return { allowed: false, remaining: 0, retryAfterSeconds: Math.max(1, Math.ceil(wait - ROUNDING)) };
};

/** @throws RangeError for a bucket that could never be asked, or never be empty */
export const assertBucket = ({ capacity, refillPerSecond }: TokenBucket): void => {
  const sane = Number.isFinite(capacity) && Number.isFinite(refillPerSecond);
  if (!sane || capacity < 1 || refillPerSecond <= 0) {
    throw new RangeError('a token bucket needs a capacity of at least 1 and a refill above 0');
  }
};
