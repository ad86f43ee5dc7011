import { z } from 'zod';
import type { Api, Query } from './api.ts';
import { CliError, EXIT } from '../shell/exit.ts';

const LARGEST_PAGE = 200;
export const DEFAULT_ROWS = 50;

export interface PagingOptions {
  /** Rows wanted in total. */
  readonly limit?: number;
  readonly all?: boolean;
  readonly cursor?: string;
}

export interface Listing<T> {
  readonly items: readonly T[];
  /** Where to go on, or null at the end. */
  readonly next_cursor: string | null;
}

interface PageAnswer<T> {
  readonly items: readonly T[];
  readonly next_cursor?: string | null | undefined;
}

/**
 * Asks for page after page until enough rows are there. `keep` sees every page.
 * @throws CliError when the server gives one cursor twice: it would never end
 */
export const collectPages = async <T, P extends PageAnswer<T>>(
  fetchPage: (query: Query) => Promise<P>,
  options: PagingOptions,
  keep: (page: P) => void = () => undefined,
): Promise<Listing<T>> => {
  const wanted = options.all === true ? Number.POSITIVE_INFINITY : (options.limit ?? DEFAULT_ROWS);
  const items: T[] = [];
  const seen = new Set<string>();
  let cursor = options.cursor;
  while (items.length < wanted) {
    const page = await fetchPage({ limit: Math.min(wanted - items.length, LARGEST_PAGE), cursor });
    // One by one: each as an argument of `push`, many of them would end in a stack overflow.
    for (const item of page.items) items.push(item);
    keep(page);
    cursor = page.next_cursor ?? undefined;
    if (cursor === undefined) break;
    if (seen.has(cursor)) {
      throw new CliError(EXIT.failure, {
        code: 'unexpected_answer',
        title: 'The server sent the same page twice.',
        detail: 'It gave the same cursor twice.',
      });
    }
    seen.add(cursor);
  }
  return { items, next_cursor: cursor ?? null };
};

/** The rows of one list address, over as many pages as needed. */
export const listAll = <T extends z.ZodType>(
  api: Api,
  path: string,
  item: T,
  options: PagingOptions,
  filters: Query = {},
): Promise<Listing<z.output<T>>> => {
  const page = z.looseObject({ items: z.array(item), next_cursor: z.string().nullish() });
  return collectPages<z.output<T>, PageAnswer<z.output<T>>>(
    (query) => api.get(path, page, { ...filters, ...query }),
    options,
  );
};
