import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decide } from '../../domain/access/decide.ts';
import type { PgliteStorage } from '../connect/pglite.ts';
import { memoryStorage, queryAs, seed } from '../testing/database.testkit.ts';
import { aTeam, aUser, anActiveGrant, scopeOf, T0, type Enrolled } from '../testing/world.testkit.ts';
import { getStatement, listStatement } from './read.ts';

let storage: PgliteStorage;
let enrolled: Enrolled;
let other: string;
let rowId: string;

const authorized = (limit = 50) => {
  const list = decide.list(enrolled.grant, enrolled.identity, { resource: 'tasks', limit, after: null }, T0);
  const get = decide.get(enrolled.grant, enrolled.identity, { resource: 'tasks', id: rowId }, T0);
  if (!list.ok || !get.ok) throw new Error('denied');
  return { list: list.value, get: get.value };
};

const rows = (owner: string, team: string, from: number, count: number): string => `
  insert into tasks (id, owner_id, team_id, created_at, updated_at, title)
  select gen_random_uuid(), '${owner}', ${team}, now() - i * interval '1 s', now(), 'task ' || i from generate_series(${from}, ${from + count}) i;`;

beforeAll(async () => {
  storage = await memoryStorage();
  const me = await aUser(storage);
  other = await aUser(storage);
  const teams = [await aTeam(storage, me, other), await aTeam(storage, me, other)];
  enrolled = await anActiveGrant(
    storage,
    me,
    scopeOf({ filters: { tasks: { include_teams: teams, include_personal: true } } }),
  );
  rowId = crypto.randomUUID();
  // Prepared, and planned for good, while the table is still empty.
  for (let run = 0; run < 10; run += 1) {
    await storage.reader.list(authorized().list);
    await storage.reader.get(authorized().get);
  }
  const mine = teams.map((team) => rows(other, `'${team}'`, 1, 1000)).join('');
  await seed(storage.client, `${rows(me, 'null', 1, 1000)}${mine}`);
  [rowId = ''] = (
    await queryAs<{ id: string }>(
      storage.client,
      'postgres',
      `select id from tasks where owner_id = $1 limit 1`,
      [me],
    )
  ).map(({ id }) => id);
}, 60_000);
afterAll(() => storage.close());

const inlined = ({ text, params }: ReturnType<typeof listStatement>): string =>
  text.replace(/\$(\d+)/g, (_, index: string) => {
    const value = params[Number(index) - 1];
    return value === null || value === undefined ? 'null' : `'${String(value)}'`;
  });

const explain = async (
  statement: ReturnType<typeof listStatement>,
): Promise<{ plan: string; pages: number }> => {
  const lines = await queryAs<{ 'QUERY PLAN': string }>(
    storage.client,
    'mosaic_app',
    `explain (analyze, buffers, costs off, timing off, summary off) ${inlined(statement)}`,
  );
  const plan = lines.map((line) => line['QUERY PLAN']).join('\n');
  return { plan, pages: Number(/Buffers: shared hit=(\d+)/.exec(plan)?.[1]) };
};

describe('the statement that reads rows', () => {
  it('walks the two indexes in their order, row-level security included, and no more as the table grows', async () => {
    const statements = () => [
      listStatement(authorized().list.terms),
      listStatement(authorized(200).list.terms),
      getStatement(authorized().get.terms),
    ];
    const before = await Promise.all(statements().map(explain));
    for (const { plan } of before) {
      expect(plan).not.toMatch(/(Seq Scan|Bitmap Heap Scan) on tasks/);
      expect(plan).toMatch(/Index Scan using tasks_(personal|team|pkey)/);
    }
    await seed(storage.client, rows(other, 'null', 1, 20_000));
    const after = await Promise.all(statements().map(explain));
    for (const [index, { pages }] of after.entries())
      expect(pages).toBeLessThanOrEqual((before[index]?.pages ?? 0) + 12);
  }, 60_000);

  it('keeps to the indexes with the plan it was prepared with on an empty table', async () => {
    const scans = async () => {
      // Postgres holds counts back for a while: what earlier tests scanned must not be counted here.
      await queryAs(storage.client, 'postgres', 'select pg_stat_force_next_flush()');
      return queryAs<{ seq: string; index: string }>(
        storage.client,
        'postgres',
        `select seq_scan::text as seq, idx_scan::text as index from pg_stat_user_tables where relname = 'tasks'`,
      );
    };
    const [before] = await scans();
    for (let run = 0; run < 10; run += 1) {
      await storage.reader.list(authorized().list);
      await storage.reader.get(authorized().get);
    }
    const [after] = await scans();
    expect(after?.seq).toBe(before?.seq);
    expect(Number(after?.index)).toBeGreaterThan(Number(before?.index));
  });

  it('F-20 a statement under a lease gives a row only while the lease of that very holder holds', async () => {
    const holder = crypto.randomUUID();
    const { text, params } = listStatement(authorized().list.terms, undefined, holder);
    const count = async (): Promise<number> => (await storage.client.query(text, [...params])).rows.length;
    const lease = (id: string, until: string) =>
      seed(
        storage.client,
        `insert into gateway_leases (holder, expires_at) values ('${id}', ${until})
          on conflict (holder) do update set expires_at = excluded.expires_at`,
      );
    expect(await count()).toBe(0);
    await lease(crypto.randomUUID(), `now() + interval '1 minute'`);
    expect(await count()).toBe(0);
    await lease(holder, `now() - interval '1 ms'`);
    expect(await count()).toBe(0);
    await lease(holder, `now() + interval '1 minute'`);
    expect(await count()).toBeGreaterThan(0);
  });

  it('leaves no subject behind on the session, whatever was read', async () => {
    for (const { text, params } of [
      listStatement(authorized().list.terms),
      getStatement(authorized().get.terms),
    ]) {
      await storage.client.query(text, [...params]);
      const { rows } = await storage.client.query<{ subject: string | null }>(
        `select nullif(current_setting('app.subject', true), '') as subject`,
      );
      expect(rows).toEqual([{ subject: null }]);
    }
  });
});
