import type { Transaction } from './driver.ts';

type Transact = <T>(work: (transaction: Transaction) => Promise<T>) => Promise<T>;

/** How every gateway's serving sessions are called at the server. */
export const SERVING_SESSIONS = 'mosaic-federation';

const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 50;
const ENDING_MS = 1_000;

/**
 * Transactions of gateways that are open now, each as `pid@start`. One that is not in the first look began after
 * it, and with that its snapshot is newer; so no clock has to be compared. A session we may not look into (of
 * another login role: not even what kind it is can be seen) or that reports nothing counts as one that never ends. `$1` are the ones still of interest.
 */
const OPEN = `select coalesce(json_agg(id), '[]')::text as open from (
  select pid || '@' || coalesce(xact_start::text, '?') as id from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid()
    and coalesce(backend_type, 'client backend') = 'client backend'
    and application_name in ('${SERVING_SESSIONS}', current_setting('application_name'))
    and (xact_start is not null or state is null or state = 'disabled')
) sessions where $1::text is null or id in (select json_array_elements_text($1::json))`;

const END = `select pg_terminate_backend(pid) as ended from pg_stat_activity
where pid || '@' || xact_start::text in (select json_array_elements_text($1::json))`;

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * Waits for every transaction of any gateway that is open when it is called (DATABASE.md: the barrier of a
 * revocation). The serving role sees nothing of the sessions; the login role behind it sees its own, so the look
 * is taken as that role, in a transaction of its own each time: within one the server repeats its first answer.
 *
 * After `limitMs`, longer than any statement may run, what is still open is ended by the server.
 */
export const waitUntilSettled = async (transact: Transact, limitMs: number): Promise<void> => {
  const asLoginRole = (text: string, among: string | null): Promise<readonly { readonly open?: string }[]> =>
    transact(async (transaction) => {
      await transaction.script('set local role none');
      return transaction.query<{ readonly open?: string }>(text, [among]);
    });
  const look = async (among: string | null): Promise<string> =>
    (await asLoginRole(OPEN, among))[0]?.open ?? '[]';

  const start = performance.now();
  let open = await look(null);
  let isEnded = false;
  for (let wait = FIRST_PAUSE_MS; open !== '[]'; wait = Math.min(wait * 2, LONGEST_PAUSE_MS)) {
    const waited = performance.now() - start;
    if (waited > limitMs + ENDING_MS) return;
    if (waited > limitMs && !isEnded) {
      await asLoginRole(END, open);
      isEnded = true;
    }
    await pause(wait);
    open = await look(open);
  }
};
