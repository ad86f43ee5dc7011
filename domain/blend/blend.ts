import type { ResourceRow } from '../resources.ts';

export type SourceName = 'local' | `federated:${string}`;

/** A row and where it came from. */
export interface BlendedRow {
  readonly id: string;
  readonly created_at: string;
  readonly _source: SourceName;
  /** It was kept from a moment ago. */
  readonly _cached?: true;
  readonly [field: string]: string | null | true;
}

/** Newest first, then by id descending: the order of every list, equal to SQL's `(created_at, id) DESC`. */
export const compareRows = (a: ResourceRow, b: ResourceRow): number => {
  if (a.created_at !== b.created_at) return a.created_at < b.created_at ? 1 : -1;
  if (a.id !== b.id) return a.id < b.id ? 1 : -1;
  return 0;
};

export interface SourcePage<T = ResourceRow> {
  readonly source: SourceName;
  /** Already in the order that they are merged in. */
  readonly items: readonly T[];
  /** Whether the source holds more after its last item. */
  readonly more: boolean;
  /** Whether its items came from the cache. */
  readonly isCached?: boolean;
}

export interface Blended<T = ResourceRow> {
  readonly items: readonly (T & { readonly _source: SourceName })[];
  /** Per source: how many of its items were taken. What was not taken is asked for again by the next page. */
  readonly taken: Readonly<Record<string, number>>;
  readonly more: boolean;
}

/**
 * Merges pages of several sources into one of at most `limit` rows and tags each row. An item is only taken
 * while no source that still has unseen rows could hold one that comes before it: a page that ran dry with `more` set
 * ends the merge there, so that paging on yields every row once and in order.
 */
export const blendInOrder = <T extends object>(
  pages: readonly SourcePage<T>[],
  limit: number,
  compare: (a: T, b: T) => number,
): Blended<T> => {
  const heads = pages.map((page) => ({ page, next: 0 }));
  const items: (T & { readonly _source: SourceName })[] = [];
  while (items.length < limit) {
    if (heads.some(({ page, next }) => next >= page.items.length && page.more)) break;
    let best: { page: SourcePage<T>; next: number } | undefined;
    for (const head of heads) {
      const row = head.page.items[head.next];
      const bestRow = best?.page.items[best.next];
      if (row !== undefined && (bestRow === undefined || compare(row, bestRow) < 0)) best = head;
    }
    const row = best?.page.items[best.next];
    if (best === undefined || row === undefined) break;
    const { source, isCached } = best.page;
    items.push(isCached === true ? { ...row, _source: source, _cached: true } : { ...row, _source: source });
    best.next += 1;
  }
  return {
    items,
    taken: Object.fromEntries(heads.map(({ page, next }) => [page.source, next])),
    more: heads.some(({ page, next }) => next < page.items.length || page.more),
  };
};

/** The merge of lists: newest first. */
export const blend = (pages: readonly SourcePage[], limit: number): Blended =>
  blendInOrder(pages, limit, compareRows);
