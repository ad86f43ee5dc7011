import type { TakeResult, TokenBucket } from '../../domain/ports/basics.ts';
import { unavailable, type Reply } from './commands.ts';

/**
 * Takes one token, atomically, by the server's own clock, so that replicas with different clocks agree.
 *
 * KEYS[1] the bucket · ARGV[1] capacity · ARGV[2] tokens per second · answers {allowed, remaining, seconds to wait}
 *
 * The arithmetic is that of memory.ts. The key expires one second after the bucket is full again (a bucket that
 * is absent is full, so nothing is lost by that), or after a year.
 */
export const TAKE_SCRIPT = `
local capacity, refill = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local held = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(held[1]) or capacity, tonumber(held[2]) or now
local filled = math.min(capacity, tokens + math.max(0, now - at) / 1000 * refill)
local allowed = filled >= 1 - 1e-6
local left = allowed and math.max(0, filled - 1) or filled
redis.call('HSET', KEYS[1], 'tokens', string.format('%.17g', left), 'at', string.format('%.17g', now))
redis.call('PEXPIRE', KEYS[1], math.min(31536000000, math.ceil((capacity - left) / refill * 1000) + 1000))
local wait = allowed and 0 or math.min(31536000, math.max(1, math.ceil((1 - filled) / refill - 1e-6)))
return {allowed and 1 or 0, math.floor(left + 1e-6), wait}
`.trim();

/** SHA-1 of the script, by which a server finds it. A test compares. */
export const TAKE_SCRIPT_SHA1 = '9f97c272e6ff1e9cb7a7a46f05ce63a3e30266b4';

/** @throws RangeError for a bucket that could never be asked, or never be empty */
export const assertBucket = ({ capacity, refillPerSecond }: TokenBucket): void => {
  const sane = Number.isFinite(capacity) && Number.isFinite(refillPerSecond);
  if (!sane || capacity < 1 || refillPerSecond <= 0) {
    throw new RangeError('a token bucket needs a capacity of at least 1 and a refill above 0');
  }
};

/** @throws MosaicError `unavailable` when this is not the script's answer */
export const readTake = (reply: Reply): TakeResult => {
  const [allowed, remaining, wait] = Array.isArray(reply) ? (reply as readonly Reply[]).map(Number) : [];
  if (allowed === undefined || !Number.isInteger(remaining) || !Number.isInteger(wait)) {
    throw unavailable('the key-value store gave an answer to a token bucket that is not one');
  }
  return { allowed: allowed === 1, remaining: remaining as number, retryAfterSeconds: wait as number };
};
