import type { Log } from '../../domain/ports/basics.ts';
import type { Crl, CrlSource } from '../authority.ts';

const CRL_BLOCK = /-----BEGIN X509 CRL-----[^-]+-----END X509 CRL-----\n?/g;

/** Each block once: two authorities may share a root, and its list. */
const textOf = (lists: readonly Crl[]): string =>
  [...new Set(lists.flatMap(({ pem }) => pem.match(CRL_BLOCK) ?? []))].join('');

const joined = (issuing: Crl, others: readonly Crl[]): Crl => {
  const soonest = [issuing, ...others].reduce((least, one) =>
    one.nextUpdate < least.nextUpdate ? one : least,
  );
  const { thisUpdate, nextUpdate } = soonest;
  return { ...issuing, thisUpdate, nextUpdate, pem: textOf([issuing, ...others]), others };
};

interface Listed {
  readonly id: string;
  readonly authority: CrlSource;
}

/**
 * The lists of several authorities as one. That of the issuing one must be there. Another one may be away for a while: its
 * last list goes on until its end, and without any its certificates are refused at the front, which is on the safe side.
 */
export const createLists = ({ log }: { readonly log: Log }) => {
  const kept = new Map<string, Crl>();

  const listOf = async ({ id, authority }: Listed): Promise<Crl> => {
    const list = await authority.crl();
    kept.set(id, list);
    return list;
  };

  const otherList = async (listed: Listed, now: Date): Promise<Crl | null> => {
    try {
      return await listOf(listed);
    } catch (error) {
      const last = kept.get(listed.id);
      const goesOn = last !== undefined && last.nextUpdate > now;
      log.error('one of the two certificate authorities gives no revocation list (CRL)', {
        alert: 'authority_list_missing',
        authority: listed.id,
        last_list_until: goesOn ? last.nextUpdate.toISOString() : null,
        error: error as Error,
      });
      return goesOn ? last : null;
    }
  };

  /** @throws MosaicError `ca_unavailable` */
  return async (issuing: Listed, others: readonly Listed[], now: Date): Promise<Crl> => {
    const [own, ...more] = await Promise.all([
      listOf(issuing),
      ...others.map((other) => otherList(other, now)),
    ]);
    const found = more.filter((list) => list !== null);
    return others.length === 0 ? own : joined(own, found);
  };
};
