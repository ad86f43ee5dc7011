import { sql, type AnyColumn, type SQL } from 'drizzle-orm';
import type { Page, PageRequest } from '../../domain/ports/page.ts';

/** The condition "after this position" in a list ordered newest first, or undefined at its beginning. */
export const afterPosition = (time: AnyColumn, id: AnyColumn, { after }: PageRequest): SQL | undefined =>
  after === null ? undefined : sql`(${time}, ${id}) < (${after.createdAt}::timestamptz, ${after.id}::uuid)`;

/** One row more than the limit tells whether there is a next page. */
export const toPage = <Row, Item>(
  rows: readonly Row[],
  { limit }: PageRequest,
  show: (row: Row) => Item,
  position: (row: Row) => { readonly at: Date; readonly id: string },
): Page<Item> => {
  const items = rows.slice(0, limit);
  const last = rows.length > limit ? items.at(-1) : undefined;
  const place = last === undefined ? null : position(last);
  return {
    items: items.map(show),
    next: place === null ? null : { createdAt: place.at.toISOString(), id: place.id },
  };
};
