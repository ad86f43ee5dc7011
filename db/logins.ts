import type { Queryable } from './driver/driver.ts';
import { GROUP_ROLES, MAINTENANCE_ROLES, PRELUDE } from './migrations/roles.ts';

/** What a login is for, and with that how little it may do. */
export type LoginKind = 'peers' | 'api' | 'maintenance';

/** The roles that each login is a member of; of no other of ours. */
const ROLES_OF: Readonly<Record<LoginKind, readonly string[]>> = {
  peers: ['mosaic_peer_reader'],
  api: ['mosaic_app', 'mosaic_admin'],
  maintenance: MAINTENANCE_ROLES,
};

/** The role that sessions of a serving login have from their first statement on. */
export const SERVING_ROLES = { peers: 'mosaic_peer_reader', api: 'mosaic_app' } as const;

export type LoginNames = Readonly<Record<LoginKind, string>>;

/** The one login of versions before 0.2 becomes the one for maintenance: it owns the database already. */
export const DEFAULT_LOGINS: LoginNames = {
  peers: 'mosaic_peers',
  api: 'mosaic_api',
  maintenance: 'mosaic',
};

const KINDS = ['peers', 'api', 'maintenance'] as const;
/** The system's own schema is first without being named; where a session's temporary objects are, last. */
const SEARCH_PATH = 'public, pg_temp';

const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/**
 * Where statements are logged, their parameters are too, and the words of a search are parameters (FAULTS F-73). Only a superuser may
 * say so for a login; where a provider gives nobody that right, the doctor says what remains to be done.
 */
const withoutParameterLog = (login: string): string => `
do $log$ begin
  alter role ${login} set log_parameter_max_length = 0;
  alter role ${login} set log_parameter_max_length_on_error = 0;
exception when insufficient_privilege then
  raise notice 'The parameters of statements may be logged: see mosaic gateway doctor.';
end $log$;`;

const loginSql = (kind: LoginKind, name: string): string => {
  const login = identifier(name);
  // Replicas of 0.1 act as mosaic_app by the login that becomes the one for maintenance, until the last of them is replaced.
  const kept = [...ROLES_OF[kind], ...(kind === 'maintenance' ? ['mosaic_app'] : [])];
  const others = GROUP_ROLES.filter((role) => !kept.includes(role));
  return `
-- ${kind}
do $login$ begin
  if not exists (select from pg_roles where rolname = ${literal(name)}) then create role ${login} login; end if;
end $login$;
${kind === 'maintenance' ? `alter role ${login} login inherit;` : `alter role ${login} login noinherit nosuperuser nocreatedb nocreaterole noreplication nobypassrls;`}
revoke ${others.join(', ')} from ${login};
grant ${ROLES_OF[kind].join(', ')} to ${login};
alter role ${login} set search_path = ${SEARCH_PATH};${withoutParameterLog(login)}`;
};

/**
 * Postgres lets everybody hold advisory locks, for which the API and migrations would wait, write into the server's log of changes, and
 * use up transaction ids. The functions are the superuser's, so no migration could take them away.
 */
const WITHOUT_LOCKS = `do $public$
declare
  known regprocedure;
begin
  for known in select oid from pg_proc where pronamespace = 'pg_catalog'::regnamespace
      and (proname ~ '^pg_(try_)?advisory_' or proname in ('pg_logical_emit_message', 'pg_current_xact_id', 'txid_current')) loop
    execute format('revoke execute on function %s from public', known);
    if known::text ~ 'advisory' then
      execute format('grant execute on function %s to mosaic_owner, mosaic_app, mosaic_admin', known);
    end if;
  end loop;
end $public$;`;

/**
 * What a superuser does once in a gateway's database, before the first start or when one login becomes three. Idempotent, and it sets
 * no password. It leaves the rows alone, and takes from nobody else but `public`: temporary tables, objects in the schema, large objects,
 * advisory locks, transaction ids and messages in the server's log of changes.
 */
export const setupSql = (names: LoginNames): string => `begin;
${PRELUDE}
${KINDS.map((kind) => loginSql(kind, names[kind])).join('\n')}

do $database$ begin
  execute format('alter database %I owner to %I', current_database(), ${literal(names.maintenance)});
  execute format('revoke temporary on database %I from public', current_database());
  execute format('grant connect on database %I to %I, %I', current_database(), ${literal(names.peers)}, ${literal(names.api)});
end $database$;
revoke create on schema public from public;
-- A large object is a row that everybody may write.
revoke execute on function lo_create(oid), lo_creat(integer), lo_from_bytea(oid, bytea) from public;
${WITHOUT_LOCKS}
commit;
`;

