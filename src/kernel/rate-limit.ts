import { MosaicError } from '../../domain/errors.ts';
import { SETTLED_SECONDS, type TokenBucket } from '../../domain/ports/basics.ts';

/** What a request was charged: the limit it was decided on, and how many requests that left. */
export interface Charge {
  readonly perMinute: number;
  readonly remaining: number;
}

const WINDOW_SECONDS = 60;

export const bucketOf = (perMinute: number): TokenBucket => ({
  capacity: perMinute,
  refillPerSecond: perMinute / WINDOW_SECONDS,
});

/** Seconds until a bucket that has `remaining` left is full again. */
const untilFull = ({ perMinute, remaining }: Charge): number =>
  Math.ceil(((perMinute - remaining) * WINDOW_SECONDS) / perMinute);

/** @returns the error `rate_limited`, with what its answer tells beside Retry-After */
export const rateLimited = (policy: string, bucket: TokenBucket, retryAfterSeconds: number): MosaicError =>
  new MosaicError('rate_limited', {
    retryAfterSeconds,
    rateLimit: {
      policy,
      limit: bucket.capacity,
      windowSeconds: Math.ceil(bucket.capacity / bucket.refillPerSecond),
    },
  });

/**
 * A charge that was made under a limit that has changed since, as it stands under the one now in force. Nothing is
 * asked again: under either limit the bucket counts the requests made, and what is left says how many those were.
 *
 * @throws MosaicError `rate_limited` when this request is one too many under the limit now in force
 */
export const chargeUnder = (charge: Charge, perMinute: number): Charge => {
  if (charge.perMinute === perMinute) return charge;
  const used = charge.perMinute - charge.remaining;
  // What was used beyond a lowered limit is not owed, so one token's time is enough, once the bucket has settled.
  if (used > perMinute) {
    throw rateLimited('grant', bucketOf(perMinute), Math.max(SETTLED_SECONDS, WINDOW_SECONDS / perMinute));
  }
  return { perMinute, remaining: perMinute - used };
};

/** The fields `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10) of an answer. */
export const rateLimitFields = (charge: Charge | null): Readonly<Record<string, string>> =>
  charge === null
    ? {}
    : {
        'ratelimit-policy': `"grant";q=${charge.perMinute};w=${WINDOW_SECONDS}`,
        ratelimit: `"grant";r=${charge.remaining};t=${untilFull(charge)}`,
      };
