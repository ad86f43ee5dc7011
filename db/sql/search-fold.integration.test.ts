import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decide } from '../../domain/access/decide.ts';
import { foldWord } from '../../domain/search/fold.ts';
import { highlighter } from '../../domain/search/highlight.ts';
import { unfoldedBy } from '../testing/search-fold.testkit.ts';
import type { PgliteStorage } from '../connect/pglite.ts';
import { memoryStorage, queryAs, seed } from '../testing/database.testkit.ts';
import { aUser, anActiveGrant, scopeOf, T0 } from '../testing/world.testkit.ts';

let storage: PgliteStorage;
beforeAll(async () => {
  storage = await memoryStorage();
}, 60_000);
afterAll(() => storage.close());

const ask = async (sql: string, text: string): Promise<string> =>
  (await queryAs<{ folded: string }>(storage.client, 'postgres', sql, [text]))[0]?.folded ?? '';

describe('F-59 folding is one: of the index, of the query, of highlights', () => {
  it('the embedded database and TypeScript fold every letter and digit of Unicode alike', async () => {
    expect((await unfoldedBy((sql, text) => ask(sql, text))).join('\n')).toBe('');
  });

  it.each([
    ['straße', 'STRASSE', true],
    ['STRAẞE', 'strasse', true],
    ['バス', 'パス', false],
    ['バス', 'ﾊﾞｽ', true],
    ['ハ', 'バ', false],
    ['Ångström', 'angstrom', true],
    ['ΟΔΟΣ', 'οδος', true],
    ['ＱＵＥＵＥ', 'queue', true],
    ['ﬁne', 'FINE', true],
    ['İstanbul', 'istanbul', true],
    ['कि', 'की', false],
  ])('%s and %s are one word: %s', async (one, other, isOne) => {
    expect(foldWord(one) === foldWord(other)).toBe(isOne);
    const user = await aUser(storage);
    const scope = scopeOf({ resources: ['notes'] });
    const { grant, identity } = await anActiveGrant(storage, user, scope);
    await seed(
      storage.client,
      `insert into notes (id, owner_id, title, created_at, updated_at) values (gen_random_uuid(), '${user}', '${other}', now(), now())`,
    );
    const asked = { query: one, resources: null, limit: 5, after: null };
    const decided = decide.search(grant, identity, asked, T0);
    if (!decided.ok) throw new Error(decided.error);
    const page = await storage.reader.search(decided.value);
    if (!page.admitted) throw new Error('the fence did not hold');
    expect(page.value.hits).toHaveLength(isOne ? 1 : 0);
    // What is found is marked, whole; what is not found is not.
    const row = { resource: 'notes', rank: 1, row: { title: other } } as unknown as Parameters<
      ReturnType<typeof highlighter>
    >[0];
    expect(highlighter(one)(row)['title']).toEqual(isOne ? [[0, other.length]] : undefined);
  });

  it('words of any letters fold alike in the index, in a query and in highlights', async () => {
    const letter = fc.constantFrom(...Array.from('aZßẞçÅéñ ıİΣσςяЖ가ｶﾞバパ東ﬁǅ٣שׁنَّ'));
    const word = fc
      .string({ unit: letter, minLength: 1, maxLength: 8 })
      .map((text) => text.replaceAll(' ', ''));
    const words = fc
      .sample(word, { numRuns: 400, seed: 59 })
      .filter((text) => /^(?!ﾞ)[\p{L}\p{N}]/u.test(text));
    const rows = await queryAs<{ word: string; indexed: string; asked: string }>(
      storage.client,
      'postgres',
      `select w as word, array_to_string(tsvector_to_array(to_tsvector('simple', app.search_text(w))), ' ') as indexed,
         replace(querytree(app.search_query(w)), '''', '') as asked
       from jsonb_array_elements_text($1::jsonb) w`,
      [JSON.stringify(words)],
    );
    for (const { word: given, indexed, asked } of rows)
      expect([given, indexed, asked]).toEqual([given, foldWord(given), foldWord(given)]);
  });
});

describe('F-59 a text that begins with U+FEFF', () => {
  it('comes out of the embedded database as it went in', async () => {
    expect(await storage.client.query('select 1')).toBeDefined();
    const user = await aUser(storage);
    const title = '\uFEFFtitle\uFEFF';
    await seed(
      storage.client,
      `insert into notes (id, owner_id, title, created_at, updated_at) values (gen_random_uuid(), '${user}', '${title}', now(), now())`,
    );
    const { grant, identity } = await anActiveGrant(storage, user, scopeOf({ resources: ['notes'] }));
    const decided = decide.list(grant, identity, { resource: 'notes', limit: 5, after: null }, T0);
    if (!decided.ok) throw new Error(decided.error);
    const page = await storage.reader.list(decided.value);
    if (!page.admitted) throw new Error('the fence did not hold');
    expect(page.value.items.map((row) => row['title'])).toEqual([title]);
  });
});
