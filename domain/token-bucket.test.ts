import { expect, it } from 'vitest';
import { assertBucket } from './token-bucket.ts';

it.each([
  [1, 0.001],
  [1_000, 50],
])('MUTANTS rate-limit a bucket of %d and %d a second is one', (capacity, refillPerSecond) => {
  expect(() => assertBucket({ capacity, refillPerSecond })).not.toThrow();
});

it.each([
  [0.9, 1],
  [0, 1],
  [Infinity, 1],
  [Number.NaN, 1],
  [1, 0],
  [1, -1],
  [1, Infinity],
  [1, Number.NaN],
])('MUTANTS rate-limit a bucket of %d and %d a second is none', (capacity, refillPerSecond) => {
  expect(() => assertBucket({ capacity, refillPerSecond })).toThrow(
    'a token bucket needs a capacity of at least 1 and a refill above 0',
  );
});
