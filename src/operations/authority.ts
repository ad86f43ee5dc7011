import { trustOf, type KnownRoot, type RollState, type RollStep } from '../../ca/authority.ts';
import { sha256Hex } from '../../ca/x509/bytes.ts';
import { readCertificate } from '../../ca/x509/certificate.ts';
import { pemToDer } from '../../ca/x509/pem.ts';
import { MosaicError } from '../../domain/errors.ts';
import type { Deps } from '../app/deps.ts';
import type { Actor } from '../kernel/actor.ts';
import { changeEntry } from '../audit/audit.ts';

export interface RootView {
  /** SHA-256 of the certificate: what enrollment URLs and peers pin. */
  readonly fingerprint: string;
  readonly notAfter: Date | null;
  readonly use: KnownRoot['use'];
}

/** How a rollover of the authority's root stands. */
export interface AuthorityView extends Omit<RollState, 'roots'> {
  readonly kind: Deps['ca']['kind'];
  /** The one that issues first. */
  readonly roots: readonly RootView[];
  /** What the next step waits for: grants whose holder does not know the new root, or certificates of the old one. */
  readonly waitingFor: number;
}

const refused = (): MosaicError =>
  new MosaicError('invalid_transition', {
    detail:
      'This gateway cannot replace the root of its certificate authority. See docs/explanation/renewal.md.',
  });

const waitingFor = async (deps: Deps, { phase, announcedAt, switchedAt }: RollState): Promise<number> => {
  const { certificates } = deps.storage.stores;
  const now = deps.clock.now();
  if (phase === 'announced' && announcedAt !== null) {
    // Another intermediate of the same root: there is nothing that peers have to learn.
    if ((await trustOf(deps.ca)).linksPem === '') return 0;
    return certificates.unmovedSince(announcedAt, now);
  }
  if (phase === 'switched' && switchedAt !== null) return certificates.goodBefore(switchedAt, now);
  return 0;
};

const viewOf = ({ pem, use }: KnownRoot): RootView => {
  const der = pemToDer(pem, 'CERTIFICATE');
  const info = der.ok ? readCertificate(der.value) : der;
  return {
    fingerprint: der.ok ? sha256Hex(der.value) : '',
    notAfter: info.ok ? info.value.notAfter : null,
    use,
  };
};

/** @throws MosaicError `ca_unavailable`, `database_unavailable` */
export const showAuthority = async (deps: Deps): Promise<AuthorityView> => {
  const { kind, rollState } = deps.ca;
  if (rollState === undefined) {
    const roots = [viewOf({ pem: await deps.ca.rootPem(), use: 'issuing' })];
    return { kind, phase: 'stable', announcedAt: null, switchedAt: null, roots, waitingFor: 0 };
  }
  const state = await rollState();
  return { kind, ...state, roots: state.roots.map(viewOf), waitingFor: await waitingFor(deps, state) };
};

/**
 * Takes the next step of replacing the authority's root. A step that would cut peers off is refused while there are
 * any: a peer learns of a new root when it renews.
 *
 * @param isForced takes the step all the same; whoever has not renewed must enroll again
 * @throws MosaicError `invalid_transition` (out of turn, or somebody would be cut off), `conflict`, `ca_unavailable`
 */
export const rollAuthority = async (
  deps: Deps,
  actor: Actor,
  step: RollStep,
  isForced: boolean,
): Promise<AuthorityView> => {
  const { roll } = deps.ca;
  if (roll === undefined) throw refused();
  const { waitingFor: waiting } = await showAuthority(deps);
  if (step !== 'announce' && waiting > 0 && !isForced) {
    const whom =
      step === 'switch'
        ? `${waiting} grants whose holders have not renewed since the new root was announced`
        : `${waiting} certificates of the old root that are still good`;
    throw new MosaicError('invalid_transition', {
      detail: `This step would cut off ${whom}. Wait until they have renewed, or repeat the step with force.`,
    });
  }
  await roll(step);
  await deps.storage.stores.audit.insertMany([
    changeEntry(deps, actor, { verb: 'admin', action: `authority.${step}`, status: 200 }),
  ]);
  return showAuthority(deps);
};
