import { LRUCache } from 'lru-cache';
import type { VerifiedCrl } from '../../../ca/x509/crl-read.ts';
import { MosaicError } from '../../../domain/errors.ts';
import type { QuestionableGrant, RevocationEpoch } from '../../../domain/ports/revocation.ts';
import type { Deps } from '../../app/deps.ts';
import type { InboundDeps } from '../deps.ts';
import { epochOf, isEpochProof, signEpoch } from '../../protocol/statement.ts';
import type { Actor } from '../../kernel/actor.ts';
import { adminChange } from '../../audit/admin-change.ts';
import { authorityList } from './authority-list.ts';

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

/** How many grants are named at most. */
const MAX_GRANTS = 200;

export interface NamedGrant extends QuestionableGrant {
  /** A certificate of it is on the authority's own list of revoked ones; null: that list could not be had. */
  readonly isRevokedAtAuthority: boolean | null;
}

export interface RevocationState extends RevocationEpoch {
  /** The database is older than what was published. */
  readonly isLost: boolean;
}

export interface NamedRevocationState extends RevocationState {
  /** Grants in force that were made before the loss was known: among them are those that the restore has un-revoked. */
  readonly questionable: readonly NamedGrant[];
  /** There are more than are named. */
  readonly more: boolean;
}

const stateOf = (state: RevocationEpoch): RevocationState => ({ ...state, isLost: state.lostSince !== null });

export const revocationState = async (deps: Pick<Deps, 'storage'>): Promise<RevocationState> => {
  const { epoch, proven, lostSince } = await deps.storage.stores.revocationEpoch.read(0);
  return stateOf({ epoch, proven, lostSince });
};

const named = (
  grants: readonly QuestionableGrant[],
  list: VerifiedCrl | null,
): Pick<NamedRevocationState, 'questionable' | 'more'> => {
  const shown = grants.slice(0, MAX_GRANTS);
  const revoked = list?.revokedAmong(shown.flatMap(({ serials }) => serials)) ?? null;
  const isRevoked = ({ serials }: QuestionableGrant): boolean | null =>
    revoked === null ? null : serials.some((serial) => revoked.has(serial));
  return {
    questionable: shown.map((grant) => ({ ...grant, isRevokedAtAuthority: isRevoked(grant) })),
    more: grants.length > MAX_GRANTS,
  };
};

/** The state, and while revocations are lost the grants that may be in force for that reason alone. */
export const namedRevocationState = async (deps: InboundDeps): Promise<NamedRevocationState> => {
  const state = await revocationState(deps);
  if (!state.isLost) return { ...state, questionable: [], more: false };
  const [grants, list] = await Promise.all([
    deps.storage.stores.revocationEpoch.questionable(MAX_GRANTS + 1),
    authorityList(deps),
  ]);
  return { ...state, ...named(grants, list) };
};

/**
 * An administrator takes the restored database as it is now, having revoked again what was revoked: peers are
 * served again, under an epoch above all that was ever published.
 * @returns the state, with the grants that are in force and may have been revoked before
 * @throws MosaicError `invalid_transition` when nothing was lost
 */
export const acceptRestore = async (deps: InboundDeps, actor: Actor): Promise<NamedRevocationState> => {
  const change = { action: 'revocation.accept_restore', status: 200 };
  const list = await authorityList(deps);
  const { state, grants } = await adminChange(deps, actor, change, async (stores) => {
    const grants = await stores.revocationEpoch.questionable(MAX_GRANTS + 1);
    const state = await stores.revocationEpoch.accept();
    if (state === null)
      throw new MosaicError('invalid_transition', { detail: 'No published revocation is missing.' });
    return { state, grants };
  });
  await deps.epochs.refresh();
  const { epoch, proven, lostSince } = state;
  return { ...stateOf({ epoch, proven, lostSince }), ...named(grants, list) };
};
