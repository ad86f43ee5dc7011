import { createRequestBudgets, type CallScope } from '../driver/budget.ts';
import type { Requests } from '../storage.ts';
import { DEFAULTS } from './pools.ts';

/** What a request may take of the database. */
export interface RequestOptions {
  /** Longest that all statements of one request of a person take together, in milliseconds; of a peer, the next. */
  readonly requestTimeoutMs?: number;
  readonly peerRequestTimeoutMs?: number;
  /** Knows which request a statement is of. Absent: no request has a limit for all its statements. */
  readonly callScope?: CallScope;
}

/** The budgets of requests, whose limits are those of the configuration. */
export const requestsOf = (options: RequestOptions): Requests => ({
  budgets: createRequestBudgets(options.callScope),
  limits: {
    person: options.requestTimeoutMs ?? DEFAULTS.requestTimeoutMs,
    peer: options.peerRequestTimeoutMs ?? DEFAULTS.peerRequestTimeoutMs,
  },
});
