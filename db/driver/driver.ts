/** A value as it is sent: text is bound as text and cast by the statement. */
export type Param = string | number | boolean | null;

/**
 * What the stores need of a database, the same on PGlite and Postgres. Values come back as follows: boolean,
 * small integers and floats as such; `timestamptz` and `timestamp` as RFC 3339 UTC with milliseconds; everything
 * else (uuid, bigint, json, arrays) as the database's text.
 *
 * Every method throws MosaicError: `conflict` for a broken unique or foreign key, `database_unavailable` when
 * the database can't be reached or took too long, `internal` otherwise; never with SQL or values in it.
 */
export interface Queryable {
  /** One statement, prepared; rows as objects by column name. */
  query<Row>(text: string, params?: readonly Param[]): Promise<Row[]>;
  /** The same, rows as arrays in column order. */
  values(text: string, params?: readonly Param[]): Promise<unknown[][]>;
}

export interface Transaction extends Queryable {
  /** Several statements without parameters. */
  script(text: string): Promise<void>;
}

export interface Driver extends Queryable {
  /** All or nothing. Errors of `work` come out as they are. */
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}
