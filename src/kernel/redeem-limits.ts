import { ipOctets } from '../../ca/x509/names.ts';
import { toHex } from '../../domain/bytes.ts';
import type { TokenBucket } from '../../domain/ports/basics.ts';
import type { Deps } from '../app/deps.ts';
import { rateLimited } from './rate-limit.ts';

/** Guessing 256 bits is hopeless anyway: these bound what a stranger can make the gateway work. */
const PER_ADDRESS: TokenBucket = { capacity: 240, refillPerSecond: 2 };
const PER_TOKEN: TokenBucket = { capacity: 120, refillPerSecond: 1 };

/** `::ffff:0:0/96`: how an IPv4 address is written where IPv6 is spoken (RFC 4291, section 2.5.5.2). */
const MAPPED = '00000000000000000000ffff';

/**
 * One bucket an IPv4 address and an IPv6 /64, which one household or machine holds as a whole; however the address is
 * spelt, so that nobody has several by spelling theirs differently.
 */
export const addressBucket = (address: string | null): string => {
  if (address === null) return 'unknown';
  const text = address.replace(/%.*$/, '');
  const octets = text.includes(':') ? ipOctets(text) : null;
  if (octets === null) return text;
  const digits = toHex(octets);
  if (digits.startsWith(MAPPED)) return octets.slice(12).join('.');
  return `${digits.slice(0, 16)}/64`;
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
