import type { CertificateAuthority } from '../../../../ca/authority.ts';
import { readCsr } from '../../../../ca/x509/csr.ts';
import { MosaicError } from '../../../../domain/errors.ts';
import type { Clock, Log } from '../../../../domain/ports/basics.ts';
import type { KeyMaker } from '../../../app/deps.ts';

export interface ServerNames {
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
}

export interface ServerCertificate {
  /** Leaf, then chain with root, PEM. */
  readonly chain: string;
  readonly key: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const LIFETIME_MS = 30 * 86_400_000;
const IPV4 = /^\d{1,3}(\.\d{1,3}){3}$/;

/** Sorts hosts of URLs and configured names into what a certificate calls them; each once. */
export const serverNames = (hosts: readonly string[]): ServerNames => {
  const bare = [...new Set(hosts.map((host) => host.replace(/^\[|\]$/g, '').toLowerCase()))];
  const isAddress = (host: string): boolean => IPV4.test(host) || host.includes(':');
  return { dnsNames: bare.filter((host) => !isAddress(host)), ipAddresses: bare.filter(isAddress) };
};

/**
 * A new key and server certificate. The gateway's own front keeps the key in memory alone: every start makes another, so
 * there is nothing to steal from a disk and nothing to forget to rotate.
 *
 * @throws MosaicError `ca_unavailable`, `ca_misissued`
 */
export const issueServerCertificate = async (
  parts: { readonly ca: CertificateAuthority; readonly keyMaker: KeyMaker; readonly clock: Clock },
  names: ServerNames,
): Promise<ServerCertificate> => {
  const { keyPem, csrPem } = await parts.keyMaker.keyAndCsr();
  const csr = await readCsr(csrPem);
  if (!csr.ok) throw new MosaicError('internal', { detail: 'The new certificate request is not valid.' });
  const now = parts.clock.now();
  const issued = await parts.ca.issue({
    profile: { kind: 'front-server', ...names },
    csr: csr.value.der,
    notBefore: now,
    notAfter: new Date(now.getTime() + LIFETIME_MS),
  });
  const { pem, chainPem, notBefore, notAfter } = issued;
  return { chain: `${pem.trimEnd()}\n${chainPem.trimEnd()}\n`, key: keyPem, notBefore, notAfter };
};

/** Renewed when a third of its life is left. */
export const isDue = (
  { notBefore, notAfter }: Pick<ServerCertificate, 'notBefore' | 'notAfter'>,
  now: Date,
): boolean => notAfter.getTime() - now.getTime() < (notAfter.getTime() - notBefore.getTime()) / 3;

/** A new one, or the old one when there is none to be had and it still is good: the front goes on meanwhile. */
export const renewedOrKept = async (
  parts: {
    readonly ca: CertificateAuthority;
    readonly keyMaker: KeyMaker;
    readonly clock: Clock;
    readonly log: Log;
  },
  names: ServerNames,
  old: ServerCertificate,
): Promise<ServerCertificate> => {
  try {
    return await issueServerCertificate(parts, names);
  } catch (error) {
    if (old.notAfter <= parts.clock.now()) throw error;
    parts.log.error(
      'the server certificate of the front could not be renewed; the previous one stays in use',
      {
        alert: 'front_certificate',
        not_after: old.notAfter.toISOString(),
        error: error as Error,
      },
    );
    return old;
  }
};
