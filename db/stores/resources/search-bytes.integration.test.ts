import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decideNative } from '../../../domain/access/decide.ts';
import type { HitPosition } from '../../../domain/search/hit.ts';
import type { PgliteStorage } from '../../connect/pglite.ts';
import { pgliteDriver } from '../../driver/pglite.ts';
import { memoryStorage, seed } from '../../testing/database.testkit.ts';
import { aUser } from '../../testing/world.testkit.ts';
import { allOn, createResourceReader } from './resource-reader.ts';

let storage: PgliteStorage;
let me: string;

beforeAll(async () => {
  storage = await memoryStorage();
  me = await aUser(storage);
  for (const [table, column, length] of [
    ['notes', 'body', '(n % 7) * 500'],
    ['tasks', 'body', '(n % 5) * 300'],
    ['memory', 'content', '50000'],
  ])
    await seed(
      storage.client,
      `insert into ${table} (id, owner_id, title, ${column}, created_at, updated_at)
       select gen_random_uuid(), '${me}', repeat('needle ', 1 + n % 3) || 'row', repeat('x', ${length}),
         date_trunc('milliseconds', now()) - (n / 3) * interval '1 ms', now()
       from generate_series(1, ${table === 'memory' ? 3 : 100}) n`,
    );
}, 60_000);
afterAll(() => storage.close());

/** All pages of a search: what came, and how much text each had. */
const pages = async (
  resources: readonly ('notes' | 'tasks' | 'memory')[],
  limit: number,
  maxBytes: number,
) => {
  const reader = createResourceReader(allOn(pgliteDriver(storage.client)), maxBytes);
  const principal = { userId: me, isAdmin: false, access: 'read' } as const;
  const seen: string[] = [];
  const sizes: { readonly rows: number; readonly text: number; readonly last: number }[] = [];
  let after: HitPosition | null = null;
  do {
    const page = await reader.search(
      decideNative.search(principal, { query: 'needle', resources, limit, after }),
    );
    if (!page.admitted) throw new Error('refused');
    const { hits, next } = page.value;
    expect(hits.every(({ row }) => typeof row['title'] === 'string')).toBe(true);
    expect(hits.every(({ row }) => !('is_beyond' in row))).toBe(true);
    const lengths = hits.map(({ row }) => (row['body'] ?? row['content'] ?? '').length + 256);
    seen.push(...hits.map(({ row }) => row.id));
    const text = lengths.reduce((sum, length) => sum + length, 0);
    sizes.push({ rows: hits.length, text, last: lengths.at(-1) ?? 0 });
    after = next;
  } while (after !== null);
  return { seen, sizes };
};

describe('X-61 the bytes of a search', () => {
  it.each([
    [10_000, 1],
    [10_000, 10_000],
    [7, 10_000],
    [50, 1_000_000],
    [200, 100_000_000],
  ])(
    'limit %i, %i bytes: pages end at whichever comes first, and every hit comes once',
    async (limit, bytes) => {
      const { seen, sizes } = await pages(['notes', 'tasks'], limit, bytes);
      expect([seen.length, new Set(seen).size]).toEqual([200, 200]);
      for (const { rows, text, last } of sizes) {
        expect(rows).toBeGreaterThanOrEqual(1);
        expect(rows).toBeLessThanOrEqual(limit);
        // Only the hit that passes the budget is beyond it.
        expect(text - last).toBeLessThan(bytes);
      }
      expect(seen).toEqual((await pages(['notes', 'tasks'], 10_000, 100_000_000)).seen);
    },
  );

  it('a hit that is larger than the budget comes alone, and the last one says so', async () => {
    const { sizes } = await pages(['memory'], 100, 1_000);
    expect(sizes.map(({ rows }) => rows)).toEqual([1, 1, 1]);
  });
});
