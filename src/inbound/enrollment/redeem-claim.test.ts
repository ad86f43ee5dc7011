import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BegunEnrollment, ClaimOutcome } from '../../../domain/ports/enrollment.ts';
import type { Deps } from '../../app/deps.ts';
import { claimToken } from './redeem-claim.ts';

const NOW = new Date('2026-01-01T00:00:00Z');
const LEASE_END = new Date('2026-01-01T00:00:30Z');
const PENDING = { id: 'grant', peerId: 'peer', subjectUserId: 'subject', expiresAt: null };

/** A token store that answers `begin` with the first outcome and `claim` with the others, the last of them for ever. */
const world = (begun: BegunEnrollment, ...claimed: readonly ClaimOutcome[]) => {
  const asked: unknown[][] = [];
  const waits: number[] = [];
  let [ids, last] = [0, Date.now()];
  const asking = (...question: unknown[]): void => {
    asked.push(question);
    waits.push(Date.now() - last);
    last = Date.now();
  };
  const stores = {
    enrollments: {
      begin: (...given: unknown[]) => {
        asking('begin', ...given);
        return Promise.resolve(begun);
      },
    },
    enrollmentTokens: {
      claim: (...given: unknown[]) => {
        asking('claim', ...given);
        return Promise.resolve(claimed[Math.min(asked.length - 2, claimed.length - 1)]);
      },
      release: (...given: unknown[]) => {
        asking('release', ...given);
        return Promise.resolve();
      },
    },
  };
  const deps = {
    storage: { stores },
    clock: { now: () => NOW },
    ids: { uuid: () => `id-${(ids += 1)}` },
  } as unknown as Deps;
  return { asked, waits, claim: () => claimToken(deps, 'hash', 'key') };
};

/** What a claim fails with, after all that it waits for. */
const refusalOf = async (claim: () => Promise<unknown>): Promise<unknown> => {
  const refusal = claim().then(
    () => null,
    (error: unknown) => error,
  );
  await vi.runAllTimersAsync();
  return refusal;
};

describe('MUTANTS redeem-claim a claim of an enrollment token', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'Date'] }));
  afterEach(() => void vi.useRealTimers());

  it('is made with the intent in one statement, and lasts 30 s', async () => {
    const { asked, claim } = world({ kind: 'claimed', grantId: 'grant', grant: PENDING });
    expect(await claim()).toEqual({
      hash: 'hash',
      claimId: 'id-1',
      certificateId: 'id-2',
      grantId: 'grant',
      grant: PENDING,
    });
    expect(asked).toEqual([
      [
        'begin',
        { hash: 'hash', claimId: 'id-1', now: NOW, leaseUntil: LEASE_END },
        { certificateId: 'id-2', publicKeyHash: 'key' },
      ],
    ]);
  });

  it('is made of a grant that nobody can enroll for, which is told', async () => {
    const { claim } = world({ kind: 'claimed', grantId: 'grant', grant: null });
    expect(await claim()).toMatchObject({ grantId: 'grant', grant: null });
  });

  it.each([
    ['unknown', 'token_unknown'],
    ['used', 'token_used'],
    ['expired', 'token_expired'],
  ] as const)('of one that is %s is refused at once: %s', async (kind, code) => {
    const { asked, claim } = world({ kind });
    await expect(claim()).rejects.toMatchObject({ code });
    expect(asked).toHaveLength(1);
  });

  it.each([
    ['unknown', 'token_unknown'],
    ['used', 'token_used'],
    ['expired', 'token_expired'],
  ] as const)('while another one is under way waits for how that ends: %s', async (kind, code) => {
    const { asked, waits, claim } = world({ kind: 'busy' }, { kind: 'busy' }, { kind });
    expect(await refusalOf(claim)).toMatchObject({ code });
    // No intent goes with the later ones: whoever waited has nothing signed.
    const again = ['claim', 'hash', 'id-1', NOW, LEASE_END];
    expect(asked.slice(1)).toEqual([again, again]);
    expect(waits).toEqual([0, 20, 30]);
  });

  it('gives the token back when the other one failed, and asks the CA for nothing', async () => {
    const { asked, claim } = world({ kind: 'busy' }, { kind: 'claimed', grantId: 'grant' });
    expect(await refusalOf(claim)).toMatchObject({ code: 'ca_unavailable' });
    expect(asked.slice(1)).toEqual([
      ['claim', 'hash', 'id-1', NOW, LEASE_END],
      ['release', 'hash', 'id-1'],
    ]);
  });

  it('waits for 15 s at most, longer each time up to 400 ms', async () => {
    const { waits, claim } = world({ kind: 'busy' }, { kind: 'busy' });
    expect(await refusalOf(claim)).toMatchObject({
      code: 'ca_unavailable',
      detail: 'Another redemption of this token is still in progress.',
    });
    expect(waits).toHaveLength(41);
    expect(waits.slice(0, 10)).toEqual([0, 20, 30, 45, 67, 101, 151, 227, 341, 400]);
    expect(Math.max(...waits)).toBe(400);
  });
});
