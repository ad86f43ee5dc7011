import type { Crl } from '../../../../ca/authority.ts';
import { toHex } from '../../../../ca/x509/bytes.ts';
import { readCertificate } from '../../../../ca/x509/certificate.ts';
import { readCrlHead, type CrlHead } from '../../../../ca/x509/crl-read.ts';
import { derToPem, MAX_LISTS_LENGTH, splitPem } from '../../../../ca/x509/pem.ts';

/** Number of the newest list of each authority, by its name. */
export type ListNumbers = ReadonlyMap<string, bigint>;

interface Block {
  readonly pem: string;
  /** null: unreadable, which is for the front itself to refuse. */
  readonly list: CrlHead | null;
}

const blocksOf = (text: string): readonly Block[] => {
  const blocks = splitPem(text, MAX_LISTS_LENGTH);
  return (blocks.ok ? blocks.value : []).map(({ der }) => ({
    pem: derToPem(der, 'X509 CRL'),
    list: readCrlHead(der),
  }));
};

const issuerOf = ({ issuer }: CrlHead): string => toHex(issuer);
const numberOf = ({ number }: CrlHead): bigint => number ?? 0n;

/** Numbers of what an authority gave, each list by its own issuer. */
export const numbersOf = (crl: Crl): ListNumbers =>
  new Map(
    [crl, ...(crl.others ?? [])].map(({ der, number }) => {
      const list = readCrlHead(der);
      return [list === null ? '' : issuerOf(list), number];
    }),
  );

/** Names of the authorities that two texts have both: the same certificates, not only the same names. */
export const sharedIssuers = (before: string | undefined, after: string): ReadonlySet<string> => {
  const [one, other] = [before ?? '', after].map((text) => {
    const blocks = splitPem(text);
    return blocks.ok ? blocks.value : [];
  });
  const known = new Set(one?.map(({ der }) => toHex(der)));
  const shared = (other ?? []).filter(({ der }) => known.has(toHex(der)));
  return new Set(
    shared.flatMap(({ der }) => {
      const info = readCertificate(der);
      return info.ok ? [toHex(info.value.subject)] : [];
    }),
  );
};

/** Numbers of the lists in a text that are by one of these authorities. */
export const numbersIn = (text: string | undefined, issuers: ReadonlySet<string>): ListNumbers =>
  new Map(
    blocksOf(text ?? '').flatMap(({ list }) =>
      list === null || !issuers.has(issuerOf(list)) ? [] : [[issuerOf(list), numberOf(list)] as const],
    ),
  );

/** Why lists may not take the place of those in force, or null. An older one would un-revoke certificates. */
export const listFault = (next: Crl, floors: ListNumbers, now: Date): string | null => {
  for (const [issuer, number] of numbersOf(next)) {
    const floor = floors.get(issuer) ?? 0n;
    if (number < floor) return `its number ${number} is below ${floor}`;
  }
  if (next.nextUpdate <= now) return `it has expired at ${next.nextUpdate.toISOString()}`;
  return null;
};

/**
 * What a front gets of the lists that are there and those that come: of each authority the newer one, since another replica
 * may have been faster; and what is there of an authority that gives none at this moment.
 *
 * @param issuers whose lists in `there` count: another authority may have borne a name before
 */
export const newestLists = (
  there: string | undefined,
  next: string,
  issuers: ReadonlySet<string>,
): string => {
  const held = new Map(
    blocksOf(there ?? '').flatMap(({ pem, list }) =>
      list === null || !issuers.has(issuerOf(list))
        ? []
        : [[issuerOf(list), { pem, number: numberOf(list) }] as const],
    ),
  );
  const coming = blocksOf(next);
  const issuersOfNext = new Set(coming.map(({ list }) => (list === null ? '' : issuerOf(list))));
  let isNewer = coming.length === 0;
  const chosen = coming.map(({ pem, list }) => {
    const old = list === null ? undefined : held.get(issuerOf(list));
    if (list !== null && old !== undefined && old.number >= numberOf(list)) return old.pem;
    isNewer = true;
    return pem;
  });
  if (coming.length === 0) return next;
  const missing = [...held].filter(([issuer]) => !issuersOfNext.has(issuer)).map(([, { pem }]) => pem);
  const count = blocksOf(there ?? '').length;
  const isSame = !isNewer && there !== undefined && count === chosen.length + missing.length;
  return isSame ? there : [...chosen, ...missing].join('');
};
