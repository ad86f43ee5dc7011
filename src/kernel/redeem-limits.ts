import type { TokenBucket } from '../../domain/ports/basics.ts';
import type { Deps } from '../app/deps.ts';
import { addressBucket } from './address-bucket.ts';
import { rateLimited } from './rate-limit.ts';

/** Guessing 176 bits is hopeless anyway: these bound what a stranger can make the gateway work. */
const PER_ADDRESS: TokenBucket = { capacity: 240, refillPerSecond: 2 };
const PER_TOKEN: TokenBucket = { capacity: 120, refillPerSecond: 1 };
/** Of all tokens that bear this gateway's mark. Only who holds twenty of them, spent ones included, can keep it empty. */
const PER_ADDRESS_MARKED: TokenBucket = { capacity: 2_400, refillPerSecond: 20 };

export interface RedemptionAttempt {
  readonly address: string | null;
  readonly tokenHash: string;
  /** Whether the token bears this gateway's mark, which nobody else can make. */
  readonly isMarked: boolean;
}

/**
 * Counts an attempt to redeem a token. Who makes tokens up uses up the limit of the address for others who do, and never for the
 * holder of a token of ours. The limits are asked one after the other: what the first one refuses must not use up the second.
 *
 * @throws MosaicError `rate_limited`
 */
export const takeRedemption = async (
  { kv }: Pick<Deps, 'kv'>,
  { address, tokenHash, isMarked }: RedemptionAttempt,
): Promise<void> => {
  const bucket = addressBucket(address);
  const token = ['token', `token:${tokenHash}`, PER_TOKEN] as const;
  const limits = isMarked
    ? [token, ['address', `marked:${bucket}`, PER_ADDRESS_MARKED] as const]
    : [['address', `address:${bucket}`, PER_ADDRESS] as const, token];
  for (const [policy, key, limit] of limits) {
    const { allowed, retryAfterSeconds } = await kv.take(`enroll:${key}`, limit);
    if (!allowed) throw rateLimited(policy, limit, retryAfterSeconds);
  }
};
