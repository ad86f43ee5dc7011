import { isUuid } from '../../../domain/uuid.ts';
import type { PeerClient } from '../../app/deps.ts';
import { callPeer, type PeerCall } from '../client/call.ts';
import type { PeerFailure } from '../client/failure.ts';
import type { Result } from '../../../domain/result.ts';

/** What a serving gateway answers to a renewal, not yet believed. */
export interface RenewAnswer {
  readonly grantId: string;
  readonly subjectUserId: string;
  readonly certificatePem: string;
  readonly chainPem: string;
  readonly caPem: string;
  /** Absent from gateways whose root cannot be replaced. */
  readonly linksPem: string;
}

type Context = Pick<PeerCall, 'traceparent' | 'signal' | 'now'>;

const MAX_ANSWER_BYTES = 256 * 1024;
const MAX_PEM = 64 * 1024;

const isPem = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= MAX_PEM && value.isWellFormed();

const readAnswer = (json: unknown): RenewAnswer | null => {
  if (typeof json !== 'object' || json === null) return null;
  const {
    grant_id,
    subject_user_id,
    certificate,
    chain,
    ca,
    ca_links = '',
  } = json as Record<string, unknown>;
  if (!isUuid(grant_id) || !isUuid(subject_user_id)) return null;
  if (!isPem(certificate) || !isPem(chain) || !isPem(ca)) return null;
  if (ca_links !== '' && !isPem(ca_links)) return null;
  return {
    grantId: grant_id,
    subjectUserId: subject_user_id,
    certificatePem: certificate,
    chainPem: chain,
    caPem: ca,
    linksPem: ca_links,
  };
};

const isObject = (json: unknown): true | null => (typeof json === 'object' && json !== null ? true : null);

/** Asks for a certificate over the CSR's key, with the certificate that `client` presents. */
export const askRenewal = (
  client: PeerClient,
  federationUrl: string,
  csr: string,
  context: Context,
): Promise<Result<RenewAnswer, PeerFailure>> =>
  callPeer(
    {
      client,
      url: `${federationUrl}/federation/v1/renew`,
      maxBytes: MAX_ANSWER_BYTES,
      body: JSON.stringify({ csr }),
      ...context,
    },
    readAnswer,
  );

/** Whether the certificate that `client` presents is served; changes nothing there. */
export const tryCertificate = (
  client: PeerClient,
  federationUrl: string,
  context: Context,
): Promise<Result<true, PeerFailure>> =>
  callPeer(
    {
      client,
      url: `${federationUrl}/federation/v1/capabilities`,
      maxBytes: MAX_ANSWER_BYTES,
      ...context,
    },
    isObject,
  );

/** Tells that the certificate which `client` presents is in use now. */
export const askConfirmation = (
  client: PeerClient,
  federationUrl: string,
  context: Context,
): Promise<Result<true, PeerFailure>> =>
  callPeer(
    {
      client,
      url: `${federationUrl}/federation/v1/renew/confirm`,
      maxBytes: MAX_ANSWER_BYTES,
      body: '{}',
      ...context,
    },
    isObject,
  );
