import { z } from 'zod';
import { MosaicError } from '../../domain/errors.ts';
import { decodeCursor, encodeCursor, type CursorBinding } from '../../domain/paging/cursor.ts';
import type { Page, PageRequest } from '../../domain/ports/page.ts';
import type { Deps } from '../../src/app/deps.ts';

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;

/** A whole number in a query parameter: plain decimal digits, no sign, exponent or leading zero (ABUSE 32). */
const wholeNumber = (minimum: number, maximum: number, fallback: number) =>
  z
    .string()
    .regex(/^(?:0|[1-9]\d{0,8})$/, `must be a whole number from ${minimum} to ${maximum}`)
    .transform(Number)
    .refine(
      (value) => value >= minimum && value <= maximum,
      `must be a whole number from ${minimum} to ${maximum}`,
    )
    .default(fallback)
    .meta({ type: 'integer', minimum, maximum, description: `Default ${fallback}.` });

/** The shape to spread into a list's query object. @param most rows of a page */
export const pageQueryUpTo = (most: number) => ({
  limit: wholeNumber(1, most, DEFAULT_LIMIT),
  cursor: z.string().min(1).max(512).optional().meta({ description: '`next_cursor` of the page before.' }),
});

export const pageQuery = pageQueryUpTo(MAX_LIMIT);

/** The body of a list's answer. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.strictObject({ items: z.array(item), next_cursor: z.string().nullable() });

/** Anything of hono's context with a validated query of `pageQuery`. */
export interface PagedContext {
  readonly req: {
    valid(target: 'query'): { readonly limit: number; readonly cursor?: string | undefined };
  };
}

/** What cursors are made with. */
interface PagingDeps extends Pick<Deps, 'clock'> {
  readonly keys: Pick<Deps['keys'], 'cursorMac'>;
}

/** Filters in force; the cursor is bound to them. */
export type Filters = Readonly<Record<string, string | number | boolean | null | undefined>>;

const binding = (holder: string, resource: string, filters: Filters): CursorBinding => ({
  holder,
  resource,
  filters: JSON.stringify(
    Object.entries(filters)
      .filter(([, value]) => value !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  ),
});

/**
 * The page a request asks for.
 *
 * @param holder whose list it is: `user:<id>` or a grant's id
 * @throws MosaicError `invalid_cursor` for one that is damaged, expired, or made for anything else (ABUSE 43)
 */
export const readPage = (
  deps: PagingDeps,
  c: PagedContext,
  holder: string,
  resource: string,
  filters: Filters = {},
): PageRequest => {
  const { limit, cursor } = c.req.valid('query');
  if (cursor === undefined) return { limit, after: null };
  const after = decodeCursor(
    deps.keys.cursorMac,
    binding(holder, resource, filters),
    cursor,
    deps.clock.now(),
  );
  if (after === null) throw new MosaicError('invalid_cursor');
  return { limit, after };
};

/** The answer to it: `show` says what of an item leaves. Takes the same holder, resource and filters as `readPage`. */
export const writePage = <T, R>(
  deps: PagingDeps,
  page: Page<T>,
  show: (item: T) => R,
  holder: string,
  resource: string,
  filters: Filters = {},
): { readonly items: readonly R[]; readonly next_cursor: string | null } => ({
  items: page.items.map(show),
  next_cursor:
    page.next === null
      ? null
      : encodeCursor(deps.keys.cursorMac, binding(holder, resource, filters), page.next, deps.clock.now()),
});
