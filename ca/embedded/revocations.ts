import type { Clock } from '../../domain/ports/basics.ts';
import type { EmbeddedCaStore, RevokedSerial } from '../../domain/ports/federation.ts';
import type { Crl } from '../authority.ts';
import { sha256Hex } from '../x509/bytes.ts';
import { signCrl } from '../x509/crl.ts';
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

interface Cached {
  readonly crl: Crl;
  /** Digest of the revocations in it. */
  readonly content: string;
  readonly checkedAt: number;
}

export interface RevocationList {
  /** The current list. */
  current(): Promise<Crl>;
  /** The next `current()` looks at the store again, whatever is under way now. */
  invalidate(): void;
}

const digest = (revoked: readonly RevokedSerial[]): string =>
  sha256Hex(
    new TextEncoder().encode(
      revoked
        .map(({ serial }) => serial)
        .toSorted()
        .join(),
    ),
  );

const build = async (deps: CrlDeps, root: Root): Promise<Cached> => {
  // First the number, then the entries: so of two replicas, the list with the higher number is never the poorer one.
  const number = await deps.store.nextCrlNumber();
  const revoked = await deps.store.revocations();
  const now = deps.clock.now().getTime();
  const thisUpdate = new Date(Math.floor(now / 1000) * 1000);
  const nextUpdate = new Date(thisUpdate.getTime() + deps.crlLifetimeSeconds * 1000);
  const { certificate, keyIdentifier: issuerKeyIdentifier, key } = root;
  const der = await signCrl(
    { issuer: certificate.subject, issuerKeyIdentifier, number, thisUpdate, nextUpdate, revoked },
    key,
  );
  const crl = { der, pem: derToPem(der, 'X509 CRL'), number, thisUpdate, nextUpdate };
  return { crl, content: digest(revoked), checkedAt: now };
};

/** A list is replaced in the second half of its life, and when the clock was set back before its beginning. */
const isFresh = ({ crl }: Cached, now: number): boolean => {
  const half = (crl.nextUpdate.getTime() - crl.thisUpdate.getTime()) / 2;
  return now >= crl.thisUpdate.getTime() && now < crl.thisUpdate.getTime() + half;
};

/** Keeps the signed list, and signs a new one when something was revoked (here or on another replica) or it ages. */
export const createRevocationList = (deps: CrlDeps, root: Root): RevocationList => {
  let cached: Cached | null = null;
  let underWay: Promise<Cached> | null = null;

  const renew = async (): Promise<Cached> => {
    const now = deps.clock.now().getTime();
    const known = cached;
    if (known !== null && isFresh(known, now) && digest(await deps.store.revocations()) === known.content) {
      return { ...known, checkedAt: now };
    }
    return build(deps, root);
  };

  const renewOnce = async (): Promise<Cached> => {
    const run = renew();
    underWay = run;
    try {
      const next = await run;
      // Someone may have revoked meanwhile: then this answer is for those who asked before, and not kept.
      if (underWay === run) cached = next;
      return next;
    } finally {
      if (underWay === run) underWay = null;
    }
  };

  return {
    current: async () => {
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
