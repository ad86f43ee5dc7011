import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decide, decideNative } from '../../domain/access/decide.ts';
import type { CursorPosition } from '../../domain/paging/cursor.ts';
import type { PgliteStorage } from '../connect/pglite.ts';
import { memoryStorage, queryAs, seed } from '../testing/database.testkit.ts';
import { listed } from '../testing/listed.testkit.ts';
import { aUser, anActiveGrant, must, scopeOf, T0, type Enrolled } from '../testing/world.testkit.ts';
import { listStatement } from './read.ts';

/** Enough for a first look at the newest rows of all teams (`LOOKED_AT_EACH`); the grant leaves some of them out. */
const TEAMS = 150;
const GRANTED = 140;
const LIMIT = 50;
/** What `app.newest_*` looks at most for a page of so many: one row more tells that there is a next page. */
const MOST_ENTRIES = 512 + 2 * (LIMIT + 1);

let storage: PgliteStorage;
let me: string;
let other: string;
let mine: readonly string[];
let theirs: readonly string[];
let enrolled: Enrolled;

const teamsOf = async (count: number, ...members: readonly string[]): Promise<readonly string[]> => {
  const ids = Array.from({ length: count }, () => crypto.randomUUID());
  const all = `unnest('{${ids.join(',')}}'::uuid[])`;
  await seed(
    storage.client,
    `insert into teams select id, 'team ' || id, now() from ${all} id;
     ${members.map((user) => `insert into memberships select '${user}', id, 'member', now() from ${all} id;`).join('\n')}`,
  );
  return ids;
};

/** Rows of `other`: `age` says how many seconds ago by the team's number t and the row's i. */
const rows = (of: readonly string[], each: number, age: string): string => `
  insert into tasks (id, owner_id, team_id, created_at, updated_at, title)
  select gen_random_uuid(), '${other}', team::uuid, date_trunc('second', now()) - (${age}) * interval '1 s', now(), 'row'
  from unnest('{${of.join(',')}}'::text[]) with ordinality as x (team, t), generate_series(1, ${each}) i;`;

const granted = (limit: number, after: CursorPosition | null = null) =>
  must(decide.list(enrolled.grant, enrolled.identity, { resource: 'tasks', limit, after }, T0));

const native = (limit: number, after: CursorPosition | null = null) =>
  decideNative.list({ userId: me, isAdmin: false, access: 'read' }, { resource: 'tasks', limit, after });

beforeAll(async () => {
  storage = await memoryStorage();
  me = await aUser(storage);
  other = await aUser(storage);
  mine = await teamsOf(TEAMS, me, other);
  theirs = await teamsOf(10, other);
  const filters = {
    tasks: { include_teams: [...mine.slice(0, GRANTED), ...theirs], include_personal: true },
  };
  enrolled = await anActiveGrant(storage, me, scopeOf({ filters }));
}, 60_000);
afterAll(() => storage.close());

describe('app.newest_*', () => {
  const keysFor = (
    asker: string | null,
    subject: string | undefined,
    teams: readonly string[] | null,
    want = 100,
  ) =>
    queryAs<{ of_team: string }>(
      storage.client,
      'mosaic_app',
      `select of_team from app.newest_tasks($1::uuid, $2::uuid[], 'infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff', $3::bigint)`,
      [asker, teams, want],
      subject,
    );

  it('tells keys for the subject of the statement and of its own teams, whatever the caller names', async () => {
    await seed(
      storage.client,
      `delete from tasks; ${rows([...mine.slice(0, 3), ...theirs.slice(0, 3)], 5, 'i * 10 + t')}`,
    );
    const all = [...mine, ...theirs];
    expect(await keysFor(other, other, all)).toHaveLength(30);
    expect(new Set((await keysFor(me, me, all)).map(({ of_team: team }) => team))).toEqual(
      new Set(mine.slice(0, 3)),
    );
    expect(await keysFor(me, me, mine.slice(1, 2))).toHaveLength(5);
    expect(await keysFor(me, me, theirs)).toEqual([]);
    expect(await keysFor(other, me, all)).toEqual([]);
    expect(await keysFor(me, other, all)).toEqual([]);
    expect(await keysFor(other, undefined, all)).toEqual([]);
    expect(await keysFor(other, '', all)).toEqual([]);
    expect(await keysFor(null, undefined, all)).toEqual([]);
    expect(await keysFor(me, me, null)).toEqual([]);
    expect(await keysFor(me, me, all, 4)).toHaveLength(4);
    for (const want of [0, -1]) expect(await keysFor(me, me, all, want)).toEqual([]);
  });

  it('belongs to a role that can not log in, is called by the serving role only, and can not be led astray by a search path', async () => {
    const functions = await queryAs<Record<'owner' | 'config' | 'acl', string> & { definer: boolean }>(
      storage.client,
      'postgres',
      `select proowner::regrole::text as owner, prosecdef as definer, proconfig::text as config, proacl::text as acl
        from pg_proc where pronamespace = 'app'::regnamespace and proname like 'newest\\_%'`,
    );
    expect(functions).toHaveLength(5);
    for (const { owner, definer, config, acl } of functions) {
      expect([owner, definer, acl]).toEqual([
        'mosaic_search',
        true,
        '{mosaic_search=X/mosaic_search,mosaic_app=X/mosaic_search,mosaic_peer_reader=X/mosaic_search}',
      ]);
      expect(config).toContain('search_path=pg_catalog, pg_temp');
    }
    for (const caller of ['mosaic_admin', 'mosaic_owner'] as const)
      await expect(
        queryAs(
          storage.client,
          caller,
          `select * from app.newest_tasks($1::uuid, '{}', 'infinity', $1::uuid, 1)`,
          [other],
          other,
        ),
      ).rejects.toThrow(/permission denied/);
    const [role] = await queryAs<{ creates: boolean }>(
      storage.client,
      'postgres',
      `select has_schema_privilege('mosaic_search', 'app', 'create') as creates`,
    );
    expect(role?.creates).toBe(false);
  });
});

