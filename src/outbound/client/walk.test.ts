import { describe, expect, it } from 'vitest';
import { err, ok } from '../../../domain/result.ts';
import type { ResourceRow } from '../../../domain/resources.ts';
import { peerFailure } from './failure.ts';
import { MAX_REQUESTS, walk, type FetchPage } from './walk.ts';

/** Row `n`; the higher, the newer. */
const row = (n: number): ResourceRow => {
  const at = new Date(1_700_000_000_000 + n).toISOString();
  const id = `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
  return { id, owner_id: null, team_id: null, created_at: at, updated_at: at };
};

/** A peer with rows `top` … 1, whose cursor is the number of the last row given. */
const peerOf = (top: number, cap = 1_000) => {
  const asked: string[] = [];
  const fetchPage: FetchPage = async (cursor, limit) => {
    asked.push(`${cursor ?? 'start'}/${limit}`);
    const from = cursor === null ? top : Number(cursor) - 1;
    const size = Math.min(limit, cap, from);
    const rows = Array.from({ length: size }, (_, index) => row(from - index));
    return ok({ rows, next: size < from ? String(from - size + 1) : null });
  };
  return { asked, fetchPage };
};

const olderThan = (n: number) => (one: ResourceRow) => one.created_at < row(n).created_at;
const everything = (): boolean => true;

const walked = async (...given: Parameters<typeof walk>) => {
  const result = await walk(...given);
  if (!result.ok) throw new Error(result.failure.code);
  const { rows, more, after } = result.walked;
  return { numbers: rows.map(({ id }) => Number(id.slice(-12))), more, after };
};

describe('walk', () => {
  it('takes one request where nothing is to be skipped, also at a peer that caps its answers', async () => {
    const { asked, fetchPage } = peerOf(9, 2);
    const { numbers, more, after } = await walked(fetchPage, null, 5, everything);
    expect([numbers, more, asked]).toEqual([[9, 8], true, ['start/5']]);
    expect([after(0), after(1), after(2)]).toEqual([
      { done: false, upstream: null },
      { done: false, upstream: null },
      { done: false, upstream: '8' },
    ]);
  });

  it('M3-7 skips what was given, goes on for the rest, and takes no more than one answer has', async () => {
    const { asked, fetchPage } = peerOf(9, 2);
    const { numbers, more, after } = await walked(fetchPage, null, 5, olderThan(9));
    expect([numbers, more, asked]).toEqual([[8, 7], true, ['start/5', '8/5']]);
    expect([after(1), after(2)]).toEqual([
      { done: false, upstream: '8' },
      { done: false, upstream: '8' },
    ]);
  });

  it('asks for more at once while it only skips, and stops after its budget with progress made', async () => {
    const { asked, fetchPage } = peerOf(5_000);
    const { numbers, more, after } = await walked(fetchPage, null, 5, olderThan(100));
    expect([numbers, more]).toEqual([[], true]);
    expect(asked).toHaveLength(MAX_REQUESTS);
    expect(asked[1]).toMatch(/\/200$/);
    expect(Number(after(0).upstream)).toBeLessThan(5_000 - 1_000);
  });

  it('knows when everything was given', async () => {
    const { after, more } = await walked(peerOf(3).fetchPage, null, 5, everything);
    expect([more, after(2), after(3)]).toEqual([
      false,
      { done: false, upstream: null },
      { done: true, upstream: null },
    ]);
  });

  it('asks for fewer rows when an answer is too large, and fails when one row is', async () => {
    const { asked, fetchPage } = peerOf(9);
    const tooLarge = peerFailure('peer_protocol', { tooLarge: true });
    const heavy: FetchPage = async (cursor, limit) => (limit > 2 ? err(tooLarge) : fetchPage(cursor, limit));
    expect((await walked(heavy, null, 100, everything)).numbers).toEqual([9, 8]);
    expect(asked).toEqual(['start/2']);
    expect(await walk(async () => err(tooLarge), null, 100, everything)).toMatchObject({ ok: false });
  });

  it('refuses pages that overlap or run backwards', async () => {
    const circling: FetchPage = async () => ok({ rows: [row(5)], next: 'again' });
    const result = await walk(circling, null, 5, olderThan(5));
    expect(result).toMatchObject({ ok: false, failure: { code: 'peer_protocol' } });
  });

  it('keeps what it has when a later request fails, and starts again at the top when a cursor is refused', async () => {
    const { fetchPage } = peerOf(9, 2);
    const failing: FetchPage = async (cursor, limit) =>
      cursor === null ? fetchPage(cursor, limit) : err(peerFailure('peer_timeout'));
    expect((await walked(failing, null, 5, olderThan(9))).numbers).toEqual([8]);
    const refusing: FetchPage = async (cursor, limit) =>
      cursor === 'stale'
        ? err(peerFailure('peer_refused', { peerCode: 'invalid_cursor' }))
        : fetchPage(cursor, limit);
    expect((await walked(refusing, 'stale', 5, olderThan(8))).numbers).toEqual([7, 6]);
  });
});
