import { LRUCache } from 'lru-cache';
import { MosaicError } from '../../../domain/errors.ts';
import type { RevocationEpoch } from '../../../domain/ports/revocation.ts';
import type { Deps } from '../../app/deps.ts';
import { epochOf, isEpochProof, signEpoch } from '../../protocol/statement.ts';

/** How old the epoch may be that answers carry; a revocation at this gateway reads it again at once. */
const TTL_MS = 1_000;
const MAX_TOKENS = 1_000;

/** The revocation epoch of a gateway that serves, at hand for every answer without waiting for anything. */
export interface EpochKeeper {
  /** Whether neither `ready` nor `heed` has anything to wait for. Has an old epoch read again in the background. */
  isAtHand(token: string | undefined): boolean;
  /** Read once before the first answer. @throws MosaicError `database_unavailable` */
  ready(): Promise<void>;
  /** The signed epoch; null before `ready`. */
  token(): string | null;
  /** The highest epoch this process knows of, for the fence; 0 before `ready`. */
  known(): number;
  /**
   * Looks at the token a peer remembers. One that this database never had counts only with our own signature: then it is
   * proof that this gateway once published it, and that its database has been put back since.
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

/** The highest epoch this process knows to have been published: also when the database does not know it any more. */
export interface PublishedEpoch {
  epoch: number;
}

export const newPublishedEpoch = (): PublishedEpoch => ({ epoch: 0 });

/** One for each database connection. @param published outlives a request where a runtime starts anew for each */
export const createEpochKeeper = (
  { storage, keys, clock, log }: EpochDeps,
  published: PublishedEpoch,
): EpochKeeper => {
  const store = storage.stores.revocationEpoch;
  /** What peers showed, with the epoch it was looked at under: they show theirs with every request. */
  const seen = new LRUCache<string, number>({ max: MAX_TOKENS });
  const genuine = new LRUCache<string, true>({ max: MAX_TOKENS });
  let known: Known | null = null;
  let reading: Promise<void> | null = null;

  const take = async (state: RevocationEpoch): Promise<void> => {
    const { epoch, proven, lostSince } = state;
    // Two reads overtook each other.
    if (known !== null && epoch < known.epoch && lostSince === null) return;
    const token = known?.epoch === epoch ? known.token : await signEpoch(keys.statements, epoch);
    if (lostSince !== null && (known === null || known.lostSince === null))
      log.error(
        'the database is older than the revocations this gateway has published, so every peer is refused; see docs/explanation/revocation.md',
        {
          alert: 'revocations_lost',
          epoch,
          published_epoch: proven,
        },
      );
    published.epoch = Math.max(published.epoch, epoch, proven);
    known = { epoch, proven, lostSince, token, readAt: clock.now().getTime() };
  };

  /** What this very process has seen is proof as well: the database under it was put back, or a standby took over. */
  const refresh = async (): Promise<void> => {
    const before = published.epoch;
    const { knows, ...state } = await store.read(before);
    await take(knows || state.lostSince !== null ? state : await store.prove(before));
  };
  const refreshOnce = (): Promise<void> => (reading ??= refresh().finally(() => (reading = null)));

  const quietly = (): void => {
    refreshOnce().catch((error: unknown) => {
      log.warn('the revocation epoch could not be read', { error: error as Error });
    });
  };

  const isGenuine = async (token: string): Promise<boolean> => {
    if (genuine.has(token)) return true;
    if (!(await isEpochProof(keys.statements.publicJwk, token))) return false;
    genuine.set(token, true);
    return true;
  };

  /** Whether a token was looked at under the present epoch, or says nothing. */
  const isHeeded = (token: string | undefined): boolean =>
    token === undefined ||
    (known !== null && (token === known.token || seen.get(token) === known.epoch)) ||
    epochOf(token) === null;

  const look = async (token: string, epoch: number): Promise<void> => {
    if (await isGenuine(token)) {
      const { knows, ...state } = await store.read(epoch);
      await take(knows ? state : await store.prove(epoch));
    }
    if (known !== null) seen.set(token, known.epoch);
  };

  return {
    isAtHand: (token) => {
      if (known === null) return false;
      const age = clock.now().getTime() - known.readAt;
      if (age < 0 || age > TTL_MS) quietly();
      return isHeeded(token);
    },
    ready: async () => {
      if (known === null) await refreshOnce();
    },
    token: () => known?.token ?? null,
    known: () => published.epoch,
    heed: async (token) => {
      const epoch = token === undefined || isHeeded(token) ? null : epochOf(token);
      if (token !== undefined && epoch !== null) await look(token, epoch);
    },
    assertCurrent: () => {
      if (known !== null && known.lostSince !== null) throw new MosaicError('revocations_lost');
    },
    refresh,
  };
};
