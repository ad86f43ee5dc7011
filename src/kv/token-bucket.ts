import { SETTLED_SECONDS, type TakeResult } from '../../domain/ports/basics.ts';
import { unavailable, type Reply } from './commands.ts';

/**
 * Takes one token, atomically, by the server's own clock, so that replicas with different clocks agree.
 *
 * KEYS[1] the bucket · ARGV[1] capacity · ARGV[2] tokens per second · answers {allowed, remaining, seconds to wait}
 *
 * It counts what was used, not what is left, so that a changed capacity holds at once: one raised gives what it was
 * raised by, one lowered gives nothing for what was used already. The arithmetic is that of `takeFrom`. The key expires one second after the bucket is full again (a bucket that
 * is absent is full, so nothing is lost by that), or after a year.
 */
export const TAKE_SCRIPT = `
local capacity, refill = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local held = redis.call('HMGET', KEYS[1], 'used', 'at')
local stored, at = tonumber(held[1]) or 0, tonumber(held[2]) or now
local passed = math.max(0, now - at) / 1000
local beyond = stored > capacity + 1e-6 and passed < ${SETTLED_SECONDS}
local used = math.max(0, math.min(capacity, stored) - passed * refill)
if not beyond and used + 1 <= capacity + 1e-6 then
  used = math.min(capacity, used + 1)
  redis.call('HSET', KEYS[1], 'used', string.format('%.17g', used), 'at', string.format('%.17g', now))
  redis.call('PEXPIRE', KEYS[1], math.min(31536000000, math.ceil(used / refill * 1000) + 1000))
  return {1, math.floor(capacity - used + 1e-6), 0}
end
local wait = math.max((used + 1 - capacity) / refill, beyond and ${SETTLED_SECONDS} - passed or 0)
return {0, 0, math.min(31536000, math.max(1, math.ceil(wait - 1e-6)))}
`.trim();

/** SHA-1 of the script, by which a server finds it. A test compares. */
export const TAKE_SCRIPT_SHA1 = 'dea17bf660701cd54f140e8061114dd6d4323f9c';

/** @throws MosaicError `unavailable` when this is not the script's answer */
export const readTake = (reply: Reply): TakeResult => {
  const [allowed, remaining, wait] = Array.isArray(reply) ? (reply as readonly Reply[]).map(Number) : [];
  if (allowed === undefined || !Number.isInteger(remaining) || !Number.isInteger(wait)) {
    throw unavailable('the key-value store gave an answer to a token bucket that is not one');
  }
  return { allowed: allowed === 1, remaining: remaining as number, retryAfterSeconds: wait as number };
};
