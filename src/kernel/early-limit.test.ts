import { describe, expect, it } from 'vitest';
import { MosaicError } from '../../domain/errors.ts';
import { clockAt } from '../../ca/testing/memory.testkit.ts';
import { createEarlyLimit, createKeyedLimit } from './early-limit.ts';

const passed = (limit: (address: string | null) => void, address: string | null, times: number): number => {
  let count = 0;
  for (let time = 0; time < times; time += 1) {
    try {
      limit(address);
      count += 1;
    } catch (error) {
      expect(error).toBeInstanceOf(MosaicError);
      expect(error).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 1 });
    }
  }
  return count;
};

describe('F-3 a limit by address, before a body is read', () => {
  it('lets as many pass as the bucket holds, and more as it refills', () => {
    const clock = clockAt(new Date('2026-01-01T00:00:00Z'));
    const limit = createEarlyLimit({ clock }, { capacity: 10, refillPerSecond: 2 });
    expect(passed(limit, '192.0.2.1', 50)).toBe(10);
    clock.advance(1_500);
    expect(passed(limit, '192.0.2.1', 50)).toBe(3);
    clock.advance(-60_000);
    expect(passed(limit, '192.0.2.1', 50)).toBe(0);
    clock.advance(3_600_000);
    expect(passed(limit, '192.0.2.1', 50)).toBe(10);
  });

  it('counts each address, an IPv6 network as one, and nobody whose address is not known', () => {
    const limit = createEarlyLimit({ clock: clockAt(new Date()) }, { capacity: 10, refillPerSecond: 1 });
    expect(passed(limit, '192.0.2.1', 12)).toBe(10);
    expect(passed(limit, '::ffff:192.0.2.1', 12)).toBe(0);
    expect(passed(limit, '192.0.2.2', 12)).toBe(10);
    expect(passed(limit, '2001:db8::1', 6) + passed(limit, '2001:db8::2', 6)).toBe(10);
    expect(passed(limit, null, 100)).toBe(100);
  });

  it('is told as the limit of the address', () => {
    const limit = createEarlyLimit({ clock: clockAt(new Date()) }, { capacity: 1, refillPerSecond: 1 });
    limit('192.0.2.1');
    expect(() => limit('192.0.2.1')).toThrow(
      expect.objectContaining({ rateLimit: { policy: 'address', limit: 1, windowSeconds: 1 } }),
    );
  });
});

describe('N-8 a limit by key', () => {
  it('counts each key by itself, and gives the error of a policy', () => {
    const clock = clockAt(new Date('2026-01-01T00:00:00Z'));
    const refusalOf = createKeyedLimit({ clock }, 'token', { capacity: 2, refillPerSecond: 1 });
    expect([refusalOf('a'), refusalOf('a'), refusalOf('b')]).toEqual([null, null, null]);
    expect(refusalOf('a')).toMatchObject({
      code: 'rate_limited',
      retryAfterSeconds: 1,
      rateLimit: { policy: 'token', limit: 2, windowSeconds: 2 },
    });
    clock.advance(1_000);
    expect(refusalOf('a')).toBeNull();
  });

  it('remembers 10,000 keys, those of the last requests', () => {
    const clock = clockAt(new Date('2026-01-01T00:00:00Z'));
    const refusalOf = createKeyedLimit({ clock }, 'token', { capacity: 1, refillPerSecond: 1 });
    for (let key = 0; key < 10_000; key += 1) refusalOf(`key ${key}`);
    expect(refusalOf('key 0')).not.toBeNull();
    refusalOf('one more');
    expect(refusalOf('key 0')).not.toBeNull();
    expect(refusalOf('key 1')).toBeNull();
  });
});
