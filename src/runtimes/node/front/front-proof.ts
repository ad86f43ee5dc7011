import type { Clock, Log } from '../../../../domain/ports/basics.ts';
import { isSameSecret, type FrontProof } from '../../../../routes/inbound/front-proof.ts';
import { proofIn, readProof, type FrontFiles, type ProofReading } from './front-folder.ts';

export interface ProofCheck extends FrontProof {
  /** The folder's files as they were just written. */
  readonly renew: (files: Partial<FrontFiles>) => void;
}

export interface ProofParts {
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Has the folder's files written anew, where some are missing. */
  readonly mend: () => void;
}

/** nginx's workers from before a reload go on with the older secret until they have ended. */
const OLDER_COUNTS_MS = 60_000;
/** Whoever may open the socket must not be able to keep the process reading a file. */
const READ_AGAIN_MS = 1_000;

/** Faults that a round of the keeper mends by itself: whoever removes the file asks for a new secret. */
const MENDED: readonly string[] = ['missing', 'empty'];

/**
 * Compares what requests bring with the secret of the folder. Replicas share the folder, and another one may have renewed the
 * secret: where a proof is not the known one, the file is read again, once a second at most. A secret that is known goes on
 * while its file cannot be read.
 */
export const createProofCheck = ({ folder, clock, log, mend }: ProofParts): ProofCheck => {
  let current: string | null = null;
  let older: { readonly secret: string; readonly until: number } | null = null;
  let nextRead = 0;
  let fault: string | null = null;

  const take = (secret: string): void => {
    if (secret === current) return;
    if (current !== null) older = { secret: current, until: clock.now().getTime() + OLDER_COUNTS_MS };
    current = secret;
  };

  const note = (reading: ProofReading): void => {
    if (reading.fault === null) {
      take(reading.secret);
      if (fault !== null && !MENDED.includes(fault)) log.info('front-proof.conf can be read again');
    } else if (MENDED.includes(reading.fault)) {
      if (reading.fault !== fault) mend();
    } else if (reading.fault !== fault) {
      log.error('front-proof.conf cannot be read; peers get 503 as soon as the front uses a new secret', {
        alert: 'front_proof_unreadable',
        fault: reading.fault,
      });
    }
    fault = reading.fault;
  };

  const isKnown = (proof: string): boolean =>
    (current !== null && isSameSecret(proof, current)) ||
    (older !== null && clock.now().getTime() < older.until && isSameSecret(proof, older.secret));

  const readAgain = (): void => {
    const now = clock.now().getTime();
    if (now < nextRead) return;
    nextRead = now + READ_AGAIN_MS;
    note(readProof(folder));
  };

  return {
    renew: (files) => {
      const secret = proofIn(files);
      if (secret !== null) note({ secret, fault: null });
    },
    isProven: (proof) => {
      if (isKnown(proof)) return true;
      readAgain();
      return isKnown(proof);
    },
    isReadable: () => {
      readAgain();
      return fault === null;
    },
  };
};
