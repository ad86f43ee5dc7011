import type { TLSSocket } from 'node:tls';
import { verdictOf, verdictParts } from '../../../../domain/peers/certificate-verdict.ts';
import type {
  CertificateSource,
  PresentedCertificate,
} from '../../../../routes/inbound/certificate-source.ts';

/** What the handshake said of a connection's client. Kept from then on: nothing later can change it. */
export type TlsPeer =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'untrusted'; readonly refusal: { readonly detail: string; readonly remedy?: string } }
  | { readonly kind: 'trusted'; readonly presented: PresentedCertificate };

/** OpenSSL's verdict, in words for the person at the other end. */
const refusalOf = (code: string): { readonly detail: string; readonly remedy?: string } => {
  const verdict = verdictOf(code);
  return verdict === null ? { detail: `The certificate does not verify (${code}).` } : verdictParts(verdict);
};

/** Reads a finished handshake. `authorizationError` is a code at run time, whatever its type says. */
const readTlsPeer = (socket: TLSSocket): TlsPeer => {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return { kind: 'anonymous' };
  if (!socket.authorized) return { kind: 'untrusted', refusal: refusalOf(String(socket.authorizationError)) };
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