describe('a list of somebody in very many teams', () => {
  const explained = async () => {
    const { text, params } = listStatement(granted(LIMIT).terms);
    const inlined = text.replace(/\$(\d+)/g, (_, index: string) => `'${String(params[Number(index) - 1])}'`);
    const entries = async (): Promise<number> => {
      await queryAs(storage.client, 'postgres', 'select pg_stat_force_next_flush()');
      const [row] = await queryAs<{ read: string }>(
        storage.client,
        'postgres',
        `select idx_tup_read::text as read from pg_stat_user_indexes where indexrelname = 'tasks_teams'`,
      );
      return Number(row?.read);
    };
    const before = await entries();
    const lines = await queryAs<{ 'QUERY PLAN': string }>(
      storage.client,
      'mosaic_app',
      `explain (analyze, buffers, costs off, timing off, summary off) ${inlined}`,
    );
    const plan = lines.map((line) => line['QUERY PLAN']).join('\n');
    const scans = [
      ...plan.matchAll(/Scan using tasks_team on tasks \w+ \(actual rows=[\d.]+ loops=(\d+)\)/g),
    ];
    expect(plan).not.toMatch(/(Seq Scan|Bitmap Heap Scan) on tasks/);
    return {
      pages: Number(/Buffers: shared hit=(\d+)/.exec(plan)?.[1]),
      entries: (await entries()) - before,
      teamsLookedAt: scans.reduce((sum, [, loops]) => sum + Number(loops), 0),
    };
  };

  it('looks at the newest rows of all teams and at the teams on the page, and at no more as the table grows', async () => {
    await seed(storage.client, `delete from tasks; ${rows(mine, 10, 'i * 200 + t')} analyze tasks;`);
    await explained();
    const before = await explained();
    expect(before.entries).toBeLessThanOrEqual(LIMIT + 1 + TEAMS - GRANTED);
    expect(before.teamsLookedAt).toBeLessThanOrEqual(LIMIT + 1);
    await seed(storage.client, `${rows(mine, 200, '(i + 10) * 200 + t')} analyze tasks;`);
    const after = await explained();
    expect(after.entries).toBe(before.entries);
    expect(after.teamsLookedAt).toBe(before.teamsLookedAt);
    // One level of an index more for each team on the page.
    expect(after.pages - before.pages).toBeLessThanOrEqual(2 * (LIMIT + 1));
  }, 120_000);

  it('passes over no more than a few hundred rows of others, and then looks at each of its teams', async () => {
    await seed(
      storage.client,
      `delete from tasks; ${rows(mine, 10, '900000 + i * 200 + t')} ${rows(theirs, 100, 'i')} analyze tasks;`,
    );
    await explained();
    const few = await explained();
    await seed(storage.client, `${rows(theirs, 1_000, 'i')} analyze tasks;`);
    const many = await explained();
    for (const { entries, teamsLookedAt } of [few, many]) {
      expect(entries).toBeLessThanOrEqual(MOST_ENTRIES);
      expect(teamsLookedAt).toBeGreaterThan(GRANTED);
      expect(teamsLookedAt).toBeLessThanOrEqual(GRANTED + LIMIT + 1);
    }
    expect(many.pages - few.pages).toBeLessThanOrEqual(MOST_ENTRIES);
  }, 120_000);

  // Whether the newest rows of all hold a page changes from page to page: neither way may lose or repeat a row.
  it.each([
    ['nobody else writes', 'i * 200 + t', '900000 + i'],
    ['others write between', 'i * 2000 + t', 'i * 3 + t'],
    ['others wrote all that is new', '5000 + i * 7 + t', 'i % 9'],
    ['all rows are of a few moments', '(i * t) % 5', '(i + t) % 5'],
  ])(
    'M3-7 pages through all of its teams in order, each row once: %s',
    async (_name, age, ageOfOthers) => {
      await seed(
        storage.client,
        `delete from tasks; ${rows(mine, 8, age)} ${rows(theirs, 150, ageOfOthers)}`,
      );
      for (const [terms, teams] of [
        [granted, mine.slice(0, GRANTED)],
        [native, mine],
      ] as const) {
        const stored = await queryAs<{ id: string }>(
          storage.client,
          'postgres',
          'select id from tasks where team_id = any ($1::uuid[]) order by created_at desc, id desc',
          [teams],
        );
        for (const limit of [7, LIMIT, 400]) {
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
      }
    },
    240_000,
  );
});
