import type { PageBound } from '../../domain/paging/page-bytes.ts';

/*
 * What a page may weigh is counted in the statement that reads it, so that nothing heavier than a page ever leaves the
 * database (FAULTS F-5): neither the answer nor the memory it takes can be made larger by what people wrote. The statement counts
 * what is stored, which needs no text to be read. As JSON the same text takes up to six times as much, and whoever makes the JSON ends
 * the page there (`rowsWithin`, stored-page.ts): the database takes 5 ms for 99 KB of control characters as JSON, the
 * gateway half a millisecond, and the embedded database answers nobody else meanwhile.
 */

/** Most stored text of a light page. Escaped for JSON it is at most six times as much, and so within `MAX_PAGE_BYTES`. */
const LIGHT_BYTES = 128 * 1024;

/** Bytes of the texts of a row as stored. */
export const storedTextBytes = (texts: readonly string[], table: string): string =>
  texts.map((name) => `coalesce(octet_length(${table}.${name}), 0)`).join(' + ');

/** Bytes of a row as stored. Ids and times are a constant. */
const storedBytes = (texts: readonly string[], table: string): string =>
  `${storedTextBytes(texts, table)} + 256`;

interface Cut {
  readonly texts: readonly string[];
  /** Columns of the order, newest or best first, of a table called `l`. */
  readonly order: string;
  /** The statement whose rows are cut. */
  readonly rows: string;
}

/**
 * The rows until `maxBytes` are reached, and the first one beyond, which has `is_beyond` and is shown without its texts: that one
 * says that there is more.
 */
const measured = ({ texts, order, rows }: Cut, maxBytes: number): string => {
  const before = (preceding: number): string =>
    `coalesce(sum(${storedBytes(texts, 'l')}) over (order by ${order} rows between unbounded preceding and ${preceding} preceding), 0)`;
  return `select w.* from (
    select l.*, ${before(1)} >= ${maxBytes} as is_beyond, ${before(2)} < ${maxBytes} as is_within
    from (${rows}) l
  ) w where w.is_within`;
};

/** All rows, each with `is_beyond` where they are too much together. */
const light = ({ texts, rows }: Cut): string =>
  `select l.*, sum(${storedBytes(texts, 'l')}) over () > ${LIGHT_BYTES} as is_beyond from (${rows}) l`;

export const withinBytes = (cut: Cut, bound: PageBound): string =>
  bound === 'light' ? light(cut) : measured(cut, bound);
