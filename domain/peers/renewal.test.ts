import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renewalDueAt, renewalRetryAt, renewalWindowMs } from './renewal.ts';

const DAY = 86_400_000;
const NOW = new Date('2026-01-10T00:00:00Z');
const at = (offset: number): Date => new Date(NOW.getTime() + offset);

describe('when a certificate is renewed', () => {
  it('M6-5 the window is the lesser of 7 days and a third of the lifetime', () => {
    const of = (lifetime: number) => renewalWindowMs({ notBefore: NOW, notAfter: at(lifetime) });
    expect([of(30 * DAY), of(21 * DAY), of(3 * DAY), of(300_000), of(-1)]).toEqual([
      7 * DAY,
      7 * DAY,
      DAY,
      100_000,
      0,
    ]);
  });

  it('is due in the first tenth of the window, wherever chance puts it', () => {
    const lifetime = fc.integer({ min: 300_000, max: 365 * DAY });
    fc.assert(
      fc.property(lifetime, fc.double({ min: 0, max: 1, noNaN: true }), (length, random) => {
        const validity = { notBefore: NOW, notAfter: at(length) };
        const window = renewalWindowMs(validity);
        const left = validity.notAfter.getTime() - renewalDueAt(validity, random).getTime();
        expect(left).toBeLessThanOrEqual(window + 1);
        expect(left).toBeGreaterThanOrEqual(window * 0.9 - 1);
      }),
    );
  });

  it('backs off up to an hour, jittered, and tries several times before the end', () => {
    const wait = (attempts: number, left: number | null, random = 0.5) =>
      renewalRetryAt(attempts, left === null ? null : at(left), NOW, random).getTime() - NOW.getTime();
    expect([wait(1, null), wait(2, null), wait(4, null), wait(30, null)]).toEqual([
      5_000, 10_000, 40_000, 3_600_000,
    ]);
    expect([wait(30, null, 0), wait(30, null, 1)]).toEqual([2_700_000, 4_500_000]);
    expect(wait(10, 80_000)).toBe(10_000);
    expect(wait(10, 1_000)).toBe(5_000);
    expect(wait(1, -1)).toBe(3_600_000);
  });

  it('MUTANTS renewal chance moves it by a tenth of the window and no more', () => {
    const validity = { notBefore: NOW, notAfter: at(30 * DAY) };
    const left = (random: number): number =>
      at(30 * DAY).getTime() - renewalDueAt(validity, random).getTime();
    expect([left(0), left(1)]).toEqual([7 * DAY, 6.3 * DAY]);
  });

  it('MUTANTS renewal a certificate that ends at this very moment is tried for as late as one that has ended', () => {
    const wait = (left: number): number => renewalRetryAt(1, at(left), NOW, 0.5).getTime() - NOW.getTime();
    expect([wait(1), wait(0), wait(-1)]).toEqual([5_000, 3_600_000, 3_600_000]);
  });
});
