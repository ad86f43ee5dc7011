import { MosaicError } from '../../domain/errors.ts';
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
/** A file that was taken away is made anew at once; one that cannot be read waits for the operator. */
const RETRY_AFTER_SECONDS = 5;

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
      'a request on the federation socket did not prove that the front sent it, so its certificate was ignored; ' +
        'run mosaic infra nginx again and reload nginx',
      { alert: 'front_unproven', count },
    );
    count = 0;
  };
};

/** What a gateway knows of its front's secret. */
export interface FrontProof {
  /** Whether a value of the header is the front's secret, compared in constant time. */
  readonly isProven: (proof: string) => boolean;
  /** Whether the secret itself is known for sure: with a file that cannot be read, the front's own requests look like anybody's. */
  readonly isReadable: () => boolean;
}

/** A secret that the operator configured. */
export const provenBySecret = (secret: string): FrontProof => ({
  isProven: (proof) => isSameSecret(proof, secret),
  isReadable: () => true,
});

/**
 * A source of certificates that believes a request only when the front proves itself with it. Whoever else may open the
 * socket, a process in the socket's group for example, is a client without a certificate: refused with 401, and audited.
 * While the secret cannot be read, nobody can be told from the front: that is the gateway's own fault, and no peer's.
 *
 * @throws MosaicError `unavailable` (from the source) for what is unproven while the secret cannot be read
 */
export const provenBy = (
  source: CertificateSource,
  { isProven, isReadable }: FrontProof,
  parts: { readonly log: Log; readonly clock: Clock },
): CertificateSource => {
  const tell = tellOfUnproven(parts);
  return (c) => {
    const presented = source(c);
    if (presented === null || isProven(c.req.header(FRONT_PROOF_HEADER) ?? '')) return presented;
    if (!isReadable())
      throw new MosaicError('unavailable', {
        detail: 'The gateway cannot tell its front from others at the moment.',
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    tell();
    return null;
  };
};
