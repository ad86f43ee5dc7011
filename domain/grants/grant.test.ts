import { describe, expect, it } from 'vitest';
import { GRANT_STATUSES, canTransition, effectiveStatus } from './grant.ts';

const at = (iso: string): Date => new Date(iso);

describe('grant status', () => {
  it('is final once revoked', () => {
    for (const to of GRANT_STATUSES) expect(canTransition('revoked', to)).toBe(false);
  });

  it('never becomes active again', () => {
    const reaching = GRANT_STATUSES.filter((from) => canTransition(from, 'active'));
    expect(reaching).toEqual(['pending']);
  });

  it('is expired from the very moment of expiresAt', () => {
    const grant = { status: 'active', expiresAt: at('2026-01-01T00:00:00Z') } as const;
    expect(effectiveStatus(grant, at('2025-12-31T23:59:59.999Z'))).toBe('active');
    expect(effectiveStatus(grant, at('2026-01-01T00:00:00Z'))).toBe('expired');
  });

  it('stays revoked after its expiry', () => {
    expect(
      effectiveStatus(
        { status: 'revoked', expiresAt: at('2020-01-01T00:00:00Z') },
        at('2026-01-01T00:00:00Z'),
      ),
    ).toBe('revoked');
  });

  it.each([
    ['pending', ['active', 'revoked', 'expired']],
    ['active', ['revoked', 'expired']],
    ['revoked', []],
    ['expired', ['revoked']],
  ] as const)('MUTANTS grant goes from %s to %j and nowhere else', (from, reached) => {
    expect(GRANT_STATUSES.filter((to) => canTransition(from, to))).toEqual(
      [...reached].toSorted((a, b) => GRANT_STATUSES.indexOf(a) - GRANT_STATUSES.indexOf(b)),
    );
  });

  it('MUTANTS grant is expired when it was never enrolled for in time, and as it says where it has no end', () => {
    const past = at('2020-01-01T00:00:00Z');
    const now = at('2026-01-01T00:00:00Z');
    for (const status of ['pending', 'active'] as const) {
      expect(effectiveStatus({ status, expiresAt: past }, now)).toBe('expired');
      expect(effectiveStatus({ status, expiresAt: null }, now)).toBe(status);
      expect(effectiveStatus({ status, expiresAt: at('2027-01-01T00:00:00Z') }, now)).toBe(status);
    }
    expect(effectiveStatus({ status: 'expired', expiresAt: null }, now)).toBe('expired');
    expect(effectiveStatus({ status: 'revoked', expiresAt: null }, now)).toBe('revoked');
  });
});
