import type { Queryable } from '../driver/driver.ts';
import type { Table } from './catalog.ts';

/** Values of a primary key as a JSON list of texts; null stands before the first row. */
export type Position = string | null;

export interface RowsPage {
  readonly count: number;
  /** A JSON list of the rows: goes from one database to the other as it is, never through numbers of ours. */
  readonly rows: string;
  readonly last: Position;
}

/** What the rows of a table sum up to, whatever their order. */
export interface Digest {
  readonly rows: number;
  /** Sum of the rows' SHA-256 in four lanes of 64 bits, hexadecimal. */
  readonly hash: string;
}

/** Of one page. */
export interface Limits {
  readonly rows: number;
  readonly bytes: number;
}

export const COPY_LIMITS: Limits = { rows: 1_000, bytes: 4 * 1024 * 1024 };
const DIGEST_ROWS = 5_000;
const LANES = [0, 1, 2, 3] as const;

const keyList = ({ key }: Table): string => key.map(({ name }) => name).join(', ');

/** The next rows by primary key. `from` is the number of the first free parameter. */
const slice = (table: Table, after: Position, limit: number): { sql: string; params: string[] } => {
  const params = after === null ? [] : (JSON.parse(after) as string[]);
  const values = table.key.map(({ type }, index) => `$${index + 1}::text::${type}`).join(', ');
  const where = after === null ? '' : `where (${keyList(table)}) > (${values})`;
  return {
    // By name: a column that is generated is made again at the other side, not carried there.
    sql: `select ${table.columns.join(', ')} from public.${table.name} ${where} order by ${keyList(table)} limit ${limit}`,
    params,
  };
};

const position = ({ key }: Table): string =>
  `json_build_array(${key.map(({ name }) => `r.${name}::text`).join(', ')})::text`;

const numbered = (table: Table): string =>
  `row_number() over (order by ${table.key.map(({ name }) => `r.${name}`).join(', ')}) as n`;

/** The next page of rows: as many as fit both limits, and one at least. */
export const readPage = async (
  source: Queryable,
  table: Table,
  after: Position,
  limits: Limits,
): Promise<RowsPage> => {
  const { sql, params } = slice(table, after, limits.rows);
  const [page] = await source.query<{ count: number; rows: string | null; last: Position }>(
    `with page as (select ${numbered(table)}, ${position(table)} as at, to_json(r)::text as body from (${sql}) r),
      measured as (select n, at, body, sum(octet_length(body)) over (order by n) as bytes from page),
      taken as (select n, at, body from measured where n = 1 or bytes <= ${limits.bytes})
    select count(*)::int as count, '[' || string_agg(body, ',' order by n) || ']' as rows,
      (array_agg(at order by n desc))[1] as last from taken`,
    params,
  );
  return { count: page?.count ?? 0, rows: page?.rows ?? '[]', last: page?.last ?? null };
};

/**
 * Writes a page's rows. Text to column and back is exact for every type we have; `overriding` keeps ids that a
 * database would number itself.
 * @returns how many rows were written
 */
export const writeRows = async (target: Queryable, table: Table, rows: string): Promise<number> => {
  const columns = table.columns.join(', ');
  const [row] = await target.query<{ count: number }>(
    `with written as (
      insert into public.${table.name} (${columns}) overriding system value
      select ${columns} from json_populate_recordset(null::public.${table.name}, $1::text::json) returning 1
    ) select count(*)::int as count from written`,
    [rows],
  );
  return row?.count ?? 0;
};

/** Sums up a table in steps, so that no statement grows with it. */
export const digestOf = async (
  database: Queryable,
  table: Table,
  onRows: (count: number) => void = () => undefined,
): Promise<Digest> => {
  const sums = LANES.map(() => 0n);
  let rows = 0;
  let after: Position = null;
  for (;;) {
    const { sql, params } = slice(table, after, DIGEST_ROWS);
    const lanes = LANES.map(
      (lane) => `sum(('x' || substr(hash, ${lane * 16 + 1}, 16))::bit(64)::bigint)::text as lane${lane}`,
    );
    const [page]: Record<string, string | number | null>[] = await database.query(
      `with page as (select ${numbered(table)}, ${position(table)} as at,
          encode(sha256(convert_to(json_build_array(${table.columns.join(', ')})::text, 'UTF8')), 'hex') as hash
        from (${sql}) r)
      select count(*)::int as count, (array_agg(at order by n desc))[1] as last, ${lanes.join(', ')} from page`,
      params,
    );
    const count = Number(page?.['count'] ?? 0);
    if (count > 0) {
      for (const lane of LANES) sums[lane] = (sums[lane] ?? 0n) + BigInt(page?.[`lane${lane}`] ?? 0);
      rows += count;
      after = String(page?.['last']);
      onRows(count);
    }
    if (count < DIGEST_ROWS) break;
  }
  const hash = sums.map((sum) => BigInt.asUintN(64, sum).toString(16).padStart(16, '0')).join('');
  return { rows, hash };
};
