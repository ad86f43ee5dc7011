import { readCertificate } from '../../../ca/x509/certificate.ts';
import { splitPem } from '../../../ca/x509/pem.ts';
import { MosaicError } from '../../../domain/errors.ts';
import { nextPeerState } from '../../../domain/peers/peer.ts';
import { renewalDueAt, renewalRetryAt, type Validity } from '../../../domain/peers/renewal.ts';
import type { PeerRenewal } from '../../../domain/ports/renewal.ts';
import type { Deps } from '../../app/deps.ts';
import type { Author } from '../../audit/audit.ts';
import { confirmCertificate, replaceCertificate, type Renewing } from './peer-renewal-steps.ts';

const RENEWAL_ALERT = 'peer_renewal_failed';

/** Longer than all calls of a renewal together: when a process dies with a claim, another takes over after this. */
const CLAIM_MS = 120_000;

export type RenewalOutcome =
  /** Somebody else renews it, or it is not due any more. */
  | { readonly kind: 'taken' }
  | { readonly kind: 'renewed' }
  | { readonly kind: 'failed'; readonly error: MosaicError }
  /** The gateway stops: nothing is known of the peer. */
  | { readonly kind: 'stopped' };

/** A third party's certificate as it was stored: when it does not read, the peer must be enrolled again. */
const validityOf = (certificatePem: string | null): Validity | null => {
  const blocks = splitPem(certificatePem ?? '');
  const leaf = blocks.ok ? blocks.value[0] : undefined;
  const info = leaf === undefined ? null : readCertificate(leaf.der);
  return info?.ok === true ? info.value : null;
};

const randomOf = (deps: Pick<Deps, 'random'>): number => (deps.random.bytes(1)[0] ?? 0) / 255;

/** When a peer's certificate is renewed. */
export const dueAtOf = (deps: Pick<Deps, 'random' | 'clock'>, certificatePem: string | null): Date => {
  const validity = validityOf(certificatePem);
  return validity === null ? deps.clock.now() : renewalDueAt(validity, randomOf(deps));
};

/** The peer goes on with the old certificate, degraded; a person hears of it; the next try comes later each time. */
const fail = async (deps: Deps, { peer, claimId }: Renewing, begun: PeerRenewal, error: MosaicError) => {
  const now = deps.clock.now();
  const { peers, peerRenewals } = deps.storage.stores;
  const retryAt = renewalRetryAt(begun.attempts, peer.certificateNotAfter, now, randomOf(deps));
  const state = nextPeerState(peer.state, 'renewal_failed');
  if (state !== null && state !== peer.state) await peers.setState(peer.id, peer.state, state);
  await peers.recordFailure(peer.id, now, error.code);
  await peerRenewals.release(peer.id, claimId, retryAt, 'failed');
  const fields = {
    peer_id: peer.id,
    peer: peer.name,
    code: error.code,
    attempts: begun.attempts,
    certificate_not_after: peer.certificateNotAfter?.toISOString(),
    retry_at: retryAt.toISOString(),
    error: error.cause instanceof Error ? error.cause : error,
  };
  const message = 'a peer’s certificate could not be renewed';
  if (deps.alerts === undefined) deps.log.error(message, { ...fields, alert: RENEWAL_ALERT });
  else deps.alerts.raise(RENEWAL_ALERT, message, fields);
};

const asMosaicError = (error: unknown): MosaicError =>
  error instanceof MosaicError ? error : new MosaicError('internal', { cause: error });

/** After the swap: what fails here costs nothing but that the old certificate lives until its own end. */
const finish = async (deps: Deps, renewing: Renewing): Promise<void> => {
  const { peer, claimId } = renewing;
  const { peers, peerRenewals } = deps.storage.stores;
  const certificate = (await peers.byId(peer.id))?.clientCertPem ?? null;
  try {
    await confirmCertificate(deps, renewing);
    await peerRenewals.release(peer.id, claimId, dueAtOf(deps, certificate), 'succeeded');
  } catch (error) {
    deps.log.warn('the peer could not be told yet that this gateway uses the new certificate', {
      peer_id: peer.id,
      error: error as Error,
    });
    const retryAt = renewalRetryAt(3, null, deps.clock.now(), randomOf(deps));
    await peerRenewals.release(peer.id, claimId, retryAt, 'unconfirmed');
  }
};

/**
 * Renews one peer's certificate, if nobody else does at this moment: new key, sealed and stored; new certificate,
 * checked and tried; both swapped at once; the old one given up. A process may die at any step: the pair in use
 * matches, and the next try goes on where this one was.
 *
 * @param mustBeDue false: now, whatever the date
 */
export const renewPeer = async (
  deps: Deps,
  peerId: string,
  options: {
    readonly author: Author;
    readonly mustBeDue: boolean;
    readonly stopping?: AbortSignal;
  },
): Promise<RenewalOutcome> => {
  const { peers, peerRenewals } = deps.storage.stores;
  const now = deps.clock.now();
  const claimId = deps.ids.uuid();
  const until = new Date(now.getTime() + CLAIM_MS);
  const begun = await peerRenewals.claim(peerId, claimId, now, until, options.mustBeDue);
  // Read after the claim: from here on nobody else swaps it.
  const peer = begun === null ? null : await peers.byId(peerId);
  if (begun === null || peer === null) return { kind: 'taken' };
  const { author, mustBeDue, stopping = null } = options;
  const renewing: Renewing = { peer, claimId, author, stopping };
  try {
    const isDue = dueAtOf(deps, peer.clientCertPem) <= now;
    if (begun.unconfirmed && mustBeDue && !isDue) {
      await finish(deps, renewing);
      return { kind: 'renewed' };
    }
    await replaceCertificate(deps, renewing, begun);
  } catch (thrown) {
    const error = asMosaicError(thrown);
    if (stopping?.aborted === true) {
      await peerRenewals.release(peer.id, claimId, now, 'failed');
      return { kind: 'stopped' };
    }
    if (error.code === 'conflict') return { kind: 'taken' };
    await fail(deps, renewing, begun, error);
    return { kind: 'failed', error };
  }
  await finish(deps, renewing);
  return { kind: 'renewed' };
};
