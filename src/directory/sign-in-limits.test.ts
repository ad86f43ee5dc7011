import { describe, expect, it } from 'vitest';
import { createSignInLimits } from './sign-in-limits.ts';

const limited = () => {
  let now = 1_800_000_000_000;
  const limits = createSignInLimits({ now: () => new Date(now) });
  /** How many of so many wrong tokens were looked up. */
  const fail = (address: string | null, times: number): number => {
    let looked = 0;
    for (let n = 0; n < times; n += 1) {
      try {
        limits.begin(address, `wrong ${address} ${n}`)(false);
        looked += 1;
      } catch (error) {
        expect(error).toMatchObject({ code: 'rate_limited', rateLimit: { policy: 'address' } });
      }
    }
    return looked;
  };
  return { limits, fail, pass: (ms: number) => void (now += ms) };
};

describe('F-19 failed sign-ins', () => {
  it('are limited by address, an IPv6 /64 counting as one, and others are not', () => {
    const { fail, pass } = limited();
    expect(fail('198.51.100.7', 1_000)).toBe(240);
    expect(fail('198.51.100.8', 10)).toBe(10);
    expect(fail('2001:db8::1', 200) + fail('2001:db8::2', 200)).toBe(240);
    expect(fail('2001:db8:0:1::1', 10)).toBe(10);
    pass(10_000);
    expect(fail('198.51.100.7', 1_000)).toBe(20);
  });

  it('never shut out a token that is good, from other addresses or, once used, from the same', () => {
    const { limits, fail } = limited();
    limits.begin('198.51.100.7', 'good')(true);
    fail('198.51.100.7', 1_000);
    limits.begin('198.51.100.7', 'good')(true);
    limits.begin('198.51.100.9', 'another')(true);
    // One that was revoked since is as any wrong one from then on.
    limits.begin('198.51.100.7', 'good')(false);
    expect(() => limits.begin('198.51.100.7', 'good')).toThrow('too many requests');
  });

  it('count a token of our own by itself when its address has nothing left', () => {
    const { limits, fail } = limited();
    fail('198.51.100.7', 300);
    let looked = 0;
    const again = () => limits.begin('198.51.100.7', 'ended', () => true)(false);
    for (; looked < 240; looked += 1) again();
    expect(again).toThrow('too many requests');
    expect(() => limits.begin('198.51.100.7', 'another', () => true)).not.toThrow();
    expect(() => limits.begin('198.51.100.7', 'another', () => false)).toThrow('too many requests');
  });

  it('good sign-ins use nothing up', () => {
    const { limits, fail } = limited();
    for (let n = 0; n < 10_000; n += 1) limits.begin('198.51.100.7', `good ${n}`)(true);
    expect(fail('198.51.100.7', 300)).toBe(240);
  });

  it('no fault of the database counts as a failure of who signs in', () => {
    const { limits, fail } = limited();
    for (let n = 0; n < 1_000; n += 1) limits.begin('198.51.100.7', `token ${n}`)(null);
    limits.begin('198.51.100.7', 'good')(true);
    limits.begin('198.51.100.7', 'good')(null);
    fail('198.51.100.7', 1_000);
    expect(() => limits.begin('198.51.100.7', 'good')).not.toThrow();
  });

  it('are bounded also while many are under way', () => {
    const { limits } = limited();
    let started = 0;
    for (let n = 0; n < 1_000; n += 1) {
      try {
        limits.begin('198.51.100.7', `wrong ${n}`);
        started += 1;
      } catch {
        // Refused.
      }
    }
    expect(started).toBe(240);
  });

  it('MUTANTS a good sign-in gives back what it took, and nothing of what wrong ones took', () => {
    const { limits, fail } = limited();
    expect(fail('198.51.100.7', 100)).toBe(100);
    limits.begin('198.51.100.7', 'good')(true);
    expect(fail('198.51.100.7', 300)).toBe(140);
    for (let n = 0; n < 100; n += 1) limits.begin('198.51.100.8', `own ${n}`, () => true)(true);
    expect(fail('198.51.100.8', 300)).toBe(240);
  });

  it('MUTANTS a token of our own that fails counts against its address while that has something left', () => {
    const { limits, fail } = limited();
    for (let n = 0; n < 10; n += 1) limits.begin('198.51.100.7', 'ended', () => true)(false);
    expect(fail('198.51.100.7', 300)).toBe(230);
  });

  it('MUTANTS a token that nobody could look up is not taken for one that was good', () => {
    const { limits, fail } = limited();
    limits.begin('198.51.100.7', 'unknown')(null);
    fail('198.51.100.7', 300);
    expect(() => limits.begin('198.51.100.7', 'unknown')).toThrow('too many requests');
  });

  it('MUTANTS addresses are remembered up to 10,000, the one that has not come for longest forgotten first', () => {
    const { fail } = limited();
    const others = (from: number, count: number): void => {
      for (let n = from; n < from + count; n += 1) fail(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`, 1);
    };
    expect(fail('198.51.100.7', 240)).toBe(240);
    others(0, 9_999);
    expect(fail('198.51.100.7', 1)).toBe(0);
    others(20_000, 10_000);
    expect(fail('198.51.100.7', 1)).toBe(1);
  });

  it('MUTANTS good tokens are remembered up to 50,000, the one that was not used for longest forgotten first', () => {
    const { limits, fail } = limited();
    const others = (from: number, count: number): void => {
      for (let n = from; n < from + count; n += 1) limits.begin('198.51.100.8', `good ${n}`)(true);
    };
    limits.begin('198.51.100.7', 'good')(true);
    fail('198.51.100.7', 240);
    others(0, 49_999);
    expect(() => limits.begin('198.51.100.7', 'good')).not.toThrow();
    others(100_000, 50_000);
    expect(() => limits.begin('198.51.100.7', 'good')).toThrow('too many requests');
  });
});
