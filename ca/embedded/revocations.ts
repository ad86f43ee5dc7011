import type { Clock } from '../../domain/ports/basics.ts';
import type { EmbeddedCaStore, RevokedSerial } from '../../domain/ports/authority.ts';
import type { Crl } from '../authority.ts';
import { encodeEntry, signCrl } from '../x509/crl.ts';
import { derToPem } from '../x509/pem.ts';
import type { Root } from './root.ts';

export interface CrlDeps {
  readonly store: EmbeddedCaStore;
  readonly clock: Clock;
  /** From thisUpdate to nextUpdate. */
  readonly crlLifetimeSeconds: number;
}

/** How long a list is answered without asking the store what other replicas revoked. */
const RECHECK_MS = 5000;
/** Serials read and encoded in one go; in between the gateway answers others. */
const SERIALS_AT_ONCE = 1000;

interface Cached {
  readonly crl: Crl;
  /** DER by serial, in the list's order. */
  readonly entries: Entries;
  readonly checkedAt: number;
}

type Entries = ReadonlyMap<string, Uint8Array>;

export interface RevocationList {
  /** The current list. @param fresh with what other replicas revoked before this call */
  current(fresh?: boolean): Promise<Crl>;
  /** The next `current()` looks at the store again, whatever is under way now. */
  invalidate(): void;
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/**
 * Everything revoked whose certificate might still be used. One that expired stays for the lifetime of a list, so
 * that it was on at least one list from after its end (RFC 5280 section 3.3); then it goes, and the list stays short.
 */
const entriesOf = async ({ store, clock, crlLifetimeSeconds }: CrlDeps, known: Entries): Promise<Entries> => {
  const endsAfter = new Date(clock.now().getTime() - crlLifetimeSeconds * 1000);
  const entries = new Map<string, Uint8Array>();
  let page: readonly RevokedSerial[];
  let after = '';
  do {
    page = await store.revocations(endsAfter, after, SERIALS_AT_ONCE);
    for (const one of page) entries.set(one.serial, known.get(one.serial) ?? encodeEntry(one));
    after = page.at(-1)?.serial ?? after;
    if (page.length === SERIALS_AT_ONCE) await turn();
  } while (page.length === SERIALS_AT_ONCE);
  return entries;
};

const isSame = (one: Entries, other: Entries): boolean =>
  one.size === other.size && [...one.keys()].every((serial) => other.has(serial));

const NOTHING: Entries = new Map();

const build = async (deps: CrlDeps, root: Root, known: Entries): Promise<Cached> => {
  // First the number, then the entries: so of two replicas, the list with the higher number is never the poorer one.
  const number = await deps.store.nextCrlNumber();
  const entries = await entriesOf(deps, known);
  const now = deps.clock.now().getTime();
  const thisUpdate = new Date(Math.floor(now / 1000) * 1000);
  const nextUpdate = new Date(thisUpdate.getTime() + deps.crlLifetimeSeconds * 1000);
  const { certificate, keyIdentifier: issuerKeyIdentifier, key } = root;
  const draft = { issuer: certificate.subject, issuerKeyIdentifier, number, thisUpdate, nextUpdate };
  const der = await signCrl({ ...draft, entries: [...entries.values()] }, key);
  const crl = { der, pem: derToPem(der, 'X509 CRL'), number, thisUpdate, nextUpdate };
  return { crl, entries, checkedAt: now };
};

/** A list is replaced in the second half of its life, and when the clock was set back before its beginning. */
const isFresh = ({ crl }: Cached, now: number): boolean => {
  const half = (crl.nextUpdate.getTime() - crl.thisUpdate.getTime()) / 2;
  return now >= crl.thisUpdate.getTime() && now < crl.thisUpdate.getTime() + half;
};

/** Keeps the signed list, and signs a new one when something was revoked (here or on another replica) or it ages. */
export const createRevocationList = (deps: CrlDeps, root: Root): RevocationList => {
  let cached: Cached | null = null;
  /** Of the last list, whether or not it still holds: an entry never changes. */
  let encoded: Entries = NOTHING;
  let underWay: Promise<Cached> | null = null;

  const renew = async (): Promise<Cached> => {
    const now = deps.clock.now().getTime();
    const known = cached;
    if (
      known !== null &&
      isFresh(known, now) &&
      isSame(await entriesOf(deps, known.entries), known.entries)
    ) {
      return { ...known, checkedAt: now };
    }
    return build(deps, root, encoded);
  };

  const renewOnce = async (): Promise<Cached> => {
    const run = renew();
    underWay = run;
    try {
      const next = await run;
      // Someone may have revoked meanwhile: then this answer is for those who asked before, and not kept.
      if (underWay === run) {
        cached = next;
        encoded = next.entries;
      }
      return next;
    } finally {
      if (underWay === run) underWay = null;
    }
  };

  return {
    current: async (fresh = false) => {
      // What is under way may have read the store before this call.
      if (fresh) return (await renewOnce()).crl;
      const age = cached === null ? Infinity : Math.abs(deps.clock.now().getTime() - cached.checkedAt);
      if (cached !== null && age < RECHECK_MS && isFresh(cached, deps.clock.now().getTime()))
        return cached.crl;
      return (await (underWay ?? renewOnce())).crl;
    },
    invalidate: () => {
      cached = null;
      underWay = null;
    },
  };
};
