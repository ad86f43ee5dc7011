import { compareRows } from '../../../domain/blend/blend.ts';
import type { ResourceRow } from '../../../domain/resources.ts';
import type { Result } from '../../../domain/result.ts';
import type { PeerPage } from './answers.ts';
import { peerFailure, type PeerFailure } from './failure.ts';

/** Where in a peer's list the next page begins to ask: the peer's own cursor, or null for its start. */
export type Upstream = string | null;

export type FetchPage<T = ResourceRow> = (
  cursor: Upstream,
  limit: number,
) => Promise<Result<PeerPage<T>, PeerFailure>>;

/** One answer of the peer, without the rows that were given to the user already. */
interface Chunk<T> {
  readonly cursor: Upstream;
  readonly rows: readonly T[];
  readonly next: Upstream;
}

export interface Walked<T = ResourceRow> {
  readonly rows: readonly T[];
  readonly more: boolean;
  /** Where to ask from once `taken` of the rows were given to the user; `done` when nothing is left. */
  after(taken: number): { readonly done: boolean; readonly upstream: Upstream };
}

export type Walk<T = ResourceRow> =
  { readonly ok: true; readonly walked: Walked<T> } | { readonly ok: false; readonly failure: PeerFailure };

/** Requests one page of a user may cost a peer: a peer may cap its pages, and rows may have to be skipped. */
export const MAX_REQUESTS = 8;
/** Rows asked for at once while skipping. */
const SKIP_ROWS = 200;

const settle = <T>(chunks: readonly Chunk<T>[], wanted: number): Walked<T> => {
  // What came whole and in one is passed on as it is: what is kept with it is found by that.
  const [only] = chunks;
  const all = chunks.length === 1 && only !== undefined ? only.rows : chunks.flatMap((chunk) => chunk.rows);
  const next = chunks.at(-1)?.next ?? null;
  return {
    rows: all.length <= wanted ? all : all.slice(0, wanted),
    more: next !== null || all.length > wanted,
    after: (taken) => {
      let left = taken;
      for (const chunk of chunks) {
        // Rows of this answer are still to be given: ask the same again and skip by position.
        if (left < chunk.rows.length) return { done: false, upstream: chunk.cursor };
        left -= chunk.rows.length;
      }
      return { done: next === null, upstream: next };
    },
  };
};

/**
 * Collects up to `limit` rows that were not given yet: one request where nothing has to be skipped. What a peer
 * caps its answers at also caps what one page takes from it (SPEC M3-7). The peer's cursors are opaque and stand at the ends of its answers only, so a page that was used in part is
 * asked for again and what was given is skipped **by position**: rows that arrived meanwhile change nothing.
 *
 * A cursor the peer no longer takes (its scope was edited, it expired) starts again at the top, skipping.
 * A failure after some rows were collected ends the walk there; the next page meets it first.
 *
 * @param isNew whether a row comes after what the user has seen; null: nothing was seen yet
 * @param compare the order of the peer's answers
 */
export const walkInOrder = async <T>(
  fetchPage: FetchPage<T>,
  from: Upstream,
  limit: number,
  isNew: ((row: T) => boolean) | null,
  compare: (a: T, b: T) => number,
): Promise<Walk<T>> => {
  let chunks: Chunk<T>[] = [];
  let cursor = from;
  let size = limit;
  let wanted = limit;
  let last: T | undefined;
  let collected = 0;
  let restarted = false;
  for (let request = 0; request < MAX_REQUESTS; request += 1) {
    const page = await fetchPage(cursor, size);
    if (!page.ok) {
      if (page.error.tooLarge && size > 1) {
        size = Math.ceil(size / 8);
        continue;
      }
      if (page.error.peerCode === 'invalid_cursor' && cursor !== null && !restarted) {
        restarted = true;
        [chunks, cursor, last, collected] = [[], null, undefined, 0];
        continue;
      }
      if (collected > 0) break;
      return { ok: false, failure: page.error };
    }
    const { rows, next } = page.value;
    const first = rows[0];
    if (last !== undefined && first !== undefined && compare(last, first) >= 0) {
      return {
        ok: false,
        failure: peerFailure('peer_protocol', { message: 'The peer’s pages overlap or are out of order.' }),
      };
    }
    const fresh = isNew === null ? rows : rows.filter(isNew);
    chunks.push({ cursor, rows: fresh, next });
    collected += fresh.length;
    last = rows.at(-1) ?? last;
    if (chunks.length === 1) wanted = Math.min(limit, rows.length);
    if (next === null || collected >= wanted) break;
    cursor = next;
    if (fresh.length === 0) size = Math.max(size, SKIP_ROWS);
  }
  if (chunks.length === 0) return { ok: false, failure: peerFailure('peer_protocol') };
  return { ok: true, walked: settle(chunks, wanted) };
};

/** The walk through a list of rows. */
export const walk = (
  fetchPage: FetchPage,
  from: Upstream,
  limit: number,
  isNew: ((row: ResourceRow) => boolean) | null,
): Promise<Walk> => walkInOrder(fetchPage, from, limit, isNew, compareRows);
