import { describe, expect, it } from 'vitest';
import { MosaicError } from '../../domain/errors.ts';
import { takeFrom, type Bucket } from '../../domain/token-bucket.ts';
import { bucketOf, chargeUnder, rateLimited, rateLimitFields } from './rate-limit.ts';

const thrown = (work: () => unknown): MosaicError => {
  try {
    work();
  } catch (error) {
    if (error instanceof MosaicError) return error;
  }
  throw new Error('expected a MosaicError');
};

describe('MUTANTS rate-limit the limit of a grant', () => {
  it('is a bucket of a minute', () => {
    expect(bucketOf(60)).toEqual({ capacity: 60, refillPerSecond: 1 });
    expect(bucketOf(90)).toEqual({ capacity: 90, refillPerSecond: 1.5 });
  });

  it('is told with what is left of it and when it is whole again', () => {
    expect(rateLimitFields(null)).toEqual({});
    expect(rateLimitFields({ perMinute: 60, remaining: 60 })['ratelimit']).toBe('"grant";r=60;t=0');
    expect(rateLimitFields({ perMinute: 7, remaining: 3 })).toEqual({
      'ratelimit-policy': '"grant";q=7;w=60',
      ratelimit: '"grant";r=3;t=35',
    });
  });

  it('names its policy, its size and its window when it refuses', () => {
    const error = rateLimited('grant', { capacity: 10, refillPerSecond: 3 }, 7);
    expect([error.code, error.retryAfterSeconds]).toEqual(['rate_limited', 7]);
    expect(error.rateLimit).toEqual({ policy: 'grant', limit: 10, windowSeconds: 4 });
  });

  it('counts what was used under an older limit against the newer one', () => {
    const charge = { perMinute: 60, remaining: 50 };
    expect(chargeUnder(charge, 60)).toBe(charge);
    expect(chargeUnder(charge, 100)).toEqual({ perMinute: 100, remaining: 90 });
    expect(chargeUnder(charge, 10)).toEqual({ perMinute: 10, remaining: 0 });
    const refused = thrown(() => chargeUnder(charge, 9));
    expect([refused.code, refused.rateLimit]).toEqual([
      'rate_limited',
      { policy: 'grant', limit: 9, windowSeconds: 60 },
    ]);
    expect(refused.retryAfterSeconds).toBeCloseTo(60 / 9);
    expect(thrown(() => chargeUnder({ perMinute: 600, remaining: 0 }, 500)).retryAfterSeconds).toBe(2);
  });
});

describe('MUTANTS rate-limit a bucket in this process', () => {
  const TEN = { capacity: 10, refillPerSecond: 2 };
  const full = (): Bucket => ({ used: 0, at: 0 });
  const drained = (): Bucket => ({ used: 10, at: 0 });

  it('gives its capacity at once and not one more', () => {
    const bucket = full();
    const taken = Array.from({ length: 11 }, () => takeFrom(bucket, TEN, 0));
    expect(taken.map(({ remaining }) => remaining)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0]);
    expect(taken.map(({ allowed }) => allowed)).toEqual([...Array.from({ length: 10 }, () => true), false]);
    expect(taken[0]?.retryAfterSeconds).toBe(0);
    expect(taken[10]?.retryAfterSeconds).toBe(1);
  });

  it('is refilled by the second, up to its capacity, and a refusal takes nothing', () => {
    const bucket = drained();
    expect(takeFrom(bucket, TEN, 499).allowed).toBe(false);
    expect(bucket).toEqual({ used: 10, at: 0 });
    expect(takeFrom(bucket, TEN, 500)).toEqual({ allowed: true, remaining: 0, retryAfterSeconds: 0 });
    expect(takeFrom(drained(), TEN, 1_000).remaining).toBe(1);
    expect(takeFrom(drained(), TEN, 3_600_000)).toEqual({
      allowed: true,
      remaining: 9,
      retryAfterSeconds: 0,
    });
  });

  it('says how long to wait, in whole seconds and at least one', () => {
    const slow = { capacity: 1, refillPerSecond: 0.1 };
    expect(takeFrom({ used: 1, at: 0 }, slow, 0).retryAfterSeconds).toBe(10);
    expect(takeFrom({ used: 1, at: 0 }, slow, 3_500).retryAfterSeconds).toBe(7);
    expect(takeFrom({ used: 1, at: 0 }, slow, 9_999).retryAfterSeconds).toBe(1);
  });

  it('with a lowered capacity lets nobody in for two seconds, and owes nothing after it', () => {
    const bucket: Bucket = { used: 10, at: 0 };
    const lowered = { capacity: 3, refillPerSecond: 30 };
    expect(takeFrom(bucket, lowered, 500)).toMatchObject({ allowed: false, retryAfterSeconds: 2 });
    expect(takeFrom(bucket, lowered, 1_999)).toMatchObject({ allowed: false, retryAfterSeconds: 1 });
    expect(takeFrom(bucket, lowered, 2_000)).toEqual({ allowed: true, remaining: 2, retryAfterSeconds: 0 });
    // Exactly at the capacity is not beyond it, and neither is a rounding.
    expect(takeFrom({ used: 3 + 1e-6, at: 0 }, lowered, 100).allowed).toBe(true);
    expect(takeFrom({ used: 3, at: 0 }, lowered, 100).allowed).toBe(true);
  });

  it('takes nothing away when its clock was set back, and makes nobody wait for a rounding', () => {
    expect(takeFrom({ used: 5, at: 10_000 }, TEN, 0)).toMatchObject({ allowed: true, remaining: 4 });
    expect(takeFrom({ used: 9.000_000_5, at: 0 }, TEN, 0)).toMatchObject({ allowed: true, remaining: 0 });
    expect(takeFrom({ used: 9.000_01, at: 0 }, TEN, 0).allowed).toBe(false);
    expect(takeFrom({ used: 8.000_000_1, at: 0 }, TEN, 0).remaining).toBe(1);
  });
});
