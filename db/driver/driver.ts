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
  /**
   * Resolves when no statement of a gateway runs any more that began before this call: on this one or on any
   * other that shares the database. Bounded by the statement timeout; what outlives even that is ended.
   */
  settled(): Promise<void>;
  /**
   * Calls `heard` for each notification on a channel, and once for each time the connection had been lost: what was said
   * meanwhile is not repeated. @returns what ends it
   */
  listen(channel: string, heard: () => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
}