interface LoginRow {
  readonly login: string;
  readonly superuser: boolean;
  readonly powers: boolean;
  readonly missing: string;
  readonly extra: string;
  readonly owns: boolean;
  readonly temporary: boolean;
  readonly creates: boolean;
  readonly writes: boolean;
  readonly barrier: boolean;
}

/**
 * Of who logged in, whatever role the session has. `$1` are the roles it should be a member of. Memberships by the catalogue, not by
 * pg_has_role: a superuser has all of them there.
 */
const LOGIN = `with recursive held as (
  select r.oid, r.rolname::text as name, r.rolsuper or r.rolcreaterole or r.rolcreatedb or r.rolreplication or r.rolbypassrls as powers
    from pg_roles r where r.rolname = session_user
  union select r.oid, r.rolname::text, r.rolsuper or r.rolcreaterole or r.rolcreatedb or r.rolreplication or r.rolbypassrls
    from held h join pg_auth_members m on m.member = h.oid join pg_roles r on r.oid = m.roleid
)
select session_user::text as login,
  (select rolsuper from pg_roles where rolname = session_user) as superuser,
  (select bool_or(powers) from held) as powers,
  coalesce((select string_agg(w, ', ') from unnest($1::text[]) w where w not in (select name from held)), '') as missing,
  coalesce((select string_agg(name, ', ' order by name) from held
    where (name like 'mosaic\\_%' or name like 'pg\\_%') and name <> session_user and name <> all ($1::text[])), '') as extra,
  exists (select from pg_class c join held h on h.oid = c.relowner where c.relnamespace = 'public'::regnamespace)
    or exists (select from pg_database d join held h on h.oid = d.datdba where d.datname = current_database()) as owns,
  has_database_privilege(session_user, current_database(), 'TEMPORARY') as temporary,
  has_database_privilege(session_user, current_database(), 'CREATE') or has_schema_privilege(session_user, 'public', 'CREATE') as creates,
  exists (select from pg_class c cross join held h where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v')
    and (has_table_privilege(h.oid, c.oid, 'DELETE, TRUNCATE, TRIGGER')
      or has_any_column_privilege(h.oid, c.oid, 'INSERT, UPDATE'))) as writes,
  (select count(*) = 2 from pg_auth_members m join pg_roles b on b.oid = m.member and b.rolname = 'mosaic_barrier'
    join pg_roles g on g.oid = m.roleid and g.rolname in ('pg_read_all_stats', 'pg_signal_backend')) as barrier`;

const excessOf = (kind: LoginKind, row: LoginRow): string | null => {
  if (kind === 'maintenance') return null;
  if (row.superuser) return 'is a superuser';
  if (row.powers) return 'may create roles or databases, replicate, or pass by row-level security';
  if (row.extra !== '') return `is a member of ${row.extra}`;
  if (row.owns) return 'owns the database or tables in it';
  if (row.temporary) return 'may create temporary tables, which come before every other table';
  if (row.creates) return 'may create objects in the database';
  if (kind === 'peers' && row.writes) return 'may write';
  return null;
};

/**
 * What makes a login unfit for its purpose, in words that go on after "The login … ", or null.
 * @param database a session of that login, whatever its role
 * @throws MosaicError `database_unavailable`, `internal` where our roles do not exist yet
 */
export const loginFault = async (database: Queryable, kind: LoginKind): Promise<string | null> => {
  const [row] = await database.query<LoginRow>(LOGIN, [`{${ROLES_OF[kind].join(',')}}`]);
  if (row === undefined) throw new TypeError('a query for one row gave none');
  const excess = excessOf(kind, row);
  if (excess !== null) return `“${row.login}” ${excess}`;
  if (row.missing !== '' && !row.superuser) return `“${row.login}” is no member of ${row.missing}`;
  if (kind === 'api' && !row.barrier)
    return `“${row.login}” relies on mosaic_barrier, which is no member of pg_read_all_stats and pg_signal_backend`;
  return null;
};

/**
 * Whether an older `setupSql` was run here: this login can still do what the newer one takes from everybody. Nothing breaks by
 * it, so it is told and not refused.
 */
export const isSetupOutdated = async (database: Queryable): Promise<boolean> => {
  const [row] = await database.query<{ outdated: boolean }>(
    `select has_function_privilege(session_user, 'pg_catalog.pg_advisory_lock(bigint)', 'execute') as outdated`,
  );
  return row?.outdated === true;
};
