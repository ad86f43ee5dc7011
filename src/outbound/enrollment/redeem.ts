import { MosaicError, type ErrorCode } from '../../../domain/errors.ts';
import { isUuid } from '../../../domain/uuid.ts';
import type { PeerClient, PublicJwk } from '../../app/deps.ts';
import { callPeer } from '../client/call.ts';
import type { PeerFailure } from '../client/failure.ts';
import { readPublicJwk } from '../../protocol/statement.ts';

/** What a serving gateway answers to a redemption, not yet believed. */
export interface RedeemAnswer {
  readonly grantId: string;
  readonly subjectUserId: string;
  readonly gatewayName: string;
  readonly federationUrl: string;
  readonly certificatePem: string;
  readonly chainPem: string;
  readonly caPem: string;
  /** Key of the serving gateway's audit checkpoints; null from one that has none. */
  readonly auditKey: string | null;
  /** Absent from gateways of earlier versions. */
  readonly signingKey: PublicJwk | null;
}

const MAX_ANSWER_BYTES = 256 * 1024;
const MAX_PEM = 64 * 1024;

const isText = (value: unknown, maxLength: number): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= maxLength && value.isWellFormed();

const readAnswer = (json: unknown): RedeemAnswer | null => {
  if (typeof json !== 'object' || json === null) return null;
  const given = json as Record<string, unknown>;
  const { grant_id, subject_user_id, gateway_name, federation_url, certificate, chain, ca } = given;
  if (!isUuid(grant_id) || !isUuid(subject_user_id)) return null;
  if (!isText(gateway_name, 200) || !isText(federation_url, 2_048)) return null;
  if (!isText(certificate, MAX_PEM) || !isText(chain, MAX_PEM) || !isText(ca, MAX_PEM)) return null;
  return {
    grantId: grant_id,
    subjectUserId: subject_user_id,
    gatewayName: gateway_name,
    federationUrl: federation_url,
    certificatePem: certificate,
    chainPem: chain,
    caPem: ca,
    auditKey: isText(given['audit_key'], 200) ? given['audit_key'] : null,
    signingKey: readPublicJwk(given['signing_key']),
  };
};

/** Answers that say all there is to say, in the same words here as there. */
const SAME_HERE: readonly ErrorCode[] = [
  'token_unknown',
  'token_used',
  'token_expired',
  'rate_limited',
  'ca_unavailable',
  'ca_misissued',
];

const asError = (failure: PeerFailure): MosaicError => {
  const { peerCode, remedy, retryAfterSeconds, cause } = failure;
  const more = {
    cause,
    ...(remedy === null ? {} : { remedy }),
    ...(retryAfterSeconds === null ? {} : { retryAfterSeconds }),
  };
  if (peerCode !== null && SAME_HERE.includes(peerCode)) {
    return new MosaicError(peerCode, { ...more, detail: 'The gateway that was asked gave this answer.' });
  }
  const isKnown = ['peer_refused', 'ca_pin_mismatch', 'address_refused'].includes(failure.code);
  const doubt = isKnown
    ? ''
    : ' The token may be used up. If it is refused the next time, ask for a new enrollment URL.';
  return new MosaicError(failure.code, { ...more, detail: `${failure.message}${doubt}` });
};

/**
 * Spends an enrollment token for a certificate over our key.
 * @throws MosaicError the serving side's `token_unknown`, `token_used`, `token_expired`, `rate_limited`,
 *   `ca_unavailable`; `peer_unreachable`, `peer_timeout`, `peer_refused`, `peer_protocol`, `ca_pin_mismatch`
 */
export const redeemToken = async (
  client: PeerClient,
  endpoint: string,
  body: { readonly token: string; readonly csr: string },
  context: { readonly traceparent: string; readonly signal: AbortSignal },
): Promise<RedeemAnswer> => {
  const call = { client, url: endpoint, maxBytes: MAX_ANSWER_BYTES, body: JSON.stringify(body), ...context };
  const answer = await callPeer(call, readAnswer);
  if (!answer.ok) throw asError(answer.error);
  return answer.value;
};
