import { isResource, type Resource, type ResourceRow } from '../../../domain/resources.ts';
import type { Hit } from '../../../domain/search/hit.ts';
import { readHits } from './hits.ts';
import { readRows, rowReader } from './rows.ts';

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export interface PeerPage<T = ResourceRow> {
  readonly rows: readonly T[];
  /** The peer's own cursor, opaque here. */
  readonly next: string | null;
}

const CURSOR = /^[\u0021-\u007e]{1,512}$/;

const pageOf = <T>(rows: readonly T[] | null, next: unknown): PeerPage<T> | null => {
  if (rows === null) return null;
  if (next === null) return { rows, next };
  return typeof next === 'string' && CURSOR.test(next) && rows.length > 0 ? { rows, next } : null;
};

/** A peer's list: right columns, right order, no more rows than asked for, and no page that leads nowhere. */
export const readPage =
  (resource: Resource, asked: number) =>
  (json: unknown): PeerPage | null => {
    if (!isObject(json)) return null;
    return pageOf(readRows(resource, json['items'], asked), json['next_cursor']);
  };

/** A peer's hits, as strictly; a hit of a resource that was not asked for is none. */
export const readSearchPage =
  (resources: readonly Resource[] | null, asked: number) =>
  (json: unknown): PeerPage<Hit> | null =>
    isObject(json) ? pageOf(readHits(json['items'], resources, asked), json['next_cursor']) : null;

/** A peer's single row, which must be the one asked for. */
export const readItem =
  (resource: Resource, id: string) =>
  (json: unknown): ResourceRow | null => {
    const row = isObject(json) ? rowReader(resource)(json['item']) : null;
    return row !== null && row.id === id ? row : null;
  };

/** The part of a peer's capabilities that is shown to an administrator. */
export interface PeerCapabilities {
  readonly gateway: string;
  readonly grant: { readonly id: string; readonly status: string; readonly expires_at: string | null };
  readonly resources: readonly Resource[];
  readonly max_rows_per_query: number;
}

const isShort = (value: unknown): value is string => typeof value === 'string' && value.length <= 200;

export const readCapabilities = (json: unknown): PeerCapabilities | null => {
  if (!isObject(json) || !isObject(json['grant']) || !Array.isArray(json['resources'])) return null;
  const { gateway, grant, max_rows_per_query: maxRows } = json;
  const { id, status, expires_at: expiresAt } = grant;
  if (!isShort(gateway) || !isShort(id) || !isShort(status)) return null;
  if (expiresAt !== null && !isShort(expiresAt)) return null;
  if (typeof maxRows !== 'number' || !Number.isInteger(maxRows)) return null;
  // A newer peer may offer resources this version does not know: they can't be asked for anyway.
  const resources = json['resources']
    .map((entry: unknown) => (isObject(entry) ? entry['name'] : null))
    .filter(isResource);
  return { gateway, grant: { id, status, expires_at: expiresAt }, resources, max_rows_per_query: maxRows };
};
