import { MosaicError } from '../../../domain/errors.ts';
import { NEVER_ASKED } from '../../../domain/peers/peer.ts';
import type { Peer } from '../../../domain/ports/peers.ts';
import type { PeerTrust } from '../../../domain/ports/revocation.ts';
import type { Deps } from '../../app/deps.ts';
import { clientKeyIdentity } from '../client/clients.ts';
import { redeemToken } from './redeem.ts';
import { traceparent } from '../client/trace.ts';
import { isPublicKey } from '../../audit/audit-signer.ts';
import { parseEnrollmentUrl, type EnrollmentUrl } from '../../protocol/enrollment-url.ts';
import { acceptCertificate } from './peer-certificate.ts';

/** The serving side signs while we wait, and a token is lost when we don't: longer than an ordinary call. */
const REDEEM_TIMEOUT_MS = 30_000;
const REDEEM = '/enrollment/v1/redeem';

/** Reads the URL and refuses what must not be called; nothing is sent yet. @throws MosaicError `invalid_enrollment_url`, `address_refused`, `peer_unreachable` */
export const checkEnrollmentUrl = async (deps: Deps, text: string): Promise<EnrollmentUrl> => {
  const parsed = parseEnrollmentUrl(text, { allowLoopbackHttp: deps.settings.allowLoopbackHttp });
  if (!parsed.ok) throw new MosaicError('invalid_enrollment_url', { detail: parsed.error });
  await deps.transport.assertAddressAllowed(parsed.value.endpoint);
  return parsed.value;
};

/** The base of B's mTLS listener as it will be called. @throws MosaicError `peer_protocol`, `address_refused` */
const checkFederationUrl = async (deps: Deps, text: string): Promise<string> => {
  const url = URL.parse(text);
  const isBase =
    url?.protocol === 'https:' &&
    url.username === '' &&
    url.password === '' &&
    url.search === '' &&
    url.hash === '';
  if (url === null || !isBase) {
    throw new MosaicError('peer_protocol', {
      detail: 'The serving gateway named a federation address that is not plain https.',
    });
  }
  await deps.transport.assertAddressAllowed(url.href);
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
};

/** What was enrolled, and what the serving gateway calls itself. */
export interface Enrolled {
  readonly peer: Omit<Peer, 'name'>;
  readonly gatewayName: string;
  /** What its audit checkpoints must be signed with from now on. */
  readonly auditKey: string | null;
  /** Pinned with the peer: both came over TLS of the authority that the enrollment URL names. */
  readonly trust: Pick<PeerTrust, 'signingKey' | 'crlUrl'>;
}

/** From here on the token is spent, so every failure says what that means. */
export const afterRedemption = async <T>(grantId: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (cause) {
    const known = cause instanceof MosaicError ? cause : new MosaicError('internal', { cause });
    const reason = known.detail === undefined ? known.message : known.detail;
    throw new MosaicError(known.code, {
      detail:
        `${reason} The enrollment token for grant ${grantId} is used up, and nothing was stored here. ` +
        'Ask the administrator of the other gateway to revoke that grant and create a new one.',
      cause: known.cause ?? known,
    });
  }
};

/**
 * Redeems an enrollment: a new key that never leaves this gateway, the server's chain pinned before the token is
 * sent, the certificate checked before it is believed. Stores nothing.
 *
 * @throws MosaicError see `redeemToken`; `ca_pin_mismatch` when the server is not of the pinned authority;
 *   `peer_protocol` when the answer is not what was asked for
 */
export const enroll = async (
  deps: Deps,
  enrollment: EnrollmentUrl,
  localUserId: string,
  traceId: string,
): Promise<Enrolled> => {
  const { endpoint, token, fingerprint } = enrollment;
  const isPlain = endpoint.startsWith('http:');
  const root = isPlain
    ? null
    : await deps.transport.pinnedRoot(endpoint, fingerprint, deps.settings.peerTimeoutMs);
  const { keyPem, csrPem } = await deps.keyMaker.keyAndCsr();
  const client = deps.transport.anonymous(root);
  try {
    const answer = await redeemToken(
      client,
      endpoint,
      { token, csr: csrPem },
      {
        traceparent: traceparent(deps.newSpanId, traceId),
        signal: AbortSignal.timeout(REDEEM_TIMEOUT_MS),
      },
    );
    return await afterRedemption(answer.grantId, async () => {
      const now = deps.clock.now();
      const certificate = await acceptCertificate(answer, csrPem, fingerprint, now);
      if (!certificate.ok) throw new MosaicError('peer_protocol', { detail: certificate.error });
      const federationUrl = await checkFederationUrl(deps, answer.federationUrl);
      const id = deps.ids.uuid();
      const sealed = await deps.sealer.seal(new TextEncoder().encode(keyPem), clientKeyIdentity(id));
      const { caPem, clientCertPem, notAfter } = certificate.value;
      return {
        gatewayName: answer.gatewayName,
        auditKey: isPublicKey(answer.auditKey) ? answer.auditKey : null,
        trust: {
          signingKey: answer.signingKey === null ? null : JSON.stringify(answer.signingKey),
          crlUrl: endpoint.endsWith(REDEEM) ? `${endpoint.slice(0, -REDEEM.length)}/pki/crl` : null,
        },
        peer: {
          id,
          direction: 'outbound',
          state: 'active',
          createdAt: now,
          localUserId,
          federationUrl,
          caPem,
          caFingerprint: fingerprint,
          clientCertPem,
          clientKeyPemSealed: sealed,
          remoteGrantId: answer.grantId,
          remoteSubjectUserId: answer.subjectUserId,
          certificateNotAfter: notAfter,
          lastSuccessAt: null,
          lastFailureAt: null,
          lastFailureCode: null,
          ...NEVER_ASKED,
        },
      };
    });
  } finally {
    // One exchange only; closing waits for nothing that matters any more.
    client.close().catch(() => undefined);
  }
};
