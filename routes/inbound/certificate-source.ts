import type { Context } from 'hono';
import type { PresentedCertificate } from '../../src/inbound/read/identity-cache.ts';

export type { PresentedCertificate } from '../../src/inbound/read/identity-cache.ts';

/**
 * Where a runtime finds the client certificate of a request, verified by whoever ended TLS; null when there is
 * none. Tiny implementations: the `Client-Cert` header (certificate-header.ts), Node's TLS socket, workerd's `cf`.
 */
export type CertificateSource = (c: Context) => PresentedCertificate | null;
