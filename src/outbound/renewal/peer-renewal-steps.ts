import { sha256Hex } from '../../../ca/x509/bytes.ts';
import { pemToDer, splitPem } from '../../../ca/x509/pem.ts';
import { MosaicError } from '../../../domain/errors.ts';
import type { Peer } from '../../../domain/ports/peers.ts';
import type { PeerRenewal } from '../../../domain/ports/renewal.ts';
import type { Result } from '../../../domain/result.ts';
import type { Deps, PeerClient } from '../../app/deps.ts';
import { clientKeyIdentity } from '../client/clients.ts';
import { failureToError, type PeerFailure } from '../client/failure.ts';
import { askConfirmation, askRenewal, tryCertificate } from './renew.ts';
import { watched } from '../client/watched.ts';
import { changeEntry, type Author } from '../../audit/audit.ts';
import { acceptRoots } from './peer-trust.ts';
import { acceptCertificate, type AcceptedCertificate } from '../enrollment/peer-certificate.ts';
import { callTrace } from '../client/call-telemetry.ts';

/** Identity a pending key is sealed under (ports/renewal.ts): another than the key in use has. */
const pendingKeyIdentity = (peerId: string): string => `peer_renewals/${peerId}/pending_key_pem`;

/** The serving side may wait for its authority. */
const RENEW_TIMEOUT_MS = 30_000;

/** A renewal under way. */
export interface Renewing {
  readonly peer: Peer;
  readonly claimId: string;
  readonly author: Author;
  /** Ends calls when the gateway stops. */
  readonly stopping: AbortSignal | null;
}

const signalOf = (milliseconds: number, { stopping }: Renewing): AbortSignal => {
  const timeout = AbortSignal.timeout(milliseconds);
  return stopping === null ? timeout : AbortSignal.any([timeout, stopping]);
};

/** One question of the renewal: in the trace of whoever asked for it, or in one of its own. */
const asked = <T>(
  deps: Deps,
  renewing: Renewing,
  timeoutMs: number,
  ask: (context: Parameters<typeof tryCertificate>[2]) => Promise<Result<T, PeerFailure>>,
): Promise<Result<T, PeerFailure>> => {
  const { peer, author } = renewing;
  const traceId = author.traceId ?? deps.ids.uuid().replaceAll('-', '');
  const isAsked = author.principal !== null;
  const parent = isAsked ? author.parent : undefined;
  const { traceparent, watch } = callTrace(deps, { traceId, parent }, isAsked ? 'client' : null);
  const signal = signalOf(timeoutMs, renewing);
  return watched(watch, [peer, 'renew', null], (call) =>
    ask({ traceparent: call?.traceparent ?? traceparent, signal, now: () => deps.clock.now() }),
  );
};

const valueOf = <T>(peer: Peer, result: Result<T, PeerFailure>): T => {
  if (!result.ok) throw failureToError(peer.name, result.error);
  return result.value;
};

/** A connection of its own, never one that was idle: a request that is not repeated must not be lost to that. */
const withClient = async <T>(
  deps: Deps,
  credentials: Parameters<Deps['transport']['connect']>[0],
  work: (client: PeerClient) => Promise<T>,
): Promise<T> => {
  const client = deps.transport.connect(credentials);
  try {
    return await work(client);
  } finally {
    client.close().catch(() => undefined);
  }
};

interface Pending {
  readonly keyPem: string;
  readonly csrPem: string;
}

const lost = (): MosaicError =>
  new MosaicError('conflict', { detail: 'Another replica has taken this renewal over.' });

/** The new key of this renewal: the one a process left that died, or a new one, stored before anybody hears of it. */
const pendingKey = async (deps: Deps, { peer, claimId }: Renewing, begun: PeerRenewal): Promise<Pending> => {
  const { pendingKeyPemSealed, pendingCsrPem } = begun;
  const identity = pendingKeyIdentity(peer.id);
  if (pendingKeyPemSealed !== null && pendingCsrPem !== null) {
    const opened = await deps.sealer.open(pendingKeyPemSealed, identity).catch(() => null);
    if (opened !== null) return { keyPem: new TextDecoder().decode(opened), csrPem: pendingCsrPem };
  }
  const made = await deps.keyMaker.keyAndCsr();
  const sealed = await deps.sealer.seal(new TextEncoder().encode(made.keyPem), identity);
  const { peerRenewals } = deps.storage.stores;
  if (!(await peerRenewals.savePending(peer.id, claimId, sealed, made.csrPem))) throw lost();
  return made;
};

interface Obtained extends AcceptedCertificate {
  /** Of the root the certificate ends at; `caPem` has all that are trusted. */
  readonly caFingerprint: string;
}

const fingerprintOf = (pem: string): string => {
  const der = pemToDer(pem, 'CERTIFICATE');
  return der.ok ? sha256Hex(der.value) : '';
};

const isEndOf = (chainPem: string, rootPem: string): boolean => {
  const chain = splitPem(chainPem);
  const last = chain.ok ? chain.value.at(-1) : undefined;
  return last !== undefined && sha256Hex(last.der) === fingerprintOf(rootPem);
};

