import type { Connection } from '../driver/connection.ts';
import type { DatabaseIdentity } from '../lease.ts';
import { refuseUnfit, SESSION_FACTS, unfit, type Demand, type SessionFacts } from '../session-facts.ts';

/** Names of sessions are `pid@start`, which need no quoting. */
const listed = (sessions: readonly string[]): string =>
  sessions.map((session) => `'${session.replaceAll("'", '')}'`).join(', ');

/**
 * The serving role sees nothing of the server's sessions; the login role behind it sees its own. The name of this one is
 * read for the pool, and those that it has given up are ended: what the server had not begun for them does not run.
 */
const asLoginRole = (abandoned: readonly string[]): string => `begin; set local role none;
${abandoned.length === 0 ? '' : `select pg_terminate_backend(pid) as ended from pg_stat_activity where pid || '@' || backend_start::text in (${listed(abandoned)});`}
select pid || '@' || backend_start::text as session from pg_stat_activity where pid = pg_backend_pid();
commit;`;

export interface SessionDemands {
  readonly demand: Demand;
  /** The statement_timeout that it must have; null: whichever. */
  readonly limitMs: number | null;
  /** Sessions of the same login that are to be ended. */
  readonly abandoned: readonly string[];
  /** The primary it must lead to, or one that came after it; null: to any. */
  readonly expected: DatabaseIdentity | null;
  /** Told of a primary that came after the expected one. */
  readonly onLater?: ((timeline: string) => void) | undefined;
}

const IDENTITY = 'select system_id, timeline from app.database_identity()';

/**
 * The first thing that is run on a connection, in one round trip.
 *
 * @returns the session's name, or null where the server does not tell
 * @throws MosaicError `database_unavailable` for a standby, a read-only server, another one than before, or a session of another role
 */
export const checkSession = async (
  connection: Connection,
  { demand, limitMs, abandoned, expected, onLater }: SessionDemands,
): Promise<string | null> => {
  const text = `${asLoginRole(abandoned)} ${SESSION_FACTS};`;
  const { rows } = await connection.send(text, [], 'script');
  const seen = Object.assign({}, ...rows.flat()) as SessionFacts & { readonly session?: string };
  refuseUnfit(seen, demand, limitMs);
  if (expected !== null) {
    const answer = await connection.send(IDENTITY, [], 'objects');
    const [found] = answer.rows as readonly { readonly system_id: string; readonly timeline: string }[];
    if (found?.system_id !== expected.systemId || found.timeline < expected.timeline)
      throw unfit('OTHER_CLUSTER');
    if (found.timeline > expected.timeline) onLater?.(found.timeline);
  }
  return seen.session ?? null;
};

const LOST = `select asked from unnest($1::text[]) asked
left join pg_stat_activity on pid || '@' || backend_start::text = asked
where pid is null or (state like 'idle%' and state_change < clock_timestamp() - interval '1 second')`;

/**
 * Which of those sessions, all of which we wait for, the server does not know, or has long answered: their connections
 * lead nowhere.
 */
export const lostSessions = async (
  connection: Connection,
  sessions: readonly string[],
): Promise<readonly string[]> => {
  await connection.send('begin; set local role none', [], 'script');
  const { rows } = await connection.send(
    LOST,
    [`{${sessions.map((name) => `"${name}"`).join(',')}}`],
    'objects',
  );
  return (rows as readonly { readonly asked: string }[]).map(({ asked }) => asked);
};
