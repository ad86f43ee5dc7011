import type { TokenBucket } from '../../domain/ports/basics.ts';
import type { Deps } from '../app/deps.ts';
import { rateLimited } from './rate-limit.ts';

/** Guessing 256 bits is hopeless anyway: these bound what a stranger can make the gateway work. */
const PER_ADDRESS: TokenBucket = { capacity: 240, refillPerSecond: 2 };
const PER_TOKEN: TokenBucket = { capacity: 120, refillPerSecond: 1 };

/** One bucket an IPv4 address and an IPv6 /64, which one household or machine holds as a whole. */
export const addressBucket = (address: string | null): string => {
  if (address === null) return 'unknown';
  const text = address.toLowerCase().replace(/%.*$/, '');
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(text)?.[1];
  if (mapped !== undefined) return mapped;
  if (!text.includes(':')) return text;
  const [head = '', tail = ''] = text.split('::', 2);
  const front = head === '' ? [] : head.split(':');
  const back = tail === '' ? [] : tail.split(':');
  const zeros = text.includes('::') ? Math.max(0, 8 - front.length - back.length) : 0;
  const groups = [...front, ...Array.from({ length: zeros }, () => '0'), ...back];
  return `${groups.slice(0, 4).join(':')}::/64`;
};

/** @throws MosaicError `rate_limited` */
export const takeRedemption = async (
  deps: Pick<Deps, 'kv'>,
  address: string | null,
  tokenHash: string,
): Promise<void> => {
  const limits = [
    ['address', addressBucket(address), PER_ADDRESS],
    ['token', tokenHash, PER_TOKEN],
  ] as const;
  // Both at once: one way to the store and back.
  const taken = await Promise.all(
    limits.map(([policy, of, bucket]) => deps.kv.take(`enroll:${policy}:${of}`, bucket)),
  );
  for (const [index, [policy, , bucket]] of limits.entries()) {
    const take = taken[index];
    if (take?.allowed === false) throw rateLimited(policy, bucket, take.retryAfterSeconds);
  }
};
