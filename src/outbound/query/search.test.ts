import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AuthorizedSearch } from '../../../domain/access/decide.ts';
import { compareHits, comparePositions, positionOf, type FoundRow } from '../../../domain/search/hit.ts';
import type { Deps } from '../../app/deps.ts';
import { asker, fakePeer, problem, taskAt, TRACE, type Asker } from './query.testkit.ts';
import { queryList } from './query.ts';
import { searchEverywhere, type BlendedHit } from './search.ts';
import { assemble } from '../../app/assemble.ts';

const found = (rank: number, ms: number, n: number): FoundRow => ({
  resource: 'tasks',
  rank,
  row: taskAt(ms, n, 'wombat'),
});

/** A peer that pages as ours does, its cursors being numbers; `seen` has what it was asked. */
const searchable = (hits: readonly FoundRow[], cap: number) => {
  const peer = fakePeer([]);
  const seen: URL[] = [];
  const answer = (url: URL): Response => {
    seen.push(url);
    const from = Number(url.searchParams.get('cursor') ?? 0);
    const size = Math.min(cap, Number(url.searchParams.get('limit')));
    const ordered = hits.toSorted(compareHits);
    const items = ordered
      .slice(from, from + size)
      .map(({ row, rank, resource }) => ({ ...row, _resource: resource, _rank: rank, _highlights: {} }));
    const next = from + size < ordered.length ? String(from + size) : null;
    return Response.json({ items, next_cursor: next });
  };
  return { peer, seen, answer };
};

const world = (local: readonly FoundRow[], peers: Record<string, ReturnType<typeof searchable>>): Asker => {
  const made = asker([], Object.fromEntries(Object.entries(peers).map(([name, { peer }]) => [name, peer])));
  const { deps } = made;
  const reader = {
    ...deps.storage.reader,
    search: async ({ terms: { target } }: AuthorizedSearch) => {
      const rest = local
        .toSorted(compareHits)
        .filter((hit) => target.after === null || comparePositions(positionOf(hit), target.after) > 0);
      const hits = rest.slice(0, target.limit);
      const last = hits.at(-1);
      return {
        admitted: true,
        value: { hits, next: rest.length > hits.length && last !== undefined ? positionOf(last) : null },
      };
    },
  };
  const transport = {
    connect: ({ keyPem }: { readonly keyPem: string }) => ({
      fetch: async (url: string, init?: RequestInit) => {
        const one = peers[keyPem];
        if (one === undefined) throw new Error('no such peer');
        return one.peer.fault === null ? one.answer(new URL(url)) : one.peer.fault(init?.signal ?? null);
      },
      close: async () => undefined,
    }),
  };
  return {
    ...made,
    deps: assemble({ ...deps, transport, storage: { ...deps.storage, reader } } as unknown as Deps),
  };
};

const ask = (
  from: Asker,
  over: { limit?: number; cursor?: string; query?: string; session?: string; source?: 'all' | 'local' } = {},
) =>
  searchEverywhere(from.deps, {
    ...from.as(),
    query: over.query ?? 'wombat',
    resources: null,
    source: over.source ?? 'all',
    limit: over.limit ?? 50,
    cursor: over.cursor,
    traceId: TRACE,
    session: over.session ?? 'test',
  });

const everything = async (from: Asker, limit: number): Promise<readonly BlendedHit[]> => {
  const all: BlendedHit[] = [];
  let cursor: string | undefined;
  for (let round = 0; round < 300; round += 1) {
    const page = await ask(from, { limit, ...(cursor === undefined ? {} : { cursor }) });
    all.push(...page.hits);
    if (page.next_cursor === null) return all;
    cursor = page.next_cursor;
  }
  throw new Error('it never ends');
};

const hits = fc
  .uniqueArray(
    fc.tuple(
      fc.constantFrom(0, 0.1, 0.25, 0.60792714),
      fc.integer({ min: 0, max: 4 }),
      fc.integer({ min: 1, max: 60 }),
    ),
    {
      maxLength: 25,
      selector: ([, , n]) => n,
    },
  )
  .map((all) => all.map(([rank, ms, n]) => found(rank, ms, n)));

