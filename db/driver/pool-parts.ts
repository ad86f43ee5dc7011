import type { Answer, Connection, Shape } from './connection.ts';
import type { Param } from './driver.ts';

/** How large a pool is and how long it waits. */
export interface PoolLimits {
  /** Most connections. */
  readonly max: number;
  /** Most statements under way on one connection (a transaction has one for itself). */
  readonly pipeline: number;
  /** Most statements and transactions that wait for a connection; the next one is refused at once. */
  readonly queueLimit: number;
  /** Longest a caller waits for a statement, the wait for a connection included, in milliseconds. */
  readonly deadlineMs: number;
  /** A connection without work is closed after so long, in milliseconds. */
  readonly idleMs: number;
  /** A connection is replaced after so long, in milliseconds. */
  readonly lifetimeMs: number;
}

export interface PoolParts extends PoolLimits {
  /**
   * Opens a connection that may be used at once.
   * @param abandoned sessions of this pool that nobody waits for any more: to be ended at the server
   */
  readonly open: (onOver: () => void, abandoned: readonly string[]) => Promise<Connection>;
  /** Names of those sessions that do nothing for anybody: to be asked on a fresh connection. */
  readonly lost: (connection: Connection, sessions: readonly string[]) => Promise<readonly string[]>;
  /** Told of each try to open a connection: null when it worked. */
  readonly onTried?: (error: Error | null) => void;
}

/** What one statement is bound to, beside the limits of the pool. */
export interface Within {
  /** Longest its caller waits, the wait for a connection included, in milliseconds; the pool's own when that is shorter. */
  readonly limitMs?: number;
  /** Only a connection that was opened after that moment of `performance.now()` is good enough. */
  readonly bornAfter?: number;
}

/** A connection for one caller alone. */
export interface Held {
  run(text: string, params: readonly Param[], shape: Shape, within?: Within): Promise<Answer>;
  release(): void;
}

export interface Pool {
  run(text: string, params: readonly Param[], shape: Shape, within?: Within): Promise<Answer>;
  hold(within?: Within): Promise<Held>;
  /** Destroys every connection that there is: the next statement opens a new one. */
  retire(): void;
  close(): Promise<void>;
}
