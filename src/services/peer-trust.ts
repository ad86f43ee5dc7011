import { sameBytes } from '../../ca/x509/bytes.ts';
import { readCertificate, type CertificateInfo } from '../../ca/x509/certificate.ts';
import { DerError } from '../../ca/x509/der.ts';
import { derToPem, splitPem } from '../../ca/x509/pem.ts';
import { verifySignature } from '../../ca/x509/public-key.ts';
import { basicConstraints } from '../../ca/x509/usage.ts';
import { err, ok, type Result } from '../../domain/result.ts';

interface Authority {
  readonly der: Uint8Array;
  readonly info: CertificateInfo;
}

/** The old root, the next, and one more in between. */
const MAX_ROOTS = 4;
const MAX_LINKS = 16;

const readAll = (pem: string, most: number): readonly Authority[] | null => {
  const blocks = splitPem(pem);
  if (!blocks.ok || blocks.value.length > most) return null;
  const read: Authority[] = [];
  for (const { der, label } of blocks.value) {
    const info = label === 'CERTIFICATE' ? readCertificate(der) : null;
    if (info?.ok !== true) return null;
    read.push({ der, info: info.value });
  }
  return read;
};

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

/** A certificate over the new root's name and key, signed by a root we have: who has that key alone can make it. */
const isAnnounced = async (
  root: Authority,
  pinned: readonly Authority[],
  links: readonly Authority[],
  now: Date,
): Promise<boolean> => {
  if (!isCa(root.info) || !isInTime(root.info, now) || !(await isSignedBy(root.info, root.info)))
    return false;
  for (const { info: link } of links) {
    const isOfRoot =
      sameBytes(link.subject, root.info.subject) && sameBytes(link.publicKeyInfo, root.info.publicKeyInfo);
    if (!isOfRoot || !isCa(link) || !isInTime(link, now)) continue;
    for (const { info: signer } of pinned)
      if (isInTime(signer, now) && (await isSignedBy(link, signer))) return true;
  }
  return false;
};

/**
 * The roots to trust a peer by from now on: what it answered over the connection that the pinned roots vouch for. A root
 * that is new must also be signed by a pinned one, because that connection ends in a front which has no root's key. One
 * that is not answered any more is given up.
 *
 * @param pinnedPem the roots trusted so far
 * @returns the failure as a public sentence
 */
export const acceptRoots = async (
  pinnedPem: string,
  answered: { readonly rootsPem: string; readonly linksPem: string },
  now: Date,
): Promise<Result<readonly string[], string>> => {
  const pinned = readAll(pinnedPem, MAX_ROOTS);
  const roots = readAll(answered.rootsPem, MAX_ROOTS);
  const links = answered.linksPem === '' ? [] : readAll(answered.linksPem, MAX_LINKS);
  if (pinned === null || roots === null || links === null || roots.length === 0)
    return err('The authorities in the answer are not readable.');
  for (const root of roots) {
    const isPinned = pinned.some(({ der }) => sameBytes(der, root.der));
    if (!isPinned && !(await isAnnounced(root, pinned, links, now)))
      return err('The answer names an authority that none of the pinned ones has announced.');
  }
  return ok(roots.map(({ der }) => derToPem(der, 'CERTIFICATE')));
};
