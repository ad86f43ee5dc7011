import {
  serverCertificateFault,
  type ServerCertificateFault,
} from '../../../../domain/peers/certificate-verdict.ts';
import { MosaicError } from '../../../../domain/errors.ts';

const TIMEOUTS = [
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
  'ERR_SOCKET_CONNECTION_TIMEOUT',
];

/** The connection broke, maybe because it was an idle one that the server was just closing. */
const BROKEN = ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'];

/** OpenSSL found no way from the server's certificate to the root we trust (node:tls `authorizationError`). */
const NOT_OF_ROOT = [
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
];

/** The certificate is of that root but not good here and now. */
const CERTIFICATE = ['ERR_TLS_CERT_ALTNAME_INVALID', 'CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'];

/** A server's certificate that is out of time is nobody's attack by itself, but a renewal that failed, or a clock. */
const OUT_OF_TIME: Readonly<Record<ServerCertificateFault, { detail: string; remedy: string }>> = {
  server_certificate_expired: {
    detail: 'By this gateway’s clock the server’s certificate has expired (CERT_HAS_EXPIRED).',
    remedy:
      'Compare the clocks of both gateways; when they agree, the peer’s operator must renew the certificate of its front.',
  },
  server_certificate_not_yet_valid: {
    detail: 'By this gateway’s clock the server’s certificate is not valid yet (CERT_NOT_YET_VALID).',
    remedy: 'Compare the clocks of both gateways, and set them right.',
  },
};

const MAX_DEPTH = 8;

/** The error and what caused it, down to the one that says what happened. */
const chainOf = (error: unknown): readonly Error[] => {
  const chain: Error[] = [];
  const visit = (value: unknown): void => {
    if (!(value instanceof Error) || chain.length >= MAX_DEPTH || chain.includes(value)) return;
    chain.push(value);
    visit(value.cause);
    // One per address tried (happy eyeballs).
    if (value instanceof AggregateError) for (const one of value.errors) visit(one);
  };
  visit(error);
  return chain;
};

const codesOf = (chain: readonly Error[]): readonly string[] =>
  chain.map((error) => ('code' in error && typeof error.code === 'string' ? error.code : ''));

/** Whether the same GET may be sent once more: no answer had begun. */
export const isBrokenConnection = (error: unknown): boolean =>
  codesOf(chainOf(error)).some((code) => BROKEN.includes(code));

/**
 * What a failed connection is called here. None of it is a decision of the peer (ABUSE 56).
 * @param pinned the trust anchor came from an enrollment URL: a server outside it is the wrong server
 */
export const transportError = (error: unknown, pinned: boolean): MosaicError => {
  const chain = chainOf(error);
  const own = chain.find((one) => one instanceof MosaicError);
  if (own !== undefined) return own;
  const codes = codesOf(chain);
  if (codes.some((code) => TIMEOUTS.includes(code))) return new MosaicError('peer_timeout', { cause: error });
  const untrusted = codes.find((code) => NOT_OF_ROOT.includes(code));
  if (untrusted !== undefined && pinned) return new MosaicError('ca_pin_mismatch', { cause: error });
  const certificate = untrusted ?? codes.find((code) => CERTIFICATE.includes(code));
  const reason = certificate === undefined ? null : serverCertificateFault(certificate);
  if (reason !== null)
    return new MosaicError('peer_unreachable', { ...OUT_OF_TIME[reason], reason, cause: error });
  return new MosaicError('peer_unreachable', {
    ...(certificate === undefined
      ? {}
      : { detail: `The server’s certificate was not accepted: ${certificate}.` }),
    cause: error,
  });
};
