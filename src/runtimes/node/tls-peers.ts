import type { TLSSocket } from 'node:tls';
import type {
  CertificateSource,
  PresentedCertificate,
} from '../../../routes/federation/certificate-source.ts';

/** What the handshake said of a connection's client. Kept from then on: nothing later can change it. */
export type TlsPeer =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'untrusted'; readonly reason: string }
  | { readonly kind: 'trusted'; readonly presented: PresentedCertificate };

/** OpenSSL's verdicts, in words for the person at the other end. */
const REASONS: Readonly<Record<string, string>> = {
  CERT_REVOKED: 'The certificate was revoked.',
  CERT_HAS_EXPIRED: 'The certificate has expired.',
  CERT_NOT_YET_VALID: 'The certificate is not valid yet: compare both clocks.',
  INVALID_PURPOSE: 'The certificate may not be used by a client.',
  CRL_HAS_EXPIRED: 'This gateway’s revocation list is out of date: its operator must look.',
  UNABLE_TO_GET_CRL: 'This gateway has no revocation list for that issuer.',
};
const FOREIGN = new Set([
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_SIGNATURE_FAILURE',
]);

const reasonOf = (code: string): string => {
  if (FOREIGN.has(code)) return 'The certificate was issued by another authority.';
  return REASONS[code] ?? `The certificate does not verify (${code}).`;
};

/** Reads a finished handshake. `authorizationError` is a code at run time, whatever its type says. */
export const readTlsPeer = (socket: TLSSocket): TlsPeer => {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return { kind: 'anonymous' };
  if (!socket.authorized) return { kind: 'untrusted', reason: reasonOf(String(socket.authorizationError)) };
  const der = new Uint8Array(certificate.raw);
  return { kind: 'trusted', presented: { key: certificate.fingerprint256, der: () => der } };
};

/** The peer of each live connection, written down by the front right after the handshake. */
const peers = new WeakMap<object, TlsPeer>();

export const rememberTlsPeer = (socket: TLSSocket): void => void peers.set(socket, readTlsPeer(socket));

export const tlsPeerOf = (socket: object): TlsPeer | undefined => peers.get(socket);

/** The certificate of the connection a request came over; only one that OpenSSL accepted. */
export const certificateOfSocket: CertificateSource = (c) => {
  const { incoming } = c.env as { readonly incoming?: { readonly socket: object } };
  const peer = incoming === undefined ? undefined : peers.get(incoming.socket);
  return peer?.kind === 'trusted' ? peer.presented : null;
};
