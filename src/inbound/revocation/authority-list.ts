import { readCertificate } from '../../../ca/x509/certificate.ts';
import { openCrl, type VerifiedCrl } from '../../../ca/x509/crl-read.ts';
import { splitPem } from '../../../ca/x509/pem.ts';
import type { Deps } from '../../app/deps.ts';

const WAIT_MS = 2_000;

const read = async ({ ca }: Pick<Deps, 'ca'>): Promise<VerifiedCrl | null> => {
  const trust = await ca.trust?.();
  const issuers = splitPem(
    trust === undefined ? await ca.rootPem() : `${trust.intermediatesPem}${trust.rootsPem}`,
  );
  const list = await ca.crl({ fresh: true });
  for (const { der } of issuers.ok ? issuers.value : []) {
    const issuer = readCertificate(der);
    const opened = issuer.ok ? await openCrl(list.der, issuer.value) : issuer;
    if (opened.ok) return opened.value;
  }
  return null;
};

/**
 * The list of revoked certificates of the authority that issues. An authority with a database of its own was not put back
 * with ours, so it may know of revocations that were lost. Asked for two seconds at most.
 * @returns null when it cannot be had, which is logged
 */
export const authorityList = async (deps: Pick<Deps, 'ca' | 'log'>): Promise<VerifiedCrl | null> => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => (timer = setTimeout(resolve, WAIT_MS, null)));
  try {
    return await Promise.race([read(deps), late]);
  } catch (error) {
    deps.log.warn('the revocation list (CRL) of the authority could not be compared with the grants', {
      error: error as Error,
    });
    return null;
  } finally {
    clearTimeout(timer);
  }
};
