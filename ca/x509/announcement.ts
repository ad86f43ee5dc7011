import { sameBytes } from './bytes.ts';
import type { CertificateInfo } from './certificate.ts';
import { DerError } from './der.ts';
import { verifySignature } from './public-key.ts';
import { basicConstraints } from './usage.ts';

const isCa = (info: CertificateInfo): boolean => {
  try {
    return basicConstraints(info)?.isCa === true;
  } catch (error) {
    if (error instanceof DerError) return false;
    throw error;
  }
};

const isSignedBy = async (one: CertificateInfo, signer: CertificateInfo): Promise<boolean> => {
  const { tbs: data, signature, signatureAlgorithm: algorithm } = one;
  return (
    sameBytes(one.issuer, signer.subject) &&
    (await verifySignature({ data, signature, algorithm }, signer.publicKeyInfo))
  );
};

const isInTime = ({ notBefore, notAfter }: CertificateInfo, now: Date): boolean =>
  notBefore <= now && now < notAfter;

/** A root that may be trusted at all, whoever vouches for it. */
export const isRoot = async (root: CertificateInfo, now: Date): Promise<boolean> =>
  isCa(root) && isInTime(root, now) && (await isSignedBy(root, root));

/**
 * Whether `link` announces `root`: a certificate over its very name and key, signed by an older root. Who has that root's
 * key alone can make it.
 */
export const announces = async (
  link: CertificateInfo,
  root: CertificateInfo,
  older: CertificateInfo,
  now: Date,
): Promise<boolean> => {
  const isOfRoot = sameBytes(link.subject, root.subject) && sameBytes(link.publicKeyInfo, root.publicKeyInfo);
  return (
    isOfRoot && isCa(link) && isInTime(link, now) && isInTime(older, now) && (await isSignedBy(link, older))
  );
};
