import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareRows, type BlendedRow } from '../../../domain/blend/blend.ts';
import { MosaicError } from '../../../domain/errors.ts';
import type { ResourceRow } from '../../../domain/resources.ts';
import { queryItem, queryList, type Answer, type QueryPage } from './query.ts';
import type { SourceSelector } from './query-sources.ts';
import { ANN, TRACE, asker, fakePeer, problem, taskAt, uuidOf, type Asker } from './query.testkit.ts';

const ASKED = { session: 'test', isFresh: false } as const;
const pageOf = async (answer: Promise<Answer>): Promise<QueryPage> => (await answer).page;

const list = (
  from: Asker,
  limit: number,
  cursor?: string | null,
  source: SourceSelector = 'all',
): Promise<QueryPage> =>
  pageOf(
    queryList(from.deps, {
      ...ASKED,
      ...from.as(),
      resource: 'tasks',
      source,
      traceId: TRACE,
      limit,
      cursor: cursor ?? undefined,
    }),
  );

const item = (from: Asker, id: string, source: SourceSelector = 'all'): Promise<QueryPage> =>
  pageOf(queryItem(from.deps, { ...ASKED, ...from.as(), resource: 'tasks', source, traceId: TRACE, id }));

const codeOf = async (work: Promise<unknown>): Promise<string> => {
  const error: unknown = await work.then(
    () => 'no error',
    (thrown: unknown) => thrown,
  );
  return error instanceof MosaicError ? error.code : String(error);
};

const keyOf = (row: BlendedRow): string => `${row._source} ${row.created_at} ${row.id}`;

/** What the whole list is, sorted naively. */
const expected = (from: Asker): readonly string[] => {
  const names = ['local', ...Object.keys(from.peers).toSorted()];
  const rowsOf = (name: string): readonly ResourceRow[] =>
    name === 'local' ? from.local : (from.peers[name]?.rows ?? []);
  return names
    .flatMap((name, index) => rowsOf(name).map((row) => ({ row, name, index })))
    .toSorted((a, b) => compareRows(a.row, b.row) || a.index - b.index)
    .map(({ row, name }) => `${name === 'local' ? name : `federated:${name}`} ${row.created_at} ${row.id}`);
};

/** All pages, `between` running after each; fails when paging does not end. */
const pageThrough = async (
  from: Asker,
  limits: readonly number[],
  between: (page: number) => void = () => undefined,
) => {
  const seen: string[] = [];
  const pages: QueryPage[] = [];
  let cursor: string | null = null;
  do {
    expect(pages.length).toBeLessThan(2_000);
    const page: QueryPage = await list(from, limits[pages.length % limits.length] ?? 1, cursor);
    seen.push(...page.items.map(keyOf));
    pages.push(page);
    cursor = page.next_cursor;
    between(pages.length);
  } while (cursor !== null);
  return { seen, pages };
};

/** Few distinct times and ids, so that ties within and between sources are common. */
const rows = fc
  .uniqueArray(fc.record({ ms: fc.integer({ min: 0, max: 6 }), n: fc.integer({ min: 1, max: 40 }) }), {
    maxLength: 25,
    selector: ({ n }) => n,
  })
  .map((cells) => cells.map(({ ms, n }) => taskAt(ms, n)));

const world = fc.record({
  local: rows,
  peers: fc.array(fc.record({ rows, cap: fc.integer({ min: 1, max: 12 }) }), { maxLength: 3 }),
  limits: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
});

type World = typeof world extends fc.Arbitrary<infer T> ? T : never;

const build = ({ local, peers }: World): Asker =>
  asker(local, Object.fromEntries(peers.map((peer, index) => [`p${index}`, fakePeer(peer.rows, peer.cap)])));

