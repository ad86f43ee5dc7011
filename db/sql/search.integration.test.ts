import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decide } from '../../domain/access/decide.ts';
import type { Resource } from '../../domain/resources.ts';
import type { Scope } from '../../domain/scope/scope.ts';
import { compareHits, type FoundRow, type HitPage, type HitPosition } from '../../domain/search/hit.ts';
import type { PgliteStorage } from '../connect/pglite.ts';
import { memoryStorage, queryAs, seed } from '../testing/database.testkit.ts';
import { aTeam, aUser, anActiveGrant, scopeOf, T0, type Enrolled } from '../testing/world.testkit.ts';

const KINDS = ['tasks', 'notes', 'credentials'] as const;
/** Accents, other alphabets and a number; each is one word, and folds to itself in the oracle's spelling. */
const WORDS = ['queue', 'été', 'incident', 'журнал', 'σοφός', '42', '東京'] as const;

interface OracleRow {
  readonly id: string;
  readonly kind: (typeof KINDS)[number];
  readonly owner: string;
  readonly team: string | null;
  readonly title: readonly string[];
  readonly text: readonly string[];
  readonly second: number;
}

let storage: PgliteStorage;
beforeAll(async () => {
  storage = await memoryStorage();
}, 60_000);
afterAll(() => storage.close());

const searched = async (
  { grant, identity }: Enrolled,
  query: string,
  resources: readonly Resource[] | null = null,
  limit = 10_000,
  after: HitPosition | null = null,
): Promise<HitPage | string> => {
  const decided = decide.search(grant, identity, { query, resources, limit, after }, T0);
  if (!decided.ok) return decided.error;
  const page = await storage.reader.search(decided.value);
  if (!page.admitted) throw new Error('the fence did not hold');
  return page.value;
};
const found = async (...args: Parameters<typeof searched>): Promise<readonly FoundRow[]> => {
  const page = await searched(...args);
  if (typeof page === 'string') throw new Error(page);
  return page.hits;
};

const TEXT_OF = { tasks: 'body', notes: 'body', credentials: 'username' } as const;
const insert = ({ id, kind, owner, team, title, text, second }: OracleRow): string =>
  `insert into ${kind} (id, owner_id, team_id, created_at, updated_at, title, ${TEXT_OF[kind]}) values ('${id}', '${owner}',
    ${team === null ? 'null' : `'${team}'`}, '2026-01-01Z'::timestamptz + interval '${second} s', now(), '${title.join(' ')}.', '${text.join(', ')}');`;