describe('searchEverywhere', () => {
  it('gives every hit of every source once and in order of rank, whatever the pages and caps', async () => {
    await fc.assert(
      fc.asyncProperty(
        hits,
        hits,
        hits,
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        async (local, a, b, limit, cap) => {
          const all = await everything(
            world(local, { alpha: searchable(a, cap), beta: searchable(b, cap) }),
            limit,
          );
          const keys = (list: readonly FoundRow[], source: string) =>
            list.map(({ row }) => `${source} ${row.id}`);
          expect(all.map(({ _source, row }) => `${_source} ${row.id}`).toSorted()).toEqual(
            [...keys(local, 'local'), ...keys(a, 'federated:alpha'), ...keys(b, 'federated:beta')].toSorted(),
          );
          for (const [index, hit] of all.entries()) {
            const before = all[index - 1];
            if (before !== undefined) expect(compareHits(before, hit)).toBeLessThanOrEqual(0);
          }
        },
      ),
      { numRuns: 60 },
    );
  }, 60_000);

  it('M5-2 asks the peer for each search anew', async () => {
    const peer = searchable([found(0.5, 1, 1)], 100);
    const asks = world([], { work: peer });
    await ask(asks);
    await ask(asks);
    expect(peer.seen).toHaveLength(2);
    expect(peer.seen.map((url) => `${url.pathname}?${url.searchParams}`)).toEqual(
      peer.seen.map(() => '/federation/v1/search?q=wombat&limit=50'),
    );
  });

  it('a peer that fails costs its hits and leaves a notice', async () => {
    const peer = searchable([found(0.5, 1, 1)], 100);
    peer.peer.fault = () => problem(403, 'resource_excluded');
    const page = await ask(world([found(0.25, 1, 2)], { work: peer }));
    expect(page.hits).toHaveLength(1);
    expect(page.sources['federated:work']).toMatchObject({
      status: 'denied',
      peer_code: 'resource_excluded',
    });
    expect(page.notices).toMatchObject([{ source: 'federated:work', code: 'peer_refused' }]);
  });

  it('M5-6 a peer that is down is told as offline once a session, and once an outage', async () => {
    const peer = searchable([found(0.5, 1, 1)], 100);
    const asks = world([found(0.25, 1, 2)], { work: peer });
    const codes = async (session: string): Promise<readonly string[]> =>
      (await ask(asks, { session })).notices.map(({ code }) => code);
    expect(await codes('one')).toEqual([]);
    peer.peer.fault = () => Promise.reject(new TypeError('refused'));
    expect([await codes('one'), await codes('one')]).toEqual([['federation_offline'], ['peer_unreachable']]);
    expect(await codes('another')).toEqual(['federation_offline']);
    // What a list of the same session was told, a search does not tell again.
    await queryList(asks.deps, {
      ...asks.as(),
      resource: 'tasks',
      source: 'all',
      traceId: TRACE,
      session: 'a list',
      isFresh: false,
      limit: 10,
      cursor: undefined,
    });
    expect(await codes('a list')).toEqual(['peer_unreachable']);
  });

  it('X-43 takes a cursor back for the same search only, and shows nothing of it', async () => {
    const asks = world([found(0.5, 1, 1), found(0.5, 1, 2), found(0.5, 1, 3)], {});
    const { next_cursor: cursor } = await ask(asks, { limit: 1 });
    if (cursor === null) throw new Error('no second page');
    expect((await ask(asks, { limit: 1, cursor })).hits).toHaveLength(1);
    expect(atob(cursor.replaceAll('-', '+').replaceAll('_', '/'))).not.toContain('wombat');
    await expect(ask(asks, { cursor, query: 'wombats' })).rejects.toMatchObject({ code: 'invalid_cursor' });
    await expect(ask(world([], { work: searchable([], 1) }), { cursor })).rejects.toMatchObject({
      code: 'invalid_cursor',
    });
  });
});
