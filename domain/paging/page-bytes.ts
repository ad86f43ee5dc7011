import { resourceSpec, type Resource } from '../resources.ts';

/**
 * Most bytes of one page as JSON, but for the row that passes it: the page ends there, with a cursor, and the rest is reached by
 * that (SPEC M3-7). It bounds what one request can cost (FAULTS F-5): such a page is made in some 10 ms.
 */
export const MAX_PAGE_BYTES = 1024 * 1024;

/** Most rows of a page that is first read without counting the bytes of each row as JSON. */
export const LIGHT_ROWS = 64;

/** Fields whose length people decide. */
export const textFields = (resource: Resource): readonly string[] =>
  Object.entries(resourceSpec(resource).fields).flatMap(([name, { kind }]) =>
    kind === 'text' ? [name] : [],
  );

/** The most that one row takes as JSON: every character at its longest (a control character is six bytes), and the rest. */
export const maxRowBytes = (resource: Resource): number =>
  Object.values(resourceSpec(resource).fields).reduce((sum, field) => sum + field.maxLength * 6, 1_024);

/**
 * Upper bound of the memory that reading a page takes, in bytes: to be reserved before its statement runs.
 *
 * @param rowBytes most bytes of one row as JSON
 */
export const mostPageBytes = (limit: number, rowBytes: number): number => {
  const most = Math.min((limit + 1) * rowBytes, MAX_PAGE_BYTES + rowBytes);
  // The database writes the rows of a longer page twice, to count them.
  return limit > LIGHT_ROWS ? 2 * most : most;
};