interface Usable {
  readonly federationUrl: string;
  readonly caPem: string;
  readonly clientCertPem: string;
  readonly clientKeyPemSealed: string;
}

const usable = ({ federationUrl, caPem, clientCertPem, clientKeyPemSealed }: Peer): Usable => {
  if (federationUrl === null || caPem === null || clientCertPem === null || clientKeyPemSealed === null)
    throw new MosaicError('invalid_transition', { detail: 'The enrollment of this peer is incomplete.' });
  return { federationUrl, caPem, clientCertPem, clientKeyPemSealed };
};

const obtain = async (deps: Deps, renewing: Renewing, { csrPem }: Pending): Promise<Obtained> => {
  const { peer } = renewing;
  const { federationUrl, caPem, clientCertPem, clientKeyPemSealed } = usable(peer);
  const key = await deps.sealer.open(clientKeyPemSealed, clientKeyIdentity(peer.id));
  const credentials = { caPem, certPem: clientCertPem, keyPem: new TextDecoder().decode(key) };
  const answer = await withClient(deps, credentials, async (client) =>
    valueOf(
      peer,
      await asked(deps, renewing, RENEW_TIMEOUT_MS, (context) =>
        askRenewal(client, federationUrl, csrPem, context),
      ),
    ),
  );
  if (answer.grantId !== peer.remoteGrantId || answer.subjectUserId !== peer.remoteSubjectUserId) {
    throw new MosaicError('peer_protocol', { detail: 'The certificate is for another grant or subject.' });
  }
  const now = deps.clock.now();
  const roots = await acceptRoots(caPem, { rootsPem: answer.caPem, linksPem: answer.linksPem }, now);
  if (!roots.ok) throw new MosaicError('peer_protocol', { detail: roots.error });
  // Of the roots it is the one at the end of the chain that the certificate is held against.
  const root = roots.value.find((pem) => isEndOf(answer.chainPem, pem)) ?? '';
  const caFingerprint = fingerprintOf(root);
  const accepted = await acceptCertificate({ ...answer, caPem: root }, csrPem, caFingerprint, now);
  if (!accepted.ok) throw new MosaicError('peer_protocol', { detail: accepted.error });
  return { ...accepted.value, caPem: roots.value.join(''), caFingerprint };
};

/** Certificate and key, both or neither, and the note that the serving side has to hear of it. */
const swap = async (
  deps: Deps,
  { peer, claimId, author }: Renewing,
  { keyPem }: Pending,
  { caPem, caFingerprint, clientCertPem, notAfter }: Obtained,
): Promise<void> => {
  const { clientCertPem: from } = usable(peer);
  const sealed = await deps.sealer.seal(new TextEncoder().encode(keyPem), clientKeyIdentity(peer.id));
  await deps.storage.transaction(async (stores) => {
    const isOurs = await stores.peerRenewals.swapped(peer.id, claimId);
    const isSwapped = await stores.peers.swapCertificate(peer.id, from, {
      caPem,
      caFingerprint,
      clientCertPem,
      clientKeyPemSealed: sealed,
      certificateNotAfter: notAfter,
    });
    if (!isOurs || !isSwapped) throw lost();
    await stores.audit.insertMany([
      changeEntry(deps, author, {
        verb: 'renew',
        action: 'peer.renew',
        status: 200,
        peerId: peer.id,
        subjectUserId: peer.localUserId,
      }),
    ]);
  });
};

/**
 * Up to the swap. Whatever ends it on the way, certificate and key in use stay a pair, and the next try
 * goes on here.
 *
 * @throws MosaicError what the peer's refusal or silence becomes; `peer_protocol`; `conflict` when the claim was lost
 */
export const replaceCertificate = async (
  deps: Deps,
  renewing: Renewing,
  begun: PeerRenewal,
): Promise<void> => {
  const { peer } = renewing;
  const pending = await pendingKey(deps, renewing, begun);
  const accepted = await obtain(deps, renewing, pending);
  const { caPem, clientCertPem: certPem } = accepted;
  // Before it is relied on: a certificate that the peer's front does not take would cut the connection for good.
  await withClient(deps, { caPem, certPem, keyPem: pending.keyPem }, async (client) =>
    valueOf(
      peer,
      await asked(deps, renewing, deps.settings.peerTimeoutMs, (context) =>
        tryCertificate(client, usable(peer).federationUrl, context),
      ),
    ),
  );
  await swap(deps, renewing, pending, accepted);
};

/** Tells the serving side, with the certificate in use, that older ones may end. */
export const confirmCertificate = async (deps: Deps, renewing: Renewing): Promise<void> => {
  const peer = await deps.storage.stores.peers.byId(renewing.peer.id);
  if (peer === null) return;
  const { federationUrl, caPem, clientCertPem, clientKeyPemSealed } = usable(peer);
  const key = await deps.sealer.open(clientKeyPemSealed, clientKeyIdentity(peer.id));
  const credentials = { caPem, certPem: clientCertPem, keyPem: new TextDecoder().decode(key) };
  await withClient(deps, credentials, async (client) =>
    valueOf(
      peer,
      await asked(deps, renewing, deps.settings.peerTimeoutMs, (context) =>
        askConfirmation(client, federationUrl, context),
      ),
    ),
  );
};
