import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { after, codeOf, IDENTITY, NOW } from '../read/serve.testkit.ts';
import { confirmRenewal, renewCertificate } from './renew.ts';
import { aRequest, certificate, TRUST, world } from './renew.testkit.ts';

let csr = '';
let keyHash = '';
beforeAll(async () => {
  ({ csr, keyHash } = await aRequest());
});
afterEach(() => void vi.useRealTimers());

const renew = ({ deps }: ReturnType<typeof world>) => renewCertificate(deps, IDENTITY, csr);

describe('MUTANTS renew the same once more', () => {
  const underWay = () =>
    certificate({ id: 'next', status: 'requested', serial: null, publicKeyHash: keyHash, createdAt: NOW });
  const made = (given = {}) =>
    certificate({ id: 'next', serial: 'cd', publicKeyHash: keyHash, createdAt: NOW, ...given });

  it('gives the certificate that was made, and makes none', async () => {
    const one = world();
    one.hands.certificates = [certificate(), made({ notAfter: after(7_000) })];
    expect(await renew(one)).toMatchObject({
      certificatePem: 'old leaf',
      chainPem: 'old chain',
      notAfter: after(7_000),
      trust: TRUST,
    });
    expect(one.told).toEqual([]);
  });

  it('of a certificate whose chain was not kept is made again later', async () => {
    const one = world();
    one.hands.certificates = [certificate(), made({ chainPem: null })];
    expect(await codeOf(renew(one))).toBe('unavailable');
    expect(one.counts.transactions).toBe(1);
  });

  it('waits while it is being signed, for ten seconds', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const one = world();
    one.hands.certificates = [certificate(), underWay()];
    const late = renew(one).catch((error: unknown) => error);
    while (one.counts.transactions === 0) await new Promise((next) => setImmediate(next));
    await vi.advanceTimersByTimeAsync(99);
    expect(one.counts.transactions).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(one.counts.transactions).toBe(2);
    await vi.advanceTimersByTimeAsync(9_900);
    expect(await late).toMatchObject({ code: 'unavailable', retryAfterSeconds: 5 });
    expect([one.counts.transactions, one.told]).toEqual([100, []]);
  });

  it('gives what was signed meanwhile', async () => {
    const one = world();
    one.hands.certificates = [certificate(), underWay()];
    one.hands.onTransaction = (nth) => {
      if (nth === 2) one.hands.certificates = [certificate(), made()];
    };
    expect(await renew(one)).toMatchObject({ certificatePem: 'old leaf' });
  });
});

describe('MUTANTS renew what is said with the new certificate', () => {
  it('ends the older ones after ten minutes, and says when, or that there are none', async () => {
    const one = world();
    expect(await confirmRenewal(one.deps, IDENTITY)).toEqual(after(600_000));
    one.hands.confirmed = 0;
    expect(await confirmRenewal(one.deps, IDENTITY)).toBeNull();
    const confirmed = ['confirmed', 'presented', NOW, after(600_000)];
    expect(one.told).toEqual([confirmed, confirmed]);
  });
});