// Hundreds of worlds, some with hundreds of pages.
describe('queryList pages', { timeout: 60_000 }, () => {
  it('M3-7 M3-8 give every row of every source once and in order, whatever the pages and caps', async () => {
    await fc.assert(
      fc.asyncProperty(world, async (given) => {
        const from = build(given);
        expect((await pageThrough(from, given.limits)).seen).toEqual(expected(from));
      }),
      { numRuns: 200 },
    );
  });

  it('are unmoved by rows that arrive and by scopes that are edited between them', async () => {
    const events = fc.array(fc.constantFrom('none', 'row', 'scope'), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(world, events, async (given, happen) => {
        const from = build(given);
        const before = expected(from);
        let serial = 100;
        const { seen } = await pageThrough(from, given.limits, (page) => {
          const event = page <= 30 ? happen[page % happen.length] : 'none';
          for (const peer of Object.values(from.peers)) {
            if (event === 'row') peer.rows.push(taskAt(1_000 + serial, (serial += 1)));
            if (event === 'scope') peer.epoch += 1;
          }
        });
        expect(seen).toEqual(before);
      }),
      { numRuns: 200 },
    );
  });

  it('go on in order when a peer comes and goes: its rows may be missing, no other and none twice', async () => {
    const downs = fc.array(fc.boolean(), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(world, downs, async (given, down) => {
        const from = build(given);
        const flaky = from.peers['p0'];
        const set = (page: number): void => {
          if (flaky !== undefined)
            flaky.fault = down[page % down.length] === true ? () => problem(503, 'unavailable') : null;
        };
        set(0);
        const { seen } = await pageThrough(from, given.limits, set);
        const all = expected(from);
        expect(seen).toEqual(all.filter((key) => seen.includes(key)));
        expect(seen.filter((key) => !key.startsWith('federated:p0 '))).toEqual(
          all.filter((key) => !key.startsWith('federated:p0 ')),
        );
      }),
      { numRuns: 150 },
    );
  });

  it('M3-7 what a peer caps its answers at caps a page', async () => {
    const from = asker([], {
      work: fakePeer(
        [1, 2, 3, 4, 5].map((n) => taskAt(n, n)),
        2,
      ),
    });
    const page = await list(from, 100, null, 'federated:work');
    expect(page.items).toHaveLength(2);
    expect(page.sources['federated:work']).toMatchObject({ status: 'truncated', count: 2 });
    expect(from.peers['work']?.requests).toBe(1);
  });
});

describe('queryList sources', () => {
  const rowsOf = (...ns: readonly number[]) => ns.map((n) => taskAt(n, n));

  it('M3-8 tags each row and reports each source', async () => {
    const from = asker(rowsOf(1, 3), { work: fakePeer(rowsOf(2)) });
    const page = await list(from, 50);
    expect(page.items.map(({ _source, title }) => [_source, title])).toEqual([
      ['local', 'task 3'],
      ['federated:work', 'task 2'],
      ['local', 'task 1'],
    ]);
    expect(page.sources).toMatchObject({
      local: { status: 'complete', count: 2 },
      'federated:work': { status: 'complete', count: 1 },
    });
    expect(page.notices).toEqual([]);
  });

  it.each([
    ['resets', () => Promise.reject(new TypeError('reset')), 'unreachable', 'peer_unreachable'],
    [
      'answers 502 from a proxy',
      () => new Response('<html>', { status: 502 }),
      'unreachable',
      'peer_unreachable',
    ],
    ['answers 403 grant_revoked', () => problem(403, 'grant_revoked'), 'denied', 'peer_refused'],
    ['answers 403 without a known code', () => problem(403, 'whatever'), 'unreachable', 'peer_protocol'],
    [
      'answers a login page',
      () => new Response('<html>', { headers: { 'content-type': 'text/html' } }),
      'unreachable',
      'peer_protocol',
    ],
    [
      'redirects',
      () => new Response(null, { status: 302, headers: { location: 'https://elsewhere' } }),
      'unreachable',
      'peer_protocol',
    ],
  ])('X-56 a peer that %s costs its rows and leaves a notice', async (_what, fault, status, code) => {
    const from = asker(rowsOf(1), { dead: fakePeer(rowsOf(2)), work: fakePeer(rowsOf(3)) });
    Object.assign(from.peers['dead'] ?? {}, { fault });
    const page = await list(from, 50);
    expect(page.items.map(({ title }) => title)).toEqual(['task 3', 'task 1']);
    expect(page.sources['federated:dead']).toMatchObject({ status, code, count: 0 });
    const told = status === 'denied' ? code : 'federation_offline';
    expect(page.notices).toMatchObject([{ source: 'federated:dead', code: told }]);
    expect(await codeOf(list(from, 50, null, 'federated:dead'))).toBe(code);
  });

  it('a peer that hangs costs no more than the deadline', async () => {
    const from = asker(rowsOf(1), { hung: fakePeer([]) }, 40);
    Object.assign(from.peers['hung'] ?? {}, { fault: () => new Promise(() => undefined) });
    const start = performance.now();
    const page = await list(from, 50);
    expect(performance.now() - start).toBeLessThan(1_000);
    expect(page.sources['federated:hung']).toMatchObject({ status: 'unreachable', code: 'peer_timeout' });
    expect(from.health).toEqual([`${from.peerRows[0]?.id} peer_timeout`]);
  });

  it('a peer that is suspended or revoked here is not called', async () => {
    const from = asker(rowsOf(1), { work: fakePeer(rowsOf(2)) });
    Object.assign(from.peerRows[0] ?? {}, { state: 'revoked' });
    expect((await list(from, 50)).sources['federated:work']).toMatchObject({
      status: 'denied',
      code: 'peer_refused',
    });
    expect(from.peers['work']?.requests).toBe(0);
  });

  it('nobody reaches a peer that is not the own', async () => {
    const from = asker([], { work: fakePeer(rowsOf(2)) });
    const ben = { ...ANN, userId: uuidOf(0xb) };
    const ask = (source: SourceSelector) =>
      pageOf(
        queryList(from.deps, {
          ...ASKED,
          ...from.as(ben),
          resource: 'tasks',
          source,
          traceId: TRACE,
          limit: 5,
          cursor: undefined,
        }),
      );
    expect(await codeOf(ask('federated:work'))).toBe('peer_unknown');
    expect(Object.keys((await ask('all')).sources)).toEqual(['local']);
    expect(from.peers['work']?.requests).toBe(0);
  });

  it('X-43 a cursor is refused for another user, resource or selection of sources', async () => {
    const from = asker(rowsOf(1, 2, 3), { work: fakePeer(rowsOf(4, 5, 6)) });
    const { next_cursor: cursor } = await list(from, 2);
    expect(cursor).not.toBeNull();
    expect(await codeOf(list(from, 2, cursor, 'local'))).toBe('invalid_cursor');
    const other = {
      ...ASKED,
      ...from.as(),
      source: 'all',
      traceId: TRACE,
      limit: 2,
      cursor: cursor ?? '',
    } as const;
    expect(await codeOf(queryList(from.deps, { ...other, resource: 'notes' }))).toBe('invalid_cursor');
    from.peerRows.pop();
    expect(await codeOf(list(from, 2, cursor))).toBe('invalid_cursor');
  });

  it('M3-9 a cursor holds no row', async () => {
    const from = asker([], { work: fakePeer([1, 2, 3].map((n) => taskAt(n, n, `canary-${n}`))) });
    const { next_cursor: cursor } = await list(from, 2);
    expect(atob((cursor ?? '').replaceAll('-', '+').replaceAll('_', '/'))).not.toContain('canary');
  });
});

