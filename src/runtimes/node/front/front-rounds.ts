import type { Crl, CrlSource } from '../../../../ca/authority.ts';
import type { Clock, Log } from '../../../../domain/ports/basics.ts';
import { listFault, numbersOf, type ListNumbers } from './front-lists.ts';

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
  /**
   * Something was revoked here: a round that begins after this call, not at the next poll. However many ask, one is under
   * way and one follows at most. Never throws.
   */
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

/**
 * Keeps a front's revocation list current by rounds: at intervals, and at once when asked. A round takes the authority's
 * list, unless it is older or expired, and hands it to `update`; null stands for the list in force. Failures keep what
 * is there, and raise an alert.
 * @param floors numbers of lists that are in force already
 */
export const createFrontRounds = (
  parts: RoundParts,
  floors: ListNumbers,
  update: (crl: Crl | null) => Promise<void>,
): FrontRounds => {
  const { ca, clock, log } = parts;
  const least = new Map(floors);
  let refused = 0;
  let isStale = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running: Promise<void> | null = null;
  let following: Promise<void> | null = null;
  let inForce: Pick<Crl, 'thisUpdate' | 'nextUpdate'> | null = null;
  let isStopped = false;

  const alert = (message: string, error: unknown): void => {
    isStale = true;
    if (error instanceof FrontRefused) refused += 1;
    log.error(message, { alert: 'front_stale', error: error as Error });
  };

  const nextList = async (): Promise<Crl | null> => {
    const next = await ca.crl({ fresh: true });
    const fault = listFault(next, least, clock.now());
    if (fault === null) return next;
    alert(
      'a revocation list (CRL) for the front was refused; the previous one stays in use',
      new FrontRefused(fault),
    );
    return null;
  };

  const apply = async (next: Crl | null): Promise<void> => {
    // Also without a new list: a certificate may be due.
    await update(next);
    if (next === null) return;
    for (const [issuer, number] of numbersOf(next)) least.set(issuer, number);
    inForce = next;
  };

  /** Every list is replaced before half of its life is over: beyond, nobody could for a while, and there is half of it left to act. */
  const warnOfEnd = (): void => {
    if (inForce === null) return;
    const { thisUpdate, nextUpdate } = inForce;
    const left = nextUpdate.getTime() - clock.now().getTime();
    if (left * 2 >= nextUpdate.getTime() - thisUpdate.getTime()) return;
    isStale = true;
    log.error(
      'the revocation list (CRL) of the front is about to expire; every peer is refused once it has expired',
      {
        alert: 'crl_expiring',
        next_update: nextUpdate.toISOString(),
        minutes_left: Math.floor(left / 60_000),
      },
    );
  };

  const round = async (): Promise<void> => {
    isStale = false;
    const next = await nextList().catch((error: unknown) => {
      alert('the revocation list (CRL) of the front could not be fetched', error);
      return null;
    });
    await apply(next).catch((error: unknown) =>
      alert('the certificate or the revocation list (CRL) of the front could not be renewed', error),
    );
    warnOfEnd();
  };

  const run = async (): Promise<void> => {
    await round();
    running = null;
  };

  const begin = (): Promise<void> => {
    following = null;
    running = run();
    return running;
  };

  const refresh = (): Promise<void> => {
    // A list may be on its way that was made before this revocation: one more round follows, for all who ask meanwhile.
    if (following !== null) return following;
    if (running === null) return begin();
    following = running.then(begin);
    return following;
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
        alert('nginx did not accept the new certificate or revocation list (CRL) of the front', error);
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
