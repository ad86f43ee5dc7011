import type { TokenBucket } from '../../domain/ports/basics.ts';
import type { Deps } from '../deps.ts';
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

/** One row a minute: a stranger can have as many redemptions refused as it likes. */
const AUDIT_ROWS: TokenBucket = { capacity: 1, refillPerSecond: 1 / 60 };

const uncounted = new WeakMap<Deps['audit'], number>();

/**
 * Whether a redemption that was refused before anything was looked at gets an audit row: the first of an address in
 * a minute does, over all replicas. The others are counted, and their number is logged with the next row.
 */
export const isAudited = async (
  deps: Pick<Deps, 'kv' | 'audit' | 'log'>,
  address: string | null,
): Promise<boolean> => {
  const taken = await deps.kv.take(`enroll:audit:${addressBucket(address)}`, AUDIT_ROWS).catch(() => null);
  const count = uncounted.get(deps.audit) ?? 0;
  if (taken?.allowed !== true) {
    uncounted.set(deps.audit, count + 1);
    return false;
  }
  if (count > 0) deps.log.warn('refused redemptions without an audit row of their own', { count });
  uncounted.set(deps.audit, 0);
  return true;
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
