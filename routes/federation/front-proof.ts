import type { Clock, Log } from '../../domain/ports/basics.ts';
import type { CertificateSource } from './certificate-source.ts';

/** Header by which a front proves itself to the gateway's sockets; the front replaces whatever a client sent. */
export const FRONT_PROOF_HEADER = 'mosaic-front-proof';

/** Compares in a time that depends on the lengths alone. */
export const isSameSecret = (given: string, secret: string): boolean => {
  if (given.length !== secret.length) return false;
  let difference = 0;
  for (let index = 0; index < secret.length; index += 1)
    difference |= given.charCodeAt(index) ^ secret.charCodeAt(index);
  return difference === 0;
};

const TELL_MS = 60_000;

/** Tells the operator that somebody other than the front uses the socket, or that the front is not configured to prove itself. */
const tellOfUnproven = ({ log, clock }: { readonly log: Log; readonly clock: Clock }): (() => void) => {
  let next = 0;
  let count = 0;
  return () => {
    count += 1;
    const now = clock.now().getTime();
    if (now < next) return;
    next = now + TELL_MS;
    log.warn(
      'a request on the peers’ socket does not prove that the front sent it: its certificate was not believed; ' +
        'render the front’s configuration anew with mosaic infra nginx and reload it',
      { alert: 'front_unproven', count },
    );
    count = 0;
  };
};

/**
 * A source of certificates that believes a request only when the front proves itself with it. Whoever else may open the
 * socket, a process in the socket's group for example, is a client without a certificate: refused with 401, and audited.
 *
 * @param isProven whether a value of the header is the front's secret, compared in constant time
 */
export const provenBy = (
  source: CertificateSource,
  isProven: (proof: string) => boolean,
  parts: { readonly log: Log; readonly clock: Clock },
): CertificateSource => {
  const tell = tellOfUnproven(parts);
  return (c) => {
    const presented = source(c);
    if (presented === null || isProven(c.req.header(FRONT_PROOF_HEADER) ?? '')) return presented;
    tell();
    return null;
  };
};
