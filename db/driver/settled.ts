import type { Queryable } from './driver.ts';

/** How every gateway's serving sessions are called at the server: for people, and for nothing else. */
export const SERVING_SESSIONS = 'mosaic-federation';

const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 50;
const ENDING_MS = 1_000;

/**
 * Transactions of gateways that are open now, each as `pid@start`. One that is not in the first look began after
 * it, and with that its snapshot is newer; so no clock has to be compared. Whose sessions they are is known by their logins, which
 * are members of our roles (`app.open_transactions`, 0021). `$1` are the ones still of interest. A statement of its own each time:
 * within a transaction the server repeats its first answer.
 */
const OPEN = 'select app.open_transactions($1::text) as open';

const END = 'select app.end_transactions($1::text) as ended';

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * Waits for every transaction of any gateway that is open when it is called (DATABASE.md: the barrier of a
 * revocation). After `limitMs`, longer than any statement may run, what is still open is ended by the server, unless it is of
 * maintenance, which answers nobody.
 *
 * @param database statements outside of a transaction, as `mosaic_app`
 */
export const waitUntilSettled = async (
  database: Pick<Queryable, 'query'>,
  limitMs: number,
): Promise<void> => {
  const look = async (among: string | null): Promise<string> =>
    (await database.query<{ readonly open: string }>(OPEN, [among]))[0]?.open ?? '[]';

  const start = performance.now();
  let open = await look(null);
  let isEnded = false;
  for (let wait = FIRST_PAUSE_MS; open !== '[]'; wait = Math.min(wait * 2, LONGEST_PAUSE_MS)) {
    const waited = performance.now() - start;
    if (waited > limitMs + ENDING_MS) return;
    if (waited > limitMs && !isEnded) {
      await database.query(END, [open]);
      isEnded = true;
    }
    await pause(wait);
    open = await look(open);
  }
};