describe('queryItem', () => {
  const worlds = () =>
    asker([taskAt(1, 1)], { one: fakePeer([taskAt(2, 2)]), two: fakePeer([taskAt(3, 3)]) });

  it('looks at home first and asks nobody when it is there', async () => {
    const from = worlds();
    expect((await item(from, uuidOf(1))).items).toMatchObject([{ _source: 'local' }]);
    expect(from.peers['one']?.requests).toBe(0);
  });

  it('finds a row at a peer, and does not wait for one that hangs', async () => {
    const from = worlds();
    Object.assign(from.peers['one'] ?? {}, { fault: () => new Promise(() => undefined) });
    expect((await item(from, uuidOf(3))).items).toMatchObject([
      { _source: 'federated:two', title: 'task 3' },
    ]);
    expect(from.health).toEqual([`${from.peerRows[1]?.id} ok`]);
  });

  it('is 404 only when every source said so', async () => {
    const from = worlds();
    expect(await codeOf(item(from, uuidOf(9)))).toBe('not_found');
    Object.assign(from.peers['one'] ?? {}, { fault: () => problem(403, 'resource_excluded') });
    expect(await codeOf(item(from, uuidOf(9)))).toBe('not_found');
    expect(await codeOf(item(from, uuidOf(9), 'federated:one'))).toBe('peer_refused');
    Object.assign(from.peers['one'] ?? {}, { fault: () => Promise.reject(new TypeError('reset')) });
    expect(await codeOf(item(from, uuidOf(9)))).toBe('peer_unreachable');
    Object.assign(from.peers['one'] ?? {}, { fault: () => problem(403, 'grant_revoked') });
    expect(await codeOf(item(from, uuidOf(9)))).toBe('peer_refused');
  });

  it('refuses another row than the one asked for', async () => {
    const from = worlds();
    Object.assign(from.peers['one'] ?? {}, { fault: () => Response.json({ item: taskAt(5, 5) }) });
    expect(await codeOf(item(from, uuidOf(9)))).toBe('peer_protocol');
  });
});
