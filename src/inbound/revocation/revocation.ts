import type { RevocationReason } from '../../../ca/authority.ts';
import type { OutboxItem } from '../../../domain/ports/revocation.ts';
import type { Deps } from '../../app/deps.ts';
import type { InboundDeps } from '../deps.ts';

/** What telling the CA, and then the front, takes. */
type WorkerDeps = Pick<Deps, 'storage' | 'ca' | 'clock' | 'log' | 'refreshFront'>;

const BATCH = 50;
const LEASE_MS = 30_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 5 * 60_000;
const POLL_MS = 1_000;
const SETTLE_MS = 1_500;

const REASONS: readonly string[] = [
  'key_compromise',
  'cessation_of_operation',
  'superseded',
] satisfies RevocationReason[];

const reasonOf = (text: string): RevocationReason =>
  REASONS.includes(text) ? (text as RevocationReason) : 'unspecified';

const tell = async (deps: WorkerDeps, item: OutboxItem): Promise<boolean> => {
  try {
    await deps.ca.revoke(item.serial, reasonOf(item.reason), deps.clock.now());
    await deps.storage.stores.revocationOutbox.done(item.id, deps.clock.now());
    return true;
  } catch (error) {
    const waitMs = Math.min(FIRST_RETRY_MS * 2 ** Math.min(item.attempts - 1, 20), LAST_RETRY_MS);
    deps.log.warn('a revocation could not be reported to the certificate authority yet; it is tried again', {
      serial: item.serial,
      attempts: item.attempts,
      retry_in_ms: waitMs,
      error: error as Error,
    });
    await deps.storage.stores.revocationOutbox.failed(item.id, new Date(deps.clock.now().getTime() + waitMs));
    return false;
  }
};

/**
 * Tells the CA of the revocations it has not heard of. The database refuses those certificates already; this
 * brings the CRL, the outer fence, up to date, and waits for the own front to follow. A CA that is away is asked again, later each time, without end.
 *
 * @param isStopped ends it before the next one
 * @returns how many it was told of
 * @throws MosaicError `database_unavailable`
 */
export const drainRevocations = async (
  deps: WorkerDeps,
  isStopped: () => boolean = () => false,
): Promise<number> => {
  let told = 0;
  for (;;) {
    const now = deps.clock.now();
    const items = await deps.storage.stores.revocationOutbox.take(
      BATCH,
      now,
      new Date(now.getTime() + LEASE_MS),
    );
    let isInForce: Promise<void> | undefined;
    for (const item of items) {
      // What is taken and not told is free again when its lease ends.
      if (isStopped()) break;
      if (!(await tell(deps, item))) continue;
      told += 1;
      // It follows at once, but who ends many grants does not wait for as many reloads: what is asked for last covers all.
      isInForce = deps.refreshFront?.();
    }
    await isInForce;
    if (items.length < BATCH || isStopped()) return told;
  }
};

/** Drains at once, for at most a moment: what is left the worker does. Never throws. */
export const settleRevocations = async (deps: WorkerDeps): Promise<void> => {
  const drained = drainRevocations(deps).catch((error: unknown) => {
    deps.log.warn('revocations wait in the outbox', { error: error as Error });
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  await Promise.race([drained, new Promise((resolve) => (timer = setTimeout(resolve, SETTLE_MS)))]);
  clearTimeout(timer);
};

/**
 * To be called after the commit of every revocation, and before the caller is answered. When it resolves no request
 * sent from now on reads a row for what was revoked, on any gateway of the database, and no statement that could still
 * see it runs (`Storage.settled`). The CA was told and the front's list renewed, or the worker goes on with that.
 *
 * @throws MosaicError `database_unavailable`: revoked it is, but statements under way may still answer; ask again
 */
export const concludeRevocation = async (deps: WorkerDeps & Pick<InboundDeps, 'epochs'>): Promise<void> => {
  await Promise.all([deps.storage.settled(), settleRevocations(deps), deps.epochs.refresh()]);
};

/** Drains the outbox every second until stopped: also what a deleted user left there, on whichever replica. */
export const startRevocationWorker = (deps: WorkerDeps): { stop(): Promise<void> } => {
  let isStopped = false;
  let running: Promise<void> = Promise.resolve();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const round = async (): Promise<void> => {
    try {
      await drainRevocations(deps, () => isStopped);
    } catch (error) {
      deps.log.warn('revocations wait in the outbox', { error: error as Error });
    }
    if (!isStopped) timer = setTimeout(next, POLL_MS);
  };
  const next = (): void => {
    running = round();
  };
  next();
  return {
    stop: async () => {
      isStopped = true;
      clearTimeout(timer);
      await running;
    },
  };
};
