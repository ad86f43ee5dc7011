import { decide, type AuthorizedSearch, type Denial } from '../../../domain/access/decide.ts';
import {
  decodeSearchCursor,
  encodeSearchCursor,
  type SearchBinding,
} from '../../../domain/paging/search-cursor.ts';
import type { CertificateIdentity } from '../../../domain/peers/identity.ts';
import type { Resource } from '../../../domain/resources.ts';
import { err, ok, type Result } from '../../../domain/result.ts';
import { withHighlights } from '../../../domain/search/highlight.ts';
import type { Hit, HitPage } from '../../../domain/search/hit.ts';
import type { Deps } from '../../app/deps.ts';
import type { GrantSnapshot } from './grant-cache.ts';

export interface SearchAsked {
  readonly query: string;
  /** null: all that may be searched. */
  readonly resources: readonly Resource[] | null;
  readonly limit: number;
  readonly cursor: string | null;
}

export interface Searched {
  readonly hits: readonly Hit[];
  readonly next_cursor: string | null;
}

/** A search as it goes on from a grant: decided, with its cursor read, and how to answer what it finds. */
export interface DecidedSearch {
  readonly read: AuthorizedSearch;
  answer(page: HitPage): Searched;
}

/** A cursor holds for one grant at one version, one query and one choice of resources. */
export const decideSearch = (
  { keys }: Pick<Deps, 'keys'>,
  { grant }: GrantSnapshot,
  identity: CertificateIdentity,
  { query, resources, limit, cursor }: SearchAsked,
  now: Date,
  revocationEpoch: number,
): Result<DecidedSearch, Denial | 'invalid_cursor'> => {
  const binding: SearchBinding = {
    holder: grant?.id ?? '',
    version: grant?.version ?? null,
    query,
    resources,
  };
  const after = cursor === null ? null : decodeSearchCursor(keys.cursorMac, binding, cursor, now);
  const read = decide.search(grant, identity, { query, resources, limit, after }, now, revocationEpoch);
  if (!read.ok) return read;
  if (cursor !== null && after === null) return err('invalid_cursor');
  return ok({
    read: read.value,
    answer: ({ hits, next }) => ({
      hits: withHighlights(query, hits),
      next_cursor: next === null ? null : encodeSearchCursor(keys.cursorMac, binding, next, now),
    }),
  });
};
