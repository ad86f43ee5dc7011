import { LRUCache } from 'lru-cache';
import { MosaicError } from '../../domain/errors.ts';
import type { RevocationEpoch } from '../../domain/ports/federation.ts';
import type { Deps } from '../deps.ts';
import { epochOf, isEpochProof, signEpoch } from '../federation/statement.ts';
import type { Actor } from './actor.ts';
import { adminChange } from './admin-change.ts';

/** How old the epoch may be that answers carry; a revocation at this gateway reads it again at once. */
const TTL_MS = 1_000;
const MAX_PROOFS = 1_000;

/** The revocation epoch of a gateway that serves, at hand for every answer without waiting for anything. */
export interface EpochKeeper {
  /** Whether neither `ready` nor `heed` has anything to wait for. Has an old epoch read again in the background. */
  isAtHand(token: string | undefined): boolean;
  /** Read once before the first answer. @throws MosaicError `database_unavailable` */
  ready(): Promise<void>;
  /** The signed epoch; null before `ready`. */
  token(): string | null;
  /**
   * Looks at the token a peer remembers. One above ours counts only with our own signature: then it is proof that this
   * gateway once published it, and that its database has been put back since.
   */
  heed(token: string | undefined): Promise<void>;
  /** @throws MosaicError `revocations_lost` while this database is older than what was published */
  assertCurrent(): void;
  refresh(): Promise<void>;
}

type EpochDeps = Pick<Deps, 'storage' | 'keys' | 'clock' | 'log'>;

interface Known extends RevocationEpoch {
  readonly token: string;
  readonly readAt: number;
}

const createEpochKeeper = ({ storage, keys, clock, log }: EpochDeps): EpochKeeper => {
  const store = storage.stores.revocationEpoch;
  /** Verified once each: peers send theirs with every request. */
  const proofs = new LRUCache<string, true>({ max: MAX_PROOFS });
  let known: Known | null = null;
  let reading: Promise<void> | null = null;

  const take = async ({ epoch, proven }: RevocationEpoch): Promise<void> => {
    // It never falls: the database under this very process was put back. (Or two reads overtook each other.)
    if (known !== null && epoch < known.epoch) return lower(known.epoch);
    const token = known?.epoch === epoch ? known.token : await signEpoch(keys.statements, epoch);
    if (proven > epoch && !(known !== null && known.proven > known.epoch))
      log.error('the database is older than revocations this gateway has published: peers are not served', {
        alert: 'revocations_lost',
        epoch,
        published_epoch: proven,
      });
    known = { epoch, proven, token, readAt: clock.now().getTime() };
  };

  const lower = async (before: number): Promise<void> => {
    const again = await store.read();
    const state = again.epoch < before ? await store.prove(before) : again;
    known = null;
    await take(state);
  };

  const refresh = async (): Promise<void> => take(await store.read());
  const refreshOnce = (): Promise<void> => (reading ??= refresh().finally(() => (reading = null)));

  const quietly = (): void => {
    refreshOnce().catch((error: unknown) => {
      log.warn('the revocation epoch could not be read', { error: error as Error });
    });
  };

  const prove = async (token: string, epoch: number): Promise<void> => {
    if (!proofs.has(token)) {
      if (!(await isEpochProof(keys.statements.publicJwk, token))) return;
      proofs.set(token, true);
    }
    // Another replica may be ahead of what we know, and usually is.
    await refresh();
    if (known !== null && epoch > known.epoch && epoch > known.proven) await take(await store.prove(epoch));
  };

  /** The epoch a peer claims, where it says more than we know. */
  const claimed = (token: string | undefined): number | null => {
    if (token === undefined || token === known?.token) return null;
    const epoch = epochOf(token);
    return epoch === null || (known !== null && epoch <= Math.max(known.epoch, known.proven)) ? null : epoch;
  };

  return {
    isAtHand: (token) => {
      if (known === null) return false;
      const age = clock.now().getTime() - known.readAt;
      if (age < 0 || age > TTL_MS) quietly();
      return claimed(token) === null;
    },
    ready: async () => {
      if (known === null) await refreshOnce();
    },
    token: () => known?.token ?? null,
    heed: async (token) => {
      const epoch = claimed(token);
      if (token !== undefined && epoch !== null) await prove(token, epoch);
    },
    assertCurrent: () => {
      if (known !== null && known.proven > known.epoch) throw new MosaicError('revocations_lost');
    },
    refresh,
  };
};

const kept = new WeakMap<Deps['storage'], EpochKeeper>();

/** One for each database connection. */
export const epochKeeperOf = (deps: EpochDeps): EpochKeeper => {
  const found = kept.get(deps.storage);
  if (found !== undefined) return found;
  const made = createEpochKeeper(deps);
  kept.set(deps.storage, made);
  return made;
};

export interface RevocationState extends RevocationEpoch {
  /** The database is older than what was published. */
  readonly isLost: boolean;
}

const stateOf = (state: RevocationEpoch): RevocationState => ({
  ...state,
  isLost: state.proven > state.epoch,
});

export const revocationState = async (deps: Deps): Promise<RevocationState> =>
  stateOf(await deps.storage.stores.revocationEpoch.read());

/**
 * An administrator takes the restored database as it is now, having revoked again what was revoked: peers are
 * served again, under an epoch above all that was ever published.
 * @throws MosaicError `invalid_transition` when nothing was lost
 */
export const acceptRestore = async (deps: Deps, actor: Actor): Promise<RevocationState> => {
  const change = { action: 'revocation.accept_restore', status: 200 };
  const accepted = await adminChange(deps, actor, change, async (stores) => {
    const state = await stores.revocationEpoch.accept();
    if (state === null)
      throw new MosaicError('invalid_transition', { detail: 'No published revocation is missing.' });
    return state;
  });
  await epochKeeperOf(deps).refresh();
  return stateOf(accepted);
};
