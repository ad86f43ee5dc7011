import type { Context } from 'hono';
import { maxRowBytes, mostPageBytes } from '../../domain/paging/page-bytes.ts';
import { isResource, RESOURCES } from '../../domain/resources.ts';
import type { Deps } from '../../src/app/deps.ts';
import type { HeldWork } from '../../domain/ports/work.ts';

import type { AppEnv } from '../http/http.ts';

/** What a runtime that sees its connections passes in the environment of `app.fetch`. */
export interface SendingEnvironment {
  /**
   * Calls `done` once, when the answer of this request has left or its connection has ended. A reader that takes longer than the
   * runtime allows is cut off.
   *
   * @returns ends the connection at once
   */
  whenSent(done: () => void): () => void;
}

const isSending = (environment: unknown): environment is SendingEnvironment =>
  typeof environment === 'object' && environment !== null && 'whenSent' in environment;

/** Of an answer without pages of rows. */
export const ORDINARY_BYTES = 256 * 1024;

/**
 * Waits until a person's request may be worked on, and holds what it takes while the rest of the request runs. A handler whose
 * answer is large says so with `sendWork`.
 *
 * @param bytes upper bound of what it takes
 * @param identify looks the person up again, after a wait
 * @throws MosaicError `unavailable` when too much waits already
 */
export const withinWork = async (
  c: Context<AppEnv>,
  { work }: Pick<Deps, 'work'>,
  bytes: number,
  identify: () => Promise<void>,
  run: () => Promise<void>,
): Promise<void> => {
  const party = `user ${c.get('principal').userId}`;
  const held = await work.enter({ party, holder: party }, bytes);
  c.set('work', held);
  try {
    // What the database said of the token and of the peers may have changed meanwhile.
    if (held.hasWaited) await identify();
    await run();
  } finally {
    if (!held.isSending) held.release();
  }
};

const DEFAULT_ROWS = 50;
const MOST_ROWS = 200;
const LONGEST_ROW_BYTES = Math.max(...RESOURCES.map(maxRowBytes));

/** What a person's request below `/api/<kind>/<resource>` takes for rows of the own store. What peers send is added as it comes. */
export const rowsWork = (c: Context<AppEnv>): number => {
  const [, , , name, id = ''] = c.req.path.split('/');
  const rowBytes = isResource(name) ? maxRowBytes(name) : LONGEST_ROW_BYTES;
  if (c.req.method !== 'GET' || id !== '') return rowBytes;
  const asked = Number(c.req.query('limit') ?? DEFAULT_ROWS);
  const limit = asked >= 1 && asked <= MOST_ROWS ? asked : MOST_ROWS;
  return mostPageBytes(limit, rowBytes);
};

/** Answers up to this size are in a socket's buffer at once. */
const SMALL_BYTES = 64 * 1024;

/** The answer is made: its bytes are held for as long as its reader takes to read them, and never for ever. */
export const sendWork = (c: Context, work: HeldWork, bytes: number): void => {
  const environment: unknown = c.env;
  if (bytes <= SMALL_BYTES || !isSending(environment)) {
    work.release();
    return;
  }
  let cut = (): void => {};
  let isSent = false;
  cut = environment.whenSent(() => {
    isSent = true;
    work.release();
  });
  if (!isSent) work.send(bytes, () => cut());
};
