import { MosaicError } from '../../../domain/errors.ts';
import type { BegunEnrollment, EnrollableGrant } from '../../../domain/ports/enrollment.ts';
import type { Deps } from '../../app/deps.ts';

export interface Claim {
  readonly hash: string;
  readonly claimId: string;
  readonly grantId: string;
  /** Id of the certificate that is about to be asked for. */
  readonly certificateId: string;
  /** null: nobody can enroll for it (any more), and no certificate may be asked for. */
  readonly grant: EnrollableGrant | null;
}

/** Longer than a CA may take; when a process dies with a claim, its token is usable again after this. */
const LEASE_MS = 30_000;
const FIRST_POLL_MS = 20;
const LAST_POLL_MS = 400;
const POLLS = 40;

const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

type ClaimDeps = Pick<Deps, 'storage' | 'clock' | 'ids'>;

/** The first try claims the token and writes the intent down, in one statement; a later one only asks how the other try ended. */
const tryOnce = async (
  { storage: { stores }, clock }: ClaimDeps,
  hash: string,
  claimId: string,
  intent: { readonly certificateId: string; readonly publicKeyHash: string } | null,
): Promise<BegunEnrollment> => {
  const now = clock.now();
  const leaseUntil = new Date(now.getTime() + LEASE_MS);
  if (intent !== null) return stores.enrollments.begin({ hash, claimId, now, leaseUntil }, intent);
  const outcome = await stores.enrollmentTokens.claim(hash, claimId, now, leaseUntil);
  return outcome.kind === 'claimed' ? { ...outcome, grant: null } : outcome;
};

/**
 * Claims a token for one redemption, and with it records what the CA will be asked for. While another redemption holds it,
 * waits for how that ends, for about 15 s at most: when it succeeds the token is used; when it fails the CA is away, and
 * instead of asking it once more for each of those who waited, they are told so and the token stays usable (SPEC M2-3).
 *
 * @throws MosaicError `token_unknown`, `token_used`, `token_expired`, `ca_unavailable`
 */
export const claimToken = async (deps: ClaimDeps, hash: string, publicKeyHash: string): Promise<Claim> => {
  const [claimId, certificateId] = [deps.ids.uuid(), deps.ids.uuid()];
  let pollMs = FIRST_POLL_MS;
  for (let poll = 0; poll <= POLLS; poll += 1) {
    const outcome = await tryOnce(deps, hash, claimId, poll === 0 ? { certificateId, publicKeyHash } : null);
    switch (outcome.kind) {
      case 'claimed':
        if (poll === 0)
          return { hash, claimId, certificateId, grantId: outcome.grantId, grant: outcome.grant };
        await deps.storage.stores.enrollmentTokens.release(hash, claimId);
        throw new MosaicError('ca_unavailable');
      case 'unknown':
        throw new MosaicError('token_unknown');
      case 'used':
        throw new MosaicError('token_used');
      case 'expired':
        throw new MosaicError('token_expired');
      case 'busy':
        await sleep(pollMs);
        pollMs = Math.min(pollMs * 1.5, LAST_POLL_MS);
    }
  }
  throw new MosaicError('ca_unavailable', {
    detail: 'Another redemption of this token is still in progress.',
  });
};