describe('X-29 X-31 search', () => {
  it('finds what an independent oracle finds, in random worlds, and what is excluded changes nothing of the answer', async () => {
    let [cases, shown, refused] = [0, 0, 0];
    for (let number = 1; number <= 6; number += 1) {
      const people = [await aUser(storage), await aUser(storage), await aUser(storage)] as const;
      const random = fc.sample(fc.double({ min: 0, max: 0.999, noNaN: true }), {
        numRuns: 900,
        seed: number,
      });
      let next = 0;
      const dice = (): number => random[(next += 1) % random.length] ?? 0;
      const pick = <T>(from: readonly T[]): T => from[Math.floor(dice() * from.length)] as T;
      const members: (readonly [string, string])[] = [];
      const teams: string[] = [];
      for (let index = 0; index < 3; index += 1) {
        const those = people.filter(() => dice() < 0.5);
        const team = await aTeam(storage, ...those);
        teams.push(team);
        members.push(...those.map((person) => [person, team] as const));
      }
      const rows = Array.from({ length: 60 }, (): OracleRow => {
        const words = (most: number): string[] =>
          Array.from({ length: 1 + Math.floor(dice() * most) }, () => pick(WORDS));
        return {
          id: crypto.randomUUID(),
          kind: pick(KINDS),
          owner: pick(people),
          team: dice() < 0.6 ? pick(teams) : null,
          title: words(3),
          text: words(5),
          second: Math.floor(dice() * 4),
        };
      });
      await seed(storage.client, rows.map(insert).join('\n'));
      const grants = new Map<string, Enrolled>();
      for (const person of people) grants.set(person, await anActiveGrant(storage, person));

      const filter = fc.record({
        include_teams: fc.subarray([...teams, crypto.randomUUID()]),
        include_personal: fc.boolean(),
      });
      const one = fc.record({
        subject: fc.constantFrom(...people),
        scope: fc.record({
          resources: fc.subarray([...KINDS], { minLength: 1 }),
          excluded_resources: fc.oneof(
            { weight: 3, arbitrary: fc.constant<Resource[]>([]) },
            fc.subarray([...KINDS]),
          ),
          filters: fc.record({ tasks: filter, notes: filter, credentials: filter }, { requiredKeys: [] }),
          max_rows_per_query: fc.constant(10_000),
        }),
        named: fc.option(fc.subarray([...KINDS], { minLength: 1 })),
        word: fc.constantFrom(...WORDS),
        pageSize: fc.integer({ min: 1, max: 9 }),
      });
      await fc.assert(
        fc.asyncProperty(one, async ({ subject, scope, named, word, pageSize }) => {
          cases += 1;
          const enrolled = grants.get(subject);
          if (enrolled === undefined) throw new Error('no grant');
          const asked = { ...enrolled, grant: { ...enrolled.grant, scope } };
          const allowed = scope.resources.filter((kind) => !scope.excluded_resources.includes(kind));
          const within = named ?? allowed;
          const all = await searched(asked, word.toUpperCase(), named);
          if (within.length === 0 || within.some((kind) => !allowed.includes(kind))) {
            refused += 1;
            expect(all).toMatch(/^resource_(excluded|not_granted)$/);
            return;
          }
          if (typeof all === 'string') throw new Error(all);
          const expected = rows.filter((row) => {
            if (!within.includes(row.kind) || ![...row.title, ...row.text].includes(word)) return false;
            const bounds = (scope as Scope).filters[row.kind];
            if (row.team === null) return row.owner === subject && bounds?.include_personal !== false;
            const isMember = members.some(([person, team]) => person === subject && team === row.team);
            return isMember && (bounds?.include_teams ?? []).includes(row.team);
          });
          expect(new Set(all.hits.map(({ row }) => row.id))).toEqual(new Set(expected.map(({ id }) => id)));
          expect(all.hits.toSorted(compareHits)).toEqual(all.hits);
          shown += all.hits.length;
          // The same answer where the other resources hold nothing at all: a search of each allowed one alone, merged.
          const alone = (await Promise.all(within.map((kind) => found(asked, word, [kind])))).flat();
          expect(all.hits).toEqual(alone.toSorted(compareHits));
          // Page by page, every hit once and in the same order, although ranks and times are often equal.
          const paged: FoundRow[] = [];
          let after: HitPosition | null = null;
          do {
            const page: HitPage | string = await searched(asked, word, named, pageSize, after);
            if (typeof page === 'string') throw new Error(page);
            expect(page.hits.length).toBeLessThanOrEqual(pageSize);
            paged.push(...page.hits);
            after = page.next;
          } while (after !== null);
          expect(paged).toEqual(all.hits);
        }),
        { numRuns: 60, seed: number },
      );
    }
    expect(cases).toBeGreaterThanOrEqual(360);
    expect(shown).toBeGreaterThan(cases / 2);
    expect(refused).toBeLessThan(cases * 0.7);
  }, 240_000);

  it('X-31 rows of an excluded resource, of others and beyond the scope change no rank, order, count or cursor', async () => {
    const [me, other] = [await aUser(storage), await aUser(storage)];
    const team = await aTeam(storage, me, other);
    const row = (kind: OracleRow['kind'], owner: string, of: string | null, second: number): string =>
      insert({ id: crypto.randomUUID(), kind, owner, team: of, title: ['zebra'], text: ['zebra'], second });
    await seed(storage.client, [1, 2, 3].map((second) => row('tasks', me, null, second)).join('\n'));
    const enrolled = await anActiveGrant(
      storage,
      me,
      scopeOf({ resources: ['tasks', 'credentials'], excluded_resources: ['credentials'] }),
    );
    const answers = async () => [
      await searched(enrolled, 'zebra'),
      await searched(enrolled, 'zebra', null, 2),
      await searched(enrolled, 'zebra', ['tasks'], 1),
      await searched(enrolled, 'zebra', ['credentials']),
    ];
    const before = await answers();
    await seed(
      storage.client,
      Array.from({ length: 40 }, (_, index) =>
        [
          row('credentials', me, null, index),
          row('tasks', other, null, index),
          row('tasks', me, team, index),
          row('notes', me, null, index),
        ].join('\n'),
      ).join('\n'),
    );
    expect(await answers()).toEqual(before);
    expect(before[3]).toBe('resource_excluded');
  });
});

