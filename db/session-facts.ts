import { MosaicError } from '../domain/errors.ts';
import { SERVING_ROLES } from './logins.ts';

/** What a session is. */
export interface SessionFacts {
  readonly role: string;
  readonly standby: boolean;
  readonly read_only: boolean;
}

/** What a session has to be: of a login that serves, in its role; of the `primary` under any role; `any` to look at it. */
export type Demand = keyof typeof SERVING_ROLES | 'primary' | 'any';

/** Asks for one row of SessionFacts. */
export const SESSION_FACTS = `select current_user::text as role, pg_is_in_recovery() as standby,
  current_setting('transaction_read_only') = 'on' as read_only`;

const refuse = (detail: string): MosaicError => new MosaicError('database_unavailable', { detail });

/** @throws MosaicError `database_unavailable` for a session that is not what it has to be, with the cure */
export const refuseUnfit = (session: SessionFacts | undefined, demand: Demand): void => {
  if (demand === 'any') return;
  if (session?.standby === true)
    throw refuse('The database is a standby: correct its address, or promote it.');
  if (session?.read_only === true)
    throw refuse('The database is read-only: look at default_transaction_read_only.');
  if (demand !== 'primary' && session?.role !== SERVING_ROLES[demand]) {
    // It is asked for when a session starts, and a pooler, or a `role` in the address, can undo that without a word.
    throw refuse(
      `The database’s sessions do not have the role ${SERVING_ROLES[demand]}; check its address and any pooler in between.`,
    );
  }
};
