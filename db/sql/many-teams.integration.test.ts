import { afterAll, beforeAll, expect, it } from 'vitest';
import { decide } from '../../domain/access/decide.ts';
import type { CursorPosition } from '../../domain/paging/cursor.ts';
import type { PgliteStorage } from '../connect/pglite.ts';
import { memoryStorage, queryAs, seed } from '../testing/database.testkit.ts';
import { listed } from '../testing/listed.testkit.ts';
import { aTeam, aUser, anActiveGrant, must, scopeOf, T0, type Enrolled } from '../testing/world.testkit.ts';
import { listStatement } from './read.ts';

const TEAMS = 120;
const LIMIT = 50;

let storage: PgliteStorage;
let enrolled: Enrolled;
let other: string;
let teams: readonly string[];

const terms = (limit = LIMIT, after: CursorPosition | null = null) =>
  must(decide.list(enrolled.grant, enrolled.identity, { resource: 'tasks', limit, after }, T0));

/** Rows of others in teams: `age` says how many seconds ago by the team's number t and the row's i. */
const rows = (of: readonly string[], each: number, age: string): string => `
  insert into tasks (id, owner_id, team_id, created_at, updated_at, title)
  select gen_random_uuid(), '${other}', team::uuid, date_trunc('second', now()) - (${age}) * interval '1 s', now(), 'row'
  from unnest('{${of.join(',')}}'::text[]) with ordinality as x (team, t), generate_series(1, ${each}) i;`;

beforeAll(async () => {
  storage = await memoryStorage();
  const me = await aUser(storage);
  other = await aUser(storage);
  const made: string[] = [];
  while (made.length < TEAMS) made.push(await aTeam(storage, me, other));
  teams = made;
  enrolled = await anActiveGrant(
    storage,
    me,
    scopeOf({ filters: { tasks: { include_teams: made, include_personal: true } } }),
  );
}, 60_000);
afterAll(() => storage.close());

const explained = async (): Promise<{ plan: string; pages: number; read: number }> => {
  const { text, params } = listStatement(terms().terms);
  const inlined = text.replace(/\$(\d+)/g, (_, index: string) => `'${String(params[Number(index) - 1])}'`);
  const lines = await queryAs<{ 'QUERY PLAN': string }>(
    storage.client,
    'mosaic_app',
    `explain (analyze, buffers, costs off, timing off, summary off) ${inlined}`,
  );
  const plan = lines.map((line) => line['QUERY PLAN']).join('\n');
  const scans = plan.matchAll(/Scan using tasks_\w+ on tasks \w+ \(actual rows=([\d.]+) loops=(\d+)\)/g);
  const read = [...scans].reduce((sum, [, count, loops]) => sum + Number(count) * Number(loops), 0);
  return { plan, pages: Number(/Buffers: shared hit=(\d+)/.exec(plan)?.[1]), read };
};

it('reads a row of each team and a page of rows, through the index, and no more as the table grows', async () => {
  await seed(storage.client, rows(teams, 60, 'i * 120 + t'));
  await seed(storage.client, 'analyze tasks');
  const before = await explained();
  expect(before.plan).not.toMatch(/(Seq Scan|Bitmap Heap Scan) on tasks/);
  // The keyset position above and the bound below are one range of the index.
  expect(before.plan).toMatch(/Index Cond:(?=.*ROW\(created_at, id\) >= )(?=.*ROW\(created_at, id\) < )/);
  expect(before.read).toBeLessThanOrEqual(TEAMS + 2 * (LIMIT + 1));
  await seed(storage.client, rows(teams, 600, '(i + 60) * 120 + t'));
  await seed(storage.client, 'analyze tasks');
  const after = await explained();
  expect(after.read).toBe(before.read);
  // One more level of the index for each team.
  expect(after.pages - before.pages).toBeLessThanOrEqual(2 * TEAMS);
}, 120_000);

// Whose rows are the newest decides what the bound is worth: it must never cut one off.
it.each([
  ['one team has all that is new', 'case when t = 1 then i else 100000 + i * 120 + t end'],
  ['every second team has nothing new', 'case when t % 2 = 0 then i * 3 + t % 3 else 5000 + i end'],
  ['all rows are of a few moments', '(i * t) % 5'],
  ['each team is older than the one before', 't * 1000 + i'],
])(
  'M3-7 pages through all of many teams in order, each row once: %s',
  async (_name, age) => {
    await seed(storage.client, `delete from tasks; ${rows(teams.slice(0, 40), 20, age)}`);
    const stored = await queryAs<{ id: string }>(
      storage.client,
      'postgres',
      'select id from tasks order by created_at desc, id desc',
    );
    for (const limit of [3, 40, 41, 50, 333]) {
      const seen: string[] = [];
      let after: CursorPosition | null = null;
      do {
        const page = await listed(storage.reader, terms(limit, after));
        if (!page.admitted) throw new Error('refused');
        seen.push(...page.value.items.map(({ id }) => id));
        after = page.value.next;
      } while (after !== null);
      expect(seen).toEqual(stored.map(({ id }) => id));
    }
  },
  120_000,
);
