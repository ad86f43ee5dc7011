import type { VerifiedCrl } from '../../../ca/x509/crl-read.ts';
import { MosaicError } from '../../../domain/errors.ts';
import type { QuestionableGrant, RevocationEpoch } from '../../../domain/ports/revocation.ts';
import type { Deps } from '../../app/deps.ts';
import { adminChange } from '../../audit/admin-change.ts';
import type { Actor } from '../../kernel/actor.ts';
import type { InboundDeps } from '../deps.ts';
import { authorityList } from './authority-list.ts';

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
