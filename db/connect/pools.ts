/** What the connections of a gateway are for: each purpose has a few of its own, so that none waits for another. */
const PURPOSES = ['reads', 'search', 'writes', 'background'] as const;
export type Purpose = (typeof PURPOSES)[number];

export interface PoolSize {
  /** Most connections of a process. */
  readonly max: number;
}

/**
 * `reads`: lists and single rows, of peers and people, and what it takes to decide on them · `search` · `writes`: the public
 * and the admin API, and all transactions · `background`: audit log, outbox, watches and barrier (LISTEN has one more).
 */
export const DEFAULT_POOLS: Readonly<Record<Purpose, PoolSize>> = {
  reads: { max: 3 },
  search: { max: 3 },
  writes: { max: 3 },
  background: { max: 3 },
};

/**
 * Statements under way on one connection. Several of them save the pauses between answers (docs/reference/performance.md), where all are
 * short and change nothing: of a write that was sent and not answered nobody knows whether it happened.
 */
export const PIPELINE: Readonly<Record<Purpose, number>> = { reads: 32, search: 1, writes: 1, background: 1 };

/**
 * Longest a statement that only reads waits for a lock at the server, in milliseconds. Nothing of ours locks readers out but a migration, and
 * whatever stands behind it on its connection, of other tables too, waits with it.
 */
export const LOCK_TIMEOUT_MS = 500;
export const READING: ReadonlySet<Purpose> = new Set(['reads', 'search']);

export const DEFAULTS = {
  /** Longest a statement runs at the server, in milliseconds; on this side it is given up one second later. */
  statementTimeoutMs: 10_000,
  /** Below the 30 seconds that nginx waits for an answer, and that a revocation's barrier may take besides (statementTimeoutMs). */
  requestTimeoutMs: 15_000,
  /** Below the 5 seconds that a peer waits by default. */
  peerRequestTimeoutMs: 4_000,
  connectTimeoutMs: 3_000,
  /** Most statements that wait for a connection of one purpose. */
  queueLimit: 512,
  /** Below the 20 seconds that Patroni gives a leader (ttl), so that a lease ends before another primary takes over. */
  leaseSeconds: 10,
} as const;
