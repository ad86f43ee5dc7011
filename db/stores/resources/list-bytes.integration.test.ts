import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { decideNative } from '../../../domain/access/decide.ts';
import type { CursorPosition } from '../../../domain/paging/cursor.ts';
import type { Resource, ResourceRow } from '../../../domain/resources.ts';
import type { PgliteStorage } from '../../connect/pglite.ts';
import { pgliteDriver } from '../../driver/pglite.ts';
import { memoryStorage, queryAs, seed } from '../../testing/database.testkit.ts';
import { listed } from '../../testing/listed.testkit.ts';
import { aTeam, aUser } from '../../testing/world.testkit.ts';
import { storedListStatement } from '../../sql/read.ts';
import { allOn, createResourceReader } from './resource-reader.ts';

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
  const reader = createResourceReader(allOn(pgliteDriver(storage.client)), maxBytes);
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

/** What database and JSON write in different ways, and what looks like the ends of a packed page. */
const hostileText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '\u0001',
        '\u001f',
        '\n',
        '\t',
        '"',
        '\\',
        '\u007f',
        'é',
        'バ',
        '😀',
        '\u2028',
        '',
        ',',
        ';',
        't',
      ),
      fc.string({ maxLength: 8 }).map((text) => text.replaceAll('\0', '')),
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(''));

describe('the JSON of a list', () => {
  let her: string;
  const principal = () => ({ userId: her, isAdmin: false, access: 'read' }) as const;
  const ask = (limit: number, after: CursorPosition | null = null) =>
    decideNative.list(principal(), { resource: 'notes', limit, after });

  const store = async (rows: readonly { readonly title: string; readonly body: string | null }[]) => {
    her = await aUser(storage);
    await queryAs(
      storage.client,
      'postgres',
      `insert into notes (id, owner_id, title, body, created_at, updated_at)
       select gen_random_uuid(), $1, r.title, r.body, date_trunc('milliseconds', now()) - r.n * interval '1 ms', now()
       from jsonb_to_recordset($2) r(n integer, title text, body text)`,
      [her, JSON.stringify(rows.map((row, n) => ({ n, ...row })))],
    );
  };

  it('F-5 is that of its rows whatever they hold, and ends with the row that passes the budget', async () => {
    const row = fc.record({ title: hostileText, body: fc.option(hostileText) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 6_000 }),
        fc.integer({ min: 1, max: 40 }),
        async (rows, maxBytes, limit) => {
          await store(rows);
          const plain = await createResourceReader(allOn(pgliteDriver(storage.client))).list(ask(10_000));
          if (!plain.admitted) throw new Error('refused');
          const reader = createResourceReader(allOn(pgliteDriver(storage.client)), maxBytes);
          const seen: string[] = [];
          for (let after: CursorPosition | null = null, isFirst = true; isFirst || after !== null;) {
            const page = await reader.listJson(ask(limit, after));
            if (!page.admitted) throw new Error('refused');
            const { json, count, next } = page.value;
            const items = JSON.parse(`[${json}]`) as ResourceRow[];
            const sizes = items.map((item) => new TextEncoder().encode(JSON.stringify(item)).byteLength);
            expect(json).toBe(items.map((item) => JSON.stringify(item)).join(','));
            expect(count).toBe(items.length);
            expect(count).toBeLessThanOrEqual(limit);
            expect(sizes.slice(0, -1).reduce((sum, size) => sum + size, 0)).toBeLessThan(maxBytes);
            seen.push(...items.map((item) => JSON.stringify(item)));
            after = next;
            isFirst = false;
          }
          expect(seen).toEqual(plain.value.items.map((item) => JSON.stringify(item)));
        },
      ),
      { numRuns: 25 },
    );
  }, 120_000);

  it('F-5 is that of a text that holds the very separator of the page', async () => {
    const separator = '7b5f0f8e-3f39-4c3f-9d6e-0a3c8d6f1b2a';
    await store([{ title: `a${separator},b`, body: `${separator};${separator},c` }]);
    const drawn = vi.spyOn(crypto, 'randomUUID').mockReturnValue(separator);
    try {
      const page = await createResourceReader(allOn(pgliteDriver(storage.client))).listJson(ask(1_000));
      const items = page.admitted ? (JSON.parse(`[${page.value.json}]`) as ResourceRow[]) : [];
      expect(items.map(({ title, body }) => [title, body])).toEqual([
        [`a${separator},b`, `${separator};${separator},c`],
      ]);
    } finally {
      drawn.mockRestore();
    }
  });

  it('F-5 has no text written as JSON by the database', () => {
    const { text } = storedListStatement(ask(1_000).terms, 1_000, 'separator');
    expect(text).not.toMatch(/to_json|::json/u);
  });
});
