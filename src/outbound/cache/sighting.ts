import type { Kept } from './kept.ts';

/** Where a source's answer came from, collected over all the calls it took. */
export interface Sighting {
  hit(kept: Kept<unknown>): void;
  miss(asOf: Date, how: Miss): void;
  /** Whether anything of it came from the cache. */
  readonly isCached: boolean;
  /** The kept answer that is all it is made of; null where there is none, or something else as well. */
  readonly kept: Kept<unknown> | null;
  /** The oldest of what it is made of; null when nothing was asked. */
  readonly asOf: Date | null;
  /** As a member of `Cache-Status` (RFC 9211), without the cache's name; null when nothing was asked. */
  status(now: Date): string | null;
}

interface Miss {
  /** The person asked for a fresh answer. */
  readonly isFresh: boolean;
  readonly isStored: boolean;
  readonly isJoined: boolean;
  /** The cache could have been used at all. */
  readonly isKept: boolean;
}

const forwarded = ({ isFresh, isStored, isJoined, isKept }: Miss): string => {
  const reason = isFresh ? 'request' : isKept ? 'miss' : 'bypass';
  return `fwd=${reason}${isStored && !isJoined ? '; stored' : ''}${isJoined ? '; collapsed' : ''}`;
};

export const createSighting = (): Sighting => {
  let asOf: Date | null = null;
  let until: number | null = null;
  let missed: Miss | null = null;
  let only: Kept<unknown> | null = null;
  const older = (at: Date): Date => (asOf === null || at < asOf ? at : asOf);
  return {
    hit: (kept) => {
      only = asOf === null ? kept : null;
      asOf = older(kept.asOf);
      until = Math.min(until ?? kept.until, kept.until);
    },
    miss: (at, how) => {
      only = null;
      asOf = older(at);
      missed = how;
    },
    get isCached() {
      return until !== null;
    },
    get kept() {
      return only;
    },
    get asOf() {
      return asOf;
    },
    status: (now) => {
      // One page may take several calls: it is a hit only when nothing went to the peer.
      if (missed !== null) return forwarded(missed);
      return until === null ? null : `hit; ttl=${Math.max(0, Math.round((until - now.getTime()) / 1000))}`;
    },
  };
};
