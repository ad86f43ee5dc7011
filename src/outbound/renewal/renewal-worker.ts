import type { Deps } from '../../app/deps.ts';
import type { Author } from '../../audit/audit.ts';
import { dueAtOf, renewPeer } from './peer-renewal.ts';

const BATCH = 50;
/** Peers at once: one that does not answer must not hold up the others. */
const AT_ONCE = 4;
const POLL_MS = 15_000;

const AUTHOR: Author = { principal: null, traceId: null };

/** Peers without a date get one. @throws MosaicError `database_unavailable` */
const schedule = async (deps: Deps): Promise<void> => {
  const { peerRenewals } = deps.storage.stores;
  for (const peer of await peerRenewals.unscheduled(BATCH))
    await peerRenewals.schedule(peer.id, dueAtOf(deps, peer.clientCertPem));
};

const renewOne = async (deps: Deps, peerId: string, stopping: AbortSignal): Promise<boolean> => {
  try {
    const outcome = await renewPeer(deps, peerId, { author: AUTHOR, mustBeDue: true, stopping });
    return outcome.kind === 'renewed';
  } catch (error) {
    deps.log.warn('a renewal could not be carried out', { peer_id: peerId, error: error as Error });
    return false;
  }
};

/**
 * One round: what was superseded and is over its overlap is revoked (for those who ask us), and the certificates that
 * are due are renewed (for those we ask). Any number of replicas may do it at once.
 *
 * @returns how many were renewed
 * @throws MosaicError `database_unavailable`
 */
export const renewalRound = async (
  deps: Deps,
  stopping: AbortSignal = new AbortController().signal,
): Promise<number> => {
  const { certificates, peerRenewals } = deps.storage.stores;
  await certificates.revokeSuperseded(deps.clock.now());
  await schedule(deps);
  const due = [...(await peerRenewals.due(BATCH, deps.clock.now()))];
  let renewed = 0;
  const work = async (): Promise<void> => {
    for (let id = due.shift(); id !== undefined && !stopping.aborted; id = due.shift())
      if (await renewOne(deps, id, stopping)) renewed += 1;
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return renewed;
};

/** A round now and every 15 s, give or take, until stopped. Stopping ends calls that are under way. */
export const startRenewalWorker = (deps: Deps, pollMs = POLL_MS): { stop(): Promise<void> } => {
  const stopping = new AbortController();
  let running: Promise<void> = Promise.resolve();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const round = async (): Promise<void> => {
    try {
      await renewalRound(deps, stopping.signal);
    } catch (error) {
      deps.log.warn('certificates that are due for renewal could not be looked up', {
        error: error as Error,
      });
    }
    const jitter = (deps.random.bytes(1)[0] ?? 0) / 255;
    if (!stopping.signal.aborted) timer = setTimeout(next, pollMs * (0.75 + jitter / 2));
  };
  const next = (): void => {
    running = round();
  };
  next();
  return {
    stop: async () => {
      stopping.abort();
      clearTimeout(timer);
      await running;
    },
  };
};
