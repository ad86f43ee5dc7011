import { createHash, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import { MosaicError } from '../../../../domain/errors.ts';
import { CLIENT_TLS, connectBounded } from '../front/handshake-bound.ts';
import { transportError } from './transport-errors.ts';
import { hostOf, type AddressGuard } from './transport-guard.ts';

/** More certificates than any sensible chain has. */
const MAX_CHAIN = 10;

/** The certificate of the presented chain whose DER has that SHA-256, as PEM. */
const findInChain = (socket: TLSSocket, fingerprint: string): string | null => {
  const seen = new Set<string>();
  let certificate: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (certificate?.raw !== undefined && seen.size < MAX_CHAIN) {
    const digest = createHash('sha256').update(certificate.raw).digest('hex');
    if (digest === fingerprint) return new X509Certificate(certificate.raw).toString();
    // A root is its own issuer.
    if (seen.has(digest)) return null;
    seen.add(digest);
    certificate = certificate.issuerCertificate;
  }
  return null;
};

/**
 * Connects without verifying and without sending anything, only to see the chain. That the pinned certificate is in
 * it proves nothing yet (anyone can present it): the caller connects again and lets OpenSSL verify the server
 * with that certificate as the only root.
 *
 * @param fingerprint SHA-256 of the DER, lower-case hexadecimal
 * @throws MosaicError `ca_pin_mismatch`, `peer_unreachable`, `peer_timeout`, `address_refused`
 */
export const pinnedRoot = (
  guard: AddressGuard,
  text: string,
  fingerprint: string,
  timeoutMs: number,
): Promise<string> =>
  new Promise((resolve, reject) => {
    const url = guard.checkUrl(text);
    if (url.protocol !== 'https:') {
      throw new MosaicError('address_refused', { detail: 'Only https has a certificate to pin.' });
    }
    const host = hostOf(url);
    const port = Number(url.port === '' ? 443 : url.port);
    const { stream } = connectBounded({ host, port, lookup: guard.lookup });
    const socket = connect({
      socket: stream,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...CLIENT_TLS,
      ALPNProtocols: ['http/1.1'],
      // Seeing comes before trusting: nothing is sent on this connection.
      rejectUnauthorized: false,
    });
    const settle = (finish: () => void): void => {
      clearTimeout(timer);
      finish();
      socket.destroy();
    };
    const timer = setTimeout(() => settle(() => reject(new MosaicError('peer_timeout'))), timeoutMs);
    socket.on('error', (error) => settle(() => reject(transportError(error, true))));
    socket.once('close', () => settle(() => reject(new MosaicError('peer_unreachable'))));
    socket.once('secureConnect', () =>
      settle(() => {
        const pem = findInChain(socket, fingerprint);
        if (pem === null) reject(new MosaicError('ca_pin_mismatch'));
        else resolve(pem);
      }),
    );
  });
