import { announces, isRoot } from '../../../ca/x509/announcement.ts';
import { sameBytes } from '../../../ca/x509/bytes.ts';
import { readCertificate, type CertificateInfo } from '../../../ca/x509/certificate.ts';
import { derToPem, splitPem } from '../../../ca/x509/pem.ts';
import { err, ok, type Result } from '../../../domain/result.ts';

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

const isAnnounced = async (
  root: Authority,
  pinned: readonly Authority[],
  links: readonly Authority[],
  now: Date,
): Promise<boolean> => {
  if (!(await isRoot(root.info, now))) return false;
  for (const { info: link } of links)
    for (const { info: older } of pinned) if (await announces(link, root.info, older, now)) return true;
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
