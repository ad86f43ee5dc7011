import { MosaicError } from '../domain/errors.ts';
import type { Queryable } from './driver/driver.ts';
import { DatabaseFault } from './driver/errors.ts';
import { loginFault, SERVING_ROLES, type LoginKind } from './logins.ts';
import { pendingMigrations } from './migrate.ts';

const VARIABLES: Readonly<Record<LoginKind, string>> = {
  peers: 'database.peers_url (DATABASE_PEERS_URL)',
  api: 'database.url (DATABASE_URL)',
  maintenance: 'database.maintenance_url (DATABASE_MAINTENANCE_URL)',
};

/** What an operator does about a login that is not fit. */
export const LOGINS_CURE =
  'Run “mosaic database setup-sql” and give what it prints to psql, once, as a superuser in this database; then name the three logins in database.url, database.peers_url and database.maintenance_url (docs/how-to/SETUP.md, “Three logins”).';

/**
 * For a start: who can do more than its purpose asks for is not served with, nor who can do less.
 * @throws MosaicError `unavailable` with the cure
 */
export const refuseUnfitLogin = async (database: Queryable, kind: LoginKind): Promise<void> => {
  const fault = await loginFault(database, kind);
  if (fault === null) return;
  throw new MosaicError('unavailable', {
    detail: `The login of ${VARIABLES[kind]}, ${fault}. ${LOGINS_CURE}`,
  });
};

/** SQLSTATE of a session that asks for a role its login may not take, or that there is none of. */
const NO_ROLE = new Set(['42501', '22023', '42704']);

/**
 * For a start: the first statement of a session that has a role from its beginning.
 * @throws MosaicError `unavailable` with the cure where the login may not take it; else what `work` throws
 */
export const withRole = async (work: () => Promise<void>): Promise<void> => {
  try {
    await work();
  } catch (error) {
    const cause = error instanceof MosaicError ? error.cause : undefined;
    if (!(cause instanceof DatabaseFault) || !NO_ROLE.has(cause.code)) throw error;
    throw new MosaicError('unavailable', {
      detail: `A login may not take the role of its purpose (${VARIABLES.api}: ${SERVING_ROLES.api}; ${VARIABLES.peers}: ${SERVING_ROLES.peers}). ${LOGINS_CURE}`,
      cause,
    });
  }
};

/** For a start without the login for maintenance. @throws MosaicError `unavailable` where migrations are to be applied, or another version's are */
export const refuseOldSchema = async (database: Queryable): Promise<void> => {
  const [row] = await database.query<{ readable: boolean }>(
    `select exists (select from pg_class c where c.oid = to_regclass('public.mosaic_migrations') and has_table_privilege(c.oid, 'SELECT')) as readable`,
  );
  const pending =
    row?.readable === true ? await pendingMigrations(database) : ['the migrations of this version'];
  if (pending.length === 0) return;
  throw new MosaicError('unavailable', {
    detail: `The database lacks ${pending.join(', ')}. Run “mosaic database migrate” with database.maintenance_url, or let one gateway start with it.`,
  });
};
