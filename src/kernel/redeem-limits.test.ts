import { describe, expect, it } from 'vitest';
import type { KeyValue, TokenBucket } from '../../domain/ports/basics.ts';
import { takeRedemption } from './redeem-limits.ts';

describe('MUTANTS redeem-limits what a stranger can make the gateway work', () => {
  const world = (refused?: string) => {
    const taken: (readonly [key: string, bucket: TokenBucket])[] = [];
    const kv = {
      take: (key: string, bucket: TokenBucket) => {
        taken.push([key, bucket]);
        const allowed = refused === undefined || !key.startsWith(refused);
        return Promise.resolve({ allowed, remaining: 0, retryAfterSeconds: allowed ? 0 : 9 });
      },
    };
    const take = (isMarked: boolean) =>
      takeRedemption(
        { kv: kv as unknown as KeyValue },
        { address: '192.0.2.1', tokenHash: 'hash', isMarked },
      );
    return { taken, take };
  };
  const [address, token, marked] = [
    ['enroll:address:192.0.2.1', { capacity: 240, refillPerSecond: 2 }],
    ['enroll:token:hash', { capacity: 120, refillPerSecond: 1 }],
    ['enroll:marked:192.0.2.1', { capacity: 2_400, refillPerSecond: 20 }],
  ];

  it('N-8 is counted by address and then by token, but for tokens of ours by token and then widely by address', async () => {
    const { taken, take } = world();
    await take(false);
    expect(taken.splice(0)).toEqual([address, token]);
    await take(true);
    expect(taken).toEqual([token, marked]);
  });

  it.each([
    [false, 'address', 'address', 240, [address]],
    [false, 'token', 'token', 120, [address, token]],
    [true, 'token', 'token', 120, [token]],
    [true, 'marked', 'address', 2_400, [token, marked]],
  ])(
    'N-8 is refused (marked: %s) by the limit enroll:%s, which is told, and uses up no other one after it',
    async (isMarked, refused, policy, limit, asked) => {
      const { taken, take } = world(`enroll:${refused}`);
      await expect(take(isMarked)).rejects.toMatchObject({
        code: 'rate_limited',
        retryAfterSeconds: 9,
        rateLimit: { policy, limit, windowSeconds: 120 },
      });
      expect(taken).toEqual(asked);
    },
  );
});
