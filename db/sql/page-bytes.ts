import { LIGHT_ROWS, MAX_PAGE_BYTES } from '../../domain/paging/page-bytes.ts';

/*
 * What a page may weigh is counted in the statement that reads it, so that nothing heavier than a page ever leaves the
 * database (FAULTS F-5): neither the answer nor the memory it takes can be made larger by what people wrote.
 */

/** How the bytes of a page are bounded. */
export type PageBound =
  /** By what is stored: the whole page comes, or no text of it where that is more than `LIGHT_BYTES`. For few rows. */
  | 'light'
  /** By what the answer takes: rows come until that many bytes are reached. */
  | number;

/** Most stored text of a light page. Escaped for JSON it is at most six times as much, and so within `MAX_PAGE_BYTES`. */
const LIGHT_BYTES = 128 * 1024;

/** Names, ids and times of a row as JSON, rounded up. */
const ROW_BYTES = 320;

/** Bytes of a row as stored, without reading what is stored apart. Ids and times are a constant. */
const storedBytes = (texts: readonly string[], table: string): string =>
  texts
    .map((name) => `coalesce(octet_length(${table}.${name}), 0)`)
    .join(' + ')
    .concat(' + 256');

/** Bytes of a row as JSON: a control character takes six. */
const encodedBytes = (texts: readonly string[], table: string): string =>
  texts
    .map((name) => `coalesce(octet_length(to_json(${table}.${name})::text), 0)`)
    .join(' + ')
    .concat(` + ${ROW_BYTES}`);

interface Cut {
  readonly texts: readonly string[];
  /** Columns of the order, newest or best first, of a table called `l`. */
  readonly order: string;
  /** The statement whose rows are cut. */
  readonly rows: string;
}

/**
 * The rows until `maxBytes` are reached, and the first one beyond, which has `is_beyond` and is shown without its texts: that one
 * says that there is more. What is stored is counted first, because that needs no text to be read: escaped it is never less.
 */
const measured = ({ texts, order, rows }: Cut, maxBytes: number): string => {
  const before = (size: string, preceding: number): string =>
    `coalesce(sum(${size}) over (order by ${order} rows between unbounded preceding and ${preceding} preceding), 0)`;
  const stored = storedBytes(texts, 'l');
  // The offset keeps the planner from counting a text again for each of the two sums.
  return `select w.* from (
    select l.*, l.is_past or ${before('l.encoded', 1)} >= ${maxBytes} as is_beyond,
      ${before('l.encoded', 2)} < ${maxBytes} as is_within
    from (
      select s.*, case when s.is_past then 0 else ${encodedBytes(texts, 's')} end as encoded from (
        select l.*, ${before(stored, 1)} >= ${maxBytes} as is_past, ${before(stored, 2)} < ${maxBytes} as is_near
        from (${rows}) l
      ) s where s.is_near offset 0
    ) l
  ) w where w.is_within`;
};

/** All rows, each with `is_beyond` where they are too much together. */
const light = ({ texts, rows }: Cut): string =>
  `select l.*, sum(${storedBytes(texts, 'l')}) over () > ${LIGHT_BYTES} as is_beyond from (${rows}) l`;

export const withinBytes = (cut: Cut, bound: PageBound): string =>
  bound === 'light' ? light(cut) : measured(cut, bound);

/** The bound for a page of up to `limit` rows. */
export const boundOf = (limit: number, maxBytes: number): PageBound =>
  limit <= LIGHT_ROWS && maxBytes >= MAX_PAGE_BYTES ? 'light' : maxBytes;
