import { MosaicError } from '../../domain/errors.ts';
import type { Deps } from '../deps.ts';

export interface Claim {
  readonly hash: string;
  readonly claimId: string;
  readonly grantId: string;
}

/** Longer than a CA may take; when a process dies with a claim, its token is usable again after this. */
const LEASE_MS = 30_000;
const FIRST_POLL_MS = 20;
const LAST_POLL_MS = 400;
const POLLS = 40;

const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

const claimOnce = (deps: Pick<Deps, 'storage' | 'clock'>, hash: string, claimId: string) => {
  const now = deps.clock.now();
  return deps.storage.stores.enrollmentTokens.claim(hash, claimId, now, new Date(now.getTime() + LEASE_MS));
};

/**
 * Claims a token for one redemption. While another redemption holds it, waits for how that ends, for about 15 s
 * at most: when it succeeds the token is used; when it fails the CA is away, and instead of asking it once more
 * for each of those who waited, they are told so and the token stays usable (SPEC M2-3).
 *
 * @throws MosaicError `token_unknown`, `token_used`, `token_expired`, `ca_unavailable`
 */
export const claimToken = async (
  deps: Pick<Deps, 'storage' | 'clock' | 'ids'>,
  hash: string,
): Promise<Claim> => {
  const claimId = deps.ids.uuid();
  let pollMs = FIRST_POLL_MS;
  for (let poll = 0; poll <= POLLS; poll += 1) {
    const outcome = await claimOnce(deps, hash, claimId);
    switch (outcome.kind) {
      case 'claimed':
        if (poll === 0) return { hash, claimId, grantId: outcome.grantId };
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
  throw new MosaicError('ca_unavailable', { detail: 'Another redemption of this token has not ended yet.' });
};
