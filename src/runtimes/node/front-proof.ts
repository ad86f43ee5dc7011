import type { Clock } from '../../../domain/ports/basics.ts';
import { isSameSecret } from '../../../routes/federation/front-proof.ts';
import { proofIn, readFront, type FrontFiles } from './front-folder.ts';

export interface ProofCheck {
  /** The folder's files as they were just written. */
  readonly renew: (files: Partial<FrontFiles>) => void;
  readonly isProven: (proof: string) => boolean;
}

/** nginx's workers from before a reload go on with the older secret until they have ended. */
const OLDER_COUNTS_MS = 60_000;
/** Whoever may open the socket must not be able to keep the process reading a file. */
const READ_AGAIN_MS = 1_000;

/**
 * Compares what requests bring with the secret of the folder. Replicas share the folder, and another one may have renewed the
 * secret: where a proof is not the known one, the file is read again, once a second at most.
 */
export const createProofCheck = (folder: string, clock: Clock): ProofCheck => {
  let current: string | null = null;
  let older: { readonly secret: string; readonly until: number } | null = null;
  let nextRead = 0;

  const renew = (files: Partial<FrontFiles>): void => {
    const found = proofIn(files);
    if (found === null || found === current) return;
    if (current !== null) older = { secret: current, until: clock.now().getTime() + OLDER_COUNTS_MS };
    current = found;
  };

  const isKnown = (proof: string): boolean =>
    (current !== null && isSameSecret(proof, current)) ||
    (older !== null && clock.now().getTime() < older.until && isSameSecret(proof, older.secret));

  const readAgain = (): void => {
    const now = clock.now().getTime();
    if (now < nextRead) return;
    nextRead = now + READ_AGAIN_MS;
    renew(readFront(folder));
  };

  return {
    renew,
    isProven: (proof) => {
      if (isKnown(proof)) return true;
      readAgain();
      return isKnown(proof);
    },
  };
};
