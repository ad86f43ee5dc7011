import { DATABASE_CURES, SESSION_CODES } from '../domain/database/state.ts';
import { MosaicError } from '../domain/errors.ts';
import { DatabaseFault } from './driver/errors.ts';
import { SERVING_ROLES } from './logins.ts';

/** What a session is. */
export interface SessionFacts {
  readonly role: string;
  readonly standby: boolean;
  readonly read_only: boolean;
  /** Longest a statement of it runs, in milliseconds; 0: for ever. */
  readonly limit_ms: string;
}

/** What a session has to be: of a login that serves, in its role; of the `primary` under any role; `any` to look at it. */
export type Demand = keyof typeof SERVING_ROLES | 'primary' | 'any';

/** Asks for one row of SessionFacts. */
export const SESSION_FACTS = `select current_user::text as role, pg_is_in_recovery() as standby,
  current_setting('transaction_read_only') = 'on' as read_only,
  (extract(epoch from current_setting('statement_timeout')::interval) * 1000)::bigint as limit_ms`;

/** What a session turned out to be, as an error: the cause says what to do about it, the answer does not. */
export const unfit = (code: keyof typeof SESSION_CODES): MosaicError =>
  new MosaicError('database_unavailable', {
    cause: new DatabaseFault(code, DATABASE_CURES[SESSION_CODES[code]] ?? 'not fit to serve from'),
  });

/**
 * @param limitMs what was asked for when the session started; absent: nothing, or whether it was heard does not matter
 * @throws MosaicError `database_unavailable` for a session that is not what it has to be, with the cure
 */
export const refuseUnfit = (
  session: SessionFacts | undefined,
  demand: Demand,
  limitMs: number | null = null,
): void => {
  if (demand === 'any') return;
  if (session?.standby === true) throw unfit('STANDBY');
  if (session?.read_only === true) throw unfit('READ_ONLY');
  // It is asked for when a session starts, and a pooler, or a `role` in the address, can undo that without a word.
  if (demand !== 'primary' && session?.role !== SERVING_ROLES[demand]) throw unfit('WRONG_ROLE');
  // A pooler swallows it, where it does not refuse it; and then hands the same session to one after the other.
  if (limitMs !== null && Number(session?.limit_ms) !== limitMs) throw unfit('SETTINGS');
};
