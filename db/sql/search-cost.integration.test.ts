import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decideNative } from '../../domain/access/decide.ts';
import type { PgliteStorage } from '../connect/pglite.ts';
import { memoryStorage, queryAs, seed } from '../testing/database.testkit.ts';
import { aUser } from '../testing/world.testkit.ts';

const LETTERS = Array.from({ length: 26 }, (_, index) => String.fromCodePoint(97 + index));

let storage: PgliteStorage;
let me: string;
beforeAll(async () => {
  storage = await memoryStorage();
  me = await aUser(storage);
  // The worst there is to rank: every word of the query, as often as an index keeps it, in every row.
  await seed(
    storage.client,
    `insert into notes (id, owner_id, title, body, created_at, updated_at)
     select gen_random_uuid(), '${me}', 'letters', (select string_agg(chr(97 + (i * 7919 + n) % 26), ' ') from generate_series(1, 12000) i),
       now() - n * interval '1 ms', now() from generate_series(1, 40) n;
     insert into notes (id, owner_id, title, body, created_at, updated_at)
     select gen_random_uuid(), '${me}', 'short ' || n, 'wombat ' || repeat('and ', n) || 'badger', now(), now() from generate_series(1, 5) n`,
  );
}, 180_000);
afterAll(() => storage.close());

const search = async (query: string) => {
  const principal = { userId: me, isAdmin: false, access: 'read' } as const;
  const asked = { query, resources: ['notes'] as const, limit: 200, after: null };
  const page = await storage.reader.search(decideNative.search(principal, asked));
  if (!page.admitted) throw new Error('refused');
  return page.value.hits;
};

describe('X-61 what a search may cost', () => {
  it.each([
    ['all letters', LETTERS.join(' ')],
    ['all letters twice', [...LETTERS, ...LETTERS].join(' ')],
    ['any letter', LETTERS.join(' or ')],
    ['a phrase of all letters', `"${LETTERS.join(' ')}"`],
    ['letters, and without one', `${LETTERS.slice(1).join(' ')} -absent`],
  ])(
    'a query for %s over rows of nothing else comes back, with ranks that compare',
    async (_what, query) => {
      const hits = await search(query);
      if (!query.includes('"')) expect(hits).toHaveLength(40);
      for (const { rank } of hits) {
        expect(rank).toBeGreaterThan(0);
        expect(rank).toBeLessThanOrEqual(1);
      }
    },
    30_000,
  );

  it('rows of a usual size are ranked as they were, by how near the words stand together', async () => {
    const hits = await search('wombat badger');
    expect(hits.map(({ row }) => row['title'])).toEqual([
      'short 1',
      'short 2',
      'short 3',
      'short 4',
      'short 5',
    ]);
    const expected = await queryAs<{ rank: number }>(
      storage.client,
      'postgres',
      `select ts_rank_cd(search, app.search_query('wombat badger'), 32) as rank from notes where title like 'short%' order by title`,
    );
    expect(hits.map(({ rank }) => rank)).toEqual(expected.map(({ rank }) => rank));
  });
});
