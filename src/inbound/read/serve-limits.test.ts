import { describe, expect, it } from 'vitest';
import { toHex } from '../../../domain/bytes.ts';
import { MosaicError } from '../../../domain/errors.ts';
import { after, codeOf, GRANT, IDENTITY, world } from './serve.testkit.ts';

describe('MUTANTS serve who asks, and how often', () => {
  it('a certificate counts from its first moment to its last, and who is out of time costs one look', async () => {
    const { hands, told, serving } = world();
    const at = (now: Date) => {
      hands.now = now;
      return codeOf(serving.identify(IDENTITY));
    };
    expect(await at(IDENTITY.notBefore)).toBeNull();
    expect(await at(new Date(IDENTITY.notBefore.getTime() - 1))).toBe('certificate_untrusted');
    expect(told.assured).toBe(1);
    const late = after(1_000_001);
    expect(await Promise.all([at(late), at(late), at(late)])).toEqual(Array(3).fill('certificate_untrusted'));
    expect(told.assured).toBe(2);
    expect(await at(late)).toBe('certificate_untrusted');
    expect(told.assured).toBe(3);
    hands.isServing = false;
    expect(await at(late)).toBe('database_unavailable');
  });

  it('a request is taken of its grant’s bucket, of the gateway’s size where the grant has none', async () => {
    const { hands, told, serving, caller } = world();
    const one = await caller();
    expect(one.charge).toBeNull();
    await serving.takeRequest(one);
    expect(one.charge).toEqual({ perMinute: 60, remaining: 7 });
    for (const grant of [{ ...GRANT, rateLimitPerMinute: null }, null]) {
      hands.grant = grant;
      hands.now = new Date(hands.now.getTime() + 2_000);
      await serving.takeRequest(await caller());
    }
    expect(told.taken).toEqual([
      [`grant:${GRANT.id}`, { capacity: 60, refillPerSecond: 1 }],
      [`grant:${GRANT.id}`, { capacity: 90, refillPerSecond: 1.5 }],
      [`grant:${GRANT.id}`, { capacity: 90, refillPerSecond: 1.5 }],
    ]);
  });

  it('who is over the limit is told so by the newest one, also when nothing newer can be had', async () => {
    const { hands, told, serving, caller } = world();
    hands.take = ({ capacity }) => ({ allowed: capacity > 60, remaining: 1, retryAfterSeconds: 9 });
    const refused = await caller();
    const error = await serving.takeRequest(refused).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'rate_limited',
      retryAfterSeconds: 9,
      rateLimit: { policy: 'grant', limit: 60 },
    });
    expect([told.taken.length, told.grantsRead, refused.charge]).toEqual([1, 2, null]);
    hands.grant = { ...GRANT, rateLimitPerMinute: 120 };
    await serving.takeRequest(refused);
    expect(refused.charge).toEqual({ perMinute: 120, remaining: 1 });
    hands.take = () => ({ allowed: false, remaining: 0, retryAfterSeconds: 9 });
    hands.onRead = () => {
      throw new MosaicError('database_unavailable');
    };
    expect(await codeOf(serving.takeRequest(refused))).toBe('rate_limited');
  });

  it('a limit that changes all the time is followed five times', async () => {
    const { hands, told, serving, caller } = world();
    hands.take = () => ({ allowed: false, remaining: 0, retryAfterSeconds: 9 });
    hands.onRead = (nth) => void (hands.grant = { ...GRANT, rateLimitPerMinute: 60 + nth });
    expect(await codeOf(serving.takeRequest(await caller()))).toBe('rate_limited');
    expect(told.taken).toHaveLength(5);
  });

  it('a request that passed under a limit that was lowered since has to pass under that one too', async () => {
    const { hands, serving, caller } = world();
    hands.take = () => ({ allowed: true, remaining: 20, retryAfterSeconds: 0 });
    const one = await caller();
    await serving.takeRequest(one);
    hands.admits = (nth) => nth === 2;
    hands.grant = { ...GRANT, version: 2, rateLimitPerMinute: 50 };
    await serving.capabilities(one);
    expect(one.charge).toEqual({ perMinute: 50, remaining: 10 });
    hands.admits = () => false;
    hands.grant = { ...GRANT, version: 3, rateLimitPerMinute: 10 };
    expect(await codeOf(serving.capabilities(one))).toBe('rate_limited');
  });

  it('what was asked is hashed under the grant’s own key, or the gateway’s where there is no grant', async () => {
    const { hands, serving, caller } = world();
    const own = toHex(new TextEncoder().encode('own key'));
    expect(serving.hashQuery(await caller(), 'list', { a: 1 })).toBe(own);
    expect(serving.hashQuery(null, 'list', { a: 1 })).toBe('ee');
    hands.grant = null;
    hands.now = after(2_000);
    expect(serving.hashQuery(await caller(), 'list', { a: 1 })).toBe('ee');
  });
});
