import { isResource, type Resource } from '../resources.ts';
import type { HitPosition } from '../search/hit.ts';
import { expiryOf, openCursor, sealCursor, type CursorBinding, type Mac } from './cursor.ts';

/** What a search's cursor is made for. The query is under the keyed MAC only: nothing of it stands in the cursor. */
export interface SearchBinding {
  /** Grant id at B, `user:<id>` for a native search. */
  readonly holder: string;
  /** Of the grant, so that a cursor does not outlive a change of the scope; null for a native search. */
  readonly version: number | null;
  readonly query: string;
  /** As asked for; null: all that may be searched. */
  readonly resources: readonly Resource[] | null;
}

const POSITION =
  /^(\d(?:\.\d+)?(?:e-\d+)?)\|(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z)\|([a-z_]+)\|([0-9a-f-]{36})\|(\d{1,12})$/;

const bindingOf = ({ holder, version, query, resources }: SearchBinding): CursorBinding => ({
  holder,
  resource: 'search',
  filters: JSON.stringify([version, resources?.toSorted() ?? null, query]),
});

/** Makes a cursor that expires `CURSOR_TTL_SECONDS` after `now`. The rank is written so that it reads back exactly. */
export const encodeSearchCursor = (
  mac: Mac,
  binding: SearchBinding,
  { rank, createdAt, resource, id }: HitPosition,
  now: Date,
): string => sealCursor(mac, bindingOf(binding), `${rank}|${createdAt}|${resource}|${id}|${expiryOf(now)}`);

/** Reads it back, or null for one that is damaged, foreign or expired: the caller answers `invalid_cursor` (ABUSE 43). */
export const decodeSearchCursor = (
  mac: Mac,
  binding: SearchBinding,
  cursor: string,
  now: Date,
): HitPosition | null => {
  const match = POSITION.exec(openCursor(mac, bindingOf(binding), cursor) ?? '');
  if (match === null) return null;
  const [, rank, createdAt, resource, id, expires] = match;
  if (createdAt === undefined || id === undefined || !isResource(resource)) return null;
  return Number(expires) * 1000 <= now.getTime() ? null : { rank: Number(rank), createdAt, resource, id };
};
