import type { Crl, CrlSource } from '../../../ca/authority.ts';
import type { Clock, Log } from '../../../domain/ports/basics.ts';

export interface RoundParts {
  readonly ca: CrlSource;
  readonly clock: Clock;
  readonly log: Log;
  /** How often to ask for revocations made elsewhere. */
  readonly pollMs?: number;
}

export interface FrontRounds {
  readonly isStale: () => boolean;
  readonly refusedLists: () => number;
  /** The first round. @throws what `update` throws, unless the front refused something: that is an alert only */
  readonly first: () => Promise<void>;
  readonly start: () => void;
  /** Something was revoked here: a round now, not at the next poll. Never throws. */
  readonly refresh: () => Promise<void>;
  readonly stop: () => void;
}

const POLL_MS = 15_000;

/** A front did not accept a list or a certificate: what was there before is in force. */
export class FrontRefused extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'FrontRefused';
  }
}

/** Why a list may not take the place of the one in force, or null. An older one would un-revoke certificates. */
export const listFault = (next: Crl, floor: bigint, now: Date): string | null => {
  if (next.number < floor) return `its number ${next.number} is below ${floor}`;
  if (next.nextUpdate <= now) return `it has expired at ${next.nextUpdate.toISOString()}`;
  return null;
};

/**
 * Keeps a front's revocation list current by rounds: at intervals, and at once when asked. A round takes the authority's
 * list, unless it is older or expired, and hands it to `update`; null stands for the list in force. Failures keep what
 * is there, and raise an alert.
 * @param floor number of a list that is in force already
 */
export const createFrontRounds = (
  parts: RoundParts,
  floor: bigint,
  update: (crl: Crl | null) => Promise<void>,
): FrontRounds => {
  const { ca, clock, log } = parts;
  let least = floor;
  let refused = 0;
  let isStale = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running: Promise<void> | null = null;
  let isAskedAgain = false;
  let isStopped = false;

  const alert = (message: string, error: unknown): void => {
    isStale = true;
    if (error instanceof FrontRefused) refused += 1;
    log.error(message, { alert: 'front_stale', error: error as Error });
  };

  const nextList = async (): Promise<Crl | null> => {
    const next = await ca.crl();
    const fault = listFault(next, least, clock.now());
    if (fault === null) return next;
    alert('a revocation list was refused', new FrontRefused(fault));
    return null;
  };

  const apply = async (next: Crl | null): Promise<void> => {
    // Also without a new list: a certificate may be due.
    await update(next);
    if (next !== null) least = next.number;
  };

  const round = async (): Promise<void> => {
    isStale = false;
    const next = await nextList().catch((error: unknown) => {
      alert('the revocation list could not be fetched', error);
      return null;
    });
    await apply(next).catch((error: unknown) => alert('the TLS front could not be refreshed', error));
  };

  const run = async (): Promise<void> => {
    do {
      isAskedAgain = false;
      await round();
    } while (isAskedAgain);
    running = null;
  };

  const refresh = (): Promise<void> => {
    if (running === null) running = run();
    // A list may be on its way that was made before this revocation: ask once more after it.
    else isAskedAgain = true;
    return running;
  };

  const schedule = (): void => {
    if (isStopped) return;
    timer = setTimeout(() => void refresh().then(schedule), parts.pollMs ?? POLL_MS);
    timer.unref();
  };

  return {
    isStale: () => isStale,
    refusedLists: () => refused,
    first: async () => {
      try {
        await apply(await nextList());
      } catch (error) {
        if (!(error instanceof FrontRefused)) throw error;
        alert('the front refused what it was given', error);
      }
    },
    start: schedule,
    refresh,
    stop: () => {
      isStopped = true;
      clearTimeout(timer);
    },
  };
};
