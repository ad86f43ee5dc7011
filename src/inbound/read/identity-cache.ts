import { LRUCache } from 'lru-cache';
import { readIdentity } from '../../../ca/x509/identity.ts';
import { MosaicError } from '../../../domain/errors.ts';
import type { CertificateIdentity } from '../../../domain/peers/identity.ts';

/** A certificate as the runtime or the front hands it over, verified already. */
export interface PresentedCertificate {
  /** Tells certificates apart: the whole header value, or a fingerprint. */
  readonly key: string;
  /** The certificate itself, or null when there is nothing readable. Only called when the key is new. */
  der(): Uint8Array | null;
}

const MAX_CERTIFICATES = 2_000;

/**
 * Reads identities, each certificate once (parsing costs 500 times a look-up). What is kept is only what the
 * certificate says: time, grant and revocation are looked at on every request.
 *
 * @throws MosaicError `certificate_invalid`
 */
export const createIdentityCache = (): ((presented: PresentedCertificate) => CertificateIdentity) => {
  const identities = new LRUCache<string, CertificateIdentity>({ max: MAX_CERTIFICATES });
  return (presented) => {
    const known = identities.get(presented.key);
    if (known !== undefined) return known;
    const der = presented.der();
    const identity = der === null ? null : readIdentity(der);
    if (identity === null || !identity.ok) {
      throw new MosaicError(
        'certificate_invalid',
        identity === null ? {} : { cause: new Error(identity.error) },
      );
    }
    identities.set(presented.key, identity.value);
    return identity.value;
  };
};
