import { resourceSpec, type Resource } from '../resources.ts';

/**
 * Most bytes of one page as JSON, but for the row that passes it: the page ends there, with a cursor, and the rest is reached by
 * that (SPEC M3-7). It bounds what one request can cost (FAULTS F-5): such a page is made in some 5 ms.
 */
export const MAX_PAGE_BYTES = 1024 * 1024;

/** Most rows of a page that is first read without counting the bytes of each row as JSON. */
export const LIGHT_ROWS = 64;

/** How the bytes of a page are bounded. */
export type PageBound =
  /** The whole page comes, or no text of it where that is more than 128 KiB as stored. For few rows. */
  | 'light'
  /** Rows come until that many bytes are reached, as stored. */
  | number;

/** The bound for a page of up to `limit` rows. */
export const boundOf = (limit: number, maxBytes: number): PageBound =>
  limit <= LIGHT_ROWS && maxBytes >= MAX_PAGE_BYTES ? 'light' : maxBytes;

/** Fields whose length people decide. */
export const textFields = (resource: Resource): readonly string[] =>
  Object.entries(resourceSpec(resource).fields).flatMap(([name, { kind }]) =>
    kind === 'text' ? [name] : [],
  );

/** The most that one row takes as JSON: every character at its longest (a control character is six bytes), and the rest. */
export const maxRowBytes = (resource: Resource): number =>
  Object.values(resourceSpec(resource).fields).reduce((sum, field) => sum + field.maxLength * 6, 1_024);

/** The names of a row's columns as JSON, rounded up. Whoever counts a row counts this, so that pages end alike. */
export const NAMES_BYTES = 128;
/** Most bytes that one UTF-16 unit takes as JSON in UTF-8: that of a control character. */
const MOST_UNIT_BYTES = 6;
/** `JSON.stringify` writes these of the control characters with two. */
const SHORT_ESCAPES: ReadonlySet<number> = new Set([0x08, 0x09, 0x0a, 0x0c, 0x0d]);

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;

/** @returns bytes of a text as `JSON.stringify` writes it, in UTF-8, with its quotes; without making it */
export const jsonBytes = (text: string): number => {
  let bytes = 2;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit < 0x20) bytes += SHORT_ESCAPES.has(unit) ? 2 : 6;
    else if (unit < 0x80) bytes += unit === 0x22 || unit === 0x5c ? 2 : 1;
    else if (unit < 0x800) bytes += 2;
    else if (isHighSurrogate(unit) && isLowSurrogate(text.charCodeAt(at + 1))) {
      bytes += 4;
      at += 1;
    } else bytes += isHighSurrogate(unit) || isLowSurrogate(unit) ? 6 : 3;
  }
  return bytes;
};

type Row = Readonly<Record<string, string | number | null>>;

const sumOfTexts = (row: Row, sizeOf: (text: string) => number): number =>
  Object.values(row).reduce<number>(
    (sum, value) => (typeof value === 'string' ? sum + sizeOf(value) : sum),
    NAMES_BYTES,
  );

const mostBytes = (text: string): number => text.length * MOST_UNIT_BYTES;

/** @returns how many rows make a page as JSON: those until `maxBytes` are reached, the one that passes it included */
export const rowsWithin = (rows: readonly Row[], maxBytes: number): number => {
  // Of ordinary pages nothing is counted letter by letter.
  if (rows.reduce((sum, row) => sum + sumOfTexts(row, mostBytes), 0) <= maxBytes) return rows.length;
  let bytes = 0;
  let count = 0;
  for (; count < rows.length && bytes < maxBytes; count += 1)
    bytes += sumOfTexts(rows[count] ?? {}, jsonBytes);
  return count;
};

/**
 * Upper bound of the memory that reading a page takes, in bytes: to be reserved before its statement runs.
 *
 * @param rowBytes most bytes of one row as JSON
 */
export const mostPageBytes = (limit: number, rowBytes: number): number => {
  const most = Math.min((limit + 1) * rowBytes, MAX_PAGE_BYTES + rowBytes);
  // The rows of a longer page are there twice: as they are stored, and as JSON.
  return limit > LIGHT_ROWS ? 2 * most : most;
};
