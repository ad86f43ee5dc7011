import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decideNative } from '../../domain/access/decide.ts';
import type { CursorPosition } from '../../domain/paging/cursor.ts';
import type { Resource } from '../../domain/resources.ts';
import type { PgliteStorage } from '../connect/pglite.ts';
import { pgliteDriver } from '../driver/pglite.ts';
import { memoryStorage, seed } from '../testing/database.testkit.ts';
import { listed } from '../testing/listed.testkit.ts';
import { aTeam, aUser } from '../testing/world.testkit.ts';
import { createResourceReader } from './resource-reader.ts';

let storage: PgliteStorage;
let me: string;

const add = async (table: Resource, column: string, count: number, length: string): Promise<void> =>
  seed(
    storage.client,
    `insert into ${table} (id, owner_id, title, ${column}, created_at, updated_at)
     select gen_random_uuid(), '${me}', 'row ' || n, repeat('x', ${length}), date_trunc('milliseconds', now()) - (n / 3) * interval '1 ms', now()
     from generate_series(1, ${count}) n`,
  );

beforeAll(async () => {
  storage = await memoryStorage();
  me = await aUser(storage);
  const team = await aTeam(storage, me);
  await add('notes', 'body', 200, '(n % 7) * 500');
  await add('memory', 'content', 3, '50000');
  await seed(storage.client, `update notes set team_id = '${team}' where title like '%4'`);
}, 60_000);
afterAll(() => storage.close());

/** All pages: how many rows and how much text each had. */
const pages = async (resource: Resource, limit: number, maxBytes: number) => {
  const reader = createResourceReader(pgliteDriver(storage.client), maxBytes);
  const principal = { userId: me, isAdmin: false, access: 'read' } as const;
  const seen: string[] = [];
  const sizes: { readonly rows: number; readonly text: number; readonly last: number }[] = [];
  let after: CursorPosition | null = null;
  do {
    const page = await listed(reader, decideNative.list(principal, { resource, limit, after }));
    if (!page.admitted) throw new Error('refused');
    const { items, next } = page.value;
    const lengths = items.map((row) => (row['body'] ?? row['content'] ?? '').length + 256);
    expect(items.every(({ title }) => typeof title === 'string')).toBe(true);
    expect(items.every((row) => !('is_beyond' in row))).toBe(true);
    seen.push(...items.map(({ id }) => id));
    sizes.push({
      rows: items.length,
      text: lengths.reduce((sum, length) => sum + length, 0),
      last: lengths.at(-1) ?? 0,
    });
    after = next;
  } while (after !== null);
  return { seen, sizes };
};

describe('the bytes of a list', () => {
  it.each([
    [200, 1],
    [200, 10_000],
    [7, 10_000],
    [1_000, 40_000],
    [50, 1_000_000],
    [199, 100_000_000],
    [200, 100_000_000],
  ])(
    'limit %i, %i bytes: pages end at whichever comes first, and every row comes once',
    async (limit, bytes) => {
      const { seen, sizes } = await pages('notes', limit, bytes);
      expect([seen.length, new Set(seen).size]).toEqual([200, 200]);
      for (const { rows, text, last } of sizes) {
        expect(rows).toBeGreaterThanOrEqual(1);
        expect(rows).toBeLessThanOrEqual(limit);
        // Only the row that passes the budget is beyond it.
        expect(text - last).toBeLessThan(bytes);
      }
      const whole = await pages('notes', 10_000, 100_000_000);
      expect(seen).toEqual(whole.seen);
    },
  );

  it('a row that is larger than the budget comes alone, and the last one says so', async () => {
    const { sizes } = await pages('memory', 100, 1_000);
    expect(sizes.map(({ rows }) => rows)).toEqual([1, 1, 1]);
  });
});
