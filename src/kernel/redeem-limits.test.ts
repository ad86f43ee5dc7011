import { describe, expect, it } from 'vitest';
import type { KeyValue, TokenBucket } from '../../domain/ports/basics.ts';
import { addressBucket, takeRedemption } from './redeem-limits.ts';

describe('the bucket of an address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '20010db800010002/64'],
    ['2001:DB8:1:2::99', '20010db800010002/64'],
    ['2001:0db8:0001:0002::9', '20010db800010002/64'],
    ['2001:db8:1:2:0:ffff:192.0.2.1', '20010db800010002/64'],
    ['2001:db8::1', '20010db800000000/64'],
    ['fe80::1%eth0', 'fe80000000000000/64'],
    ['::1', '0000000000000000/64'],
    ['::ffff:0:192.0.2.1', '0000000000000000/64'],
    ['::ffff:102:304', '1.2.3.4'],
    ['::ffff:c000:0201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
    ['0000:0000:0000:0000:0000:FFFF:C000:0201', '192.0.2.1'],
    [null, 'unknown'],
    ['x192.0.2.1', 'x192.0.2.1'],
    ['x::ffff:192.0.2.1', 'x::ffff:192.0.2.1'],
  ])('of %s is %s', (address, bucket) => {
    expect(addressBucket(address)).toBe(bucket);
  });
});

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