describe('the words of a search', () => {
  it('fold case, accents and punctuation, rank titles above texts, and never touch secret material', async () => {
    const me = await aUser(storage);
    const task = (title: string, body: string): string =>
      `insert into tasks (id, owner_id, created_at, updated_at, title, body) values (gen_random_uuid(), '${me}', now(), now(), '${title}', '${body}');`;
    await seed(
      storage.client,
      [
        task('Café queue', 'first'),
        task(
          'Second',
          'the message-queue, of the CAFÉ: see https://example.com/queue?x=1 or mail@queue.example',
        ),
        `insert into credentials (id, owner_id, created_at, updated_at, title, username, url, secret_sealed)
          values (gen_random_uuid(), '${me}', now(), now(), 'bank', 'ann', 'https://bank.example', 'sealedcanary');`,
      ].join('\n'),
    );
    const enrolled = await anActiveGrant(storage, me, scopeOf({ resources: ['tasks', 'credentials'] }));
    const titles = async (query: string) => (await found(enrolled, query)).map(({ row }) => row['title']);
    expect(await titles('cafe')).toEqual(['Café queue', 'Second']);
    expect(await titles('ＱＵＥＵＥ')).toContain('Second');
    expect(await titles('message-queue')).toEqual(['Second']);
    expect(await titles('“message queue”')).toEqual(['Second']);
    expect(await titles('"queue message"')).toEqual([]);
    expect(await titles('queue -message')).toEqual(['Café queue']);
    expect(await titles('first or second')).toHaveLength(2);
    expect(await titles('example')).toEqual(expect.arrayContaining(['Second', 'bank']));
    expect(await titles('sealedcanary')).toEqual([]);
    expect(await titles('@none')).toEqual([]);
    expect((await found(enrolled, 'cafe')).every(({ rank }) => rank > 0 && rank < 1)).toBe(true);
  });

  it('may be anything: what asks for no word that must occur finds nothing, and nothing fails', async () => {
    const me = await aUser(storage);
    await seed(
      storage.client,
      `insert into notes (id, owner_id, created_at, updated_at, title) values (gen_random_uuid(), '${me}', now(), now(), 'plain');`,
    );
    const enrolled = await anActiveGrant(storage, me, scopeOf({ resources: ['notes'] }));
    for (const query of [
      '',
      ' ',
      '-',
      '!',
      '&|!():*<->',
      '"',
      '""',
      `'`,
      `\\`,
      '-plain',
      'plain or -x',
      '🎉🎉',
      '\u202e\u200f',
      '، ؟',
      'or',
      '%_',
      '\u0001\u001f',
      '((((',
      ':A',
      'plain:*x',
      '<->',
    ])
      expect([query, await found(enrolled, query)]).toEqual([query, []]);
    for (const query of [
      'plain"',
      '"plain',
      '(plain)',
      'plain:*',
      'plain & |',
      '!plain',
      `pl\u00adain`,
      'PLAIN\u202e',
      'plain🎉',
      '--plain',
    ])
      expect([query, (await found(enrolled, query)).length]).toEqual([query, 1]);
    for (const query of [
      'x'.repeat(10_000),
      'a b '.repeat(2_500),
      '"'.repeat(10_000),
      '-'.repeat(10_000),
      'ﷺ'.repeat(10_000),
      '😀'.repeat(5_000),
      'نص '.repeat(3_000),
    ])
      expect(await found(enrolled, query)).toEqual([]);
    expect(await found(enrolled, `plain ${'or x '.repeat(60)}`)).toHaveLength(1);
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 60 }), async (query) => {
        await found(enrolled, query.toWellFormed().replaceAll('\u0000', ''));
      }),
      { numRuns: 150, seed: 1 },
    );
  });

  it('of the longest texts we store fit, whatever they are made of', async () => {
    const me = await aUser(storage);
    const unique = Array.from({ length: 50_000 }, (_, index) =>
      String.fromCodePoint(0x20000 + (index % 40_000)),
    ).join(' ');
    const squares = Array.from({ length: 25_000 }, (_, index) =>
      String.fromCodePoint(
        0x3300 + (index % 80),
        0x3300 + (Math.floor(index / 80) % 80),
        0x3300 + (Math.floor(index / 6400) % 80),
      ),
    ).join(' ');
    for (const content of [
      unique,
      squares,
      'ﷺ'.repeat(100_000),
      `${'x'.repeat(99_990)} needle`,
      'a1 '.repeat(33_000),
    ])
      await queryAs(
        storage.client,
        'postgres',
        `insert into memory (id, owner_id, created_at, updated_at, title, content) values (gen_random_uuid(), $1, now(), now(), 'long', $2)`,
        [me, content.slice(0, 100_000)],
      );
    const enrolled = await anActiveGrant(storage, me, scopeOf({ resources: ['memory'] }));
    expect(await found(enrolled, 'long')).toHaveLength(5);
  }, 60_000);
});
