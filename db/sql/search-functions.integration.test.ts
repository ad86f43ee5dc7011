import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decide, decideNative } from '../../domain/access/decide.ts';
import type { PgliteStorage } from '../connect/pglite.ts';
import { memoryStorage, queryAs, seed } from '../testing/database.testkit.ts';
import { aTeam, aUser, anActiveGrant, must, scopeOf, T0 } from '../testing/world.testkit.ts';
import { searchStatement } from './search.ts';

let storage: PgliteStorage;
beforeAll(async () => {
  storage = await memoryStorage();
}, 60_000);
afterAll(() => storage.close());

describe('app.search_*', () => {
  const CALL = `select * from app.search_tasks($1::uuid, 'zebra', true, null, 'infinity', 'infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 50)`;

  it('reads for the subject of the statement and for nobody else', async () => {
    const [me, other] = [await aUser(storage), await aUser(storage)];
    await seed(
      storage.client,
      `insert into tasks (id, owner_id, created_at, updated_at, title) values (gen_random_uuid(), '${other}', now(), now(), 'zebra');`,
    );
    const as = (asker: string | null, subject?: string) =>
      queryAs(storage.client, 'mosaic_app', CALL, [asker], subject);
    expect(await as(other, other)).toHaveLength(1);
    expect(await as(other, me)).toEqual([]);
    expect(await as(me, me)).toEqual([]);
    expect(await as(other)).toEqual([]);
    expect(await as(null)).toEqual([]);
    // A team named by the caller is one of the subject's or nothing.
    const team = await aTeam(storage, other);
    await seed(
      storage.client,
      `insert into tasks (id, owner_id, team_id, created_at, updated_at, title) values (gen_random_uuid(), '${other}', '${team}', now(), now(), 'zebra');`,
    );
    const ofTeam = `select * from app.search_tasks($1::uuid, 'zebra', false, '{${team}}', 'infinity', 'infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 50)`;
    expect(await queryAs(storage.client, 'mosaic_app', ofTeam, [me], me)).toEqual([]);
    expect(await queryAs(storage.client, 'mosaic_app', ofTeam, [other], other)).toHaveLength(1);
  });

  it('beyond 64 holders, where the index is asked for the words alone, it still tells of own rows and own teams only', async () => {
    const [me, other] = [await aUser(storage), await aUser(storage)];
    const mine: string[] = [];
    for (let count = 0; count < 65; count += 1) mine.push(await aTeam(storage, me));
    const foreign = await aTeam(storage, other);
    const rows = [
      [other, null],
      [other, foreign],
      [me, null],
      [other, mine[64]],
    ].map(
      ([owner, team]) =>
        `(gen_random_uuid(), '${owner}', ${team === null ? 'null' : `'${team}'`}, now(), now(), 'quagga')`,
    );
    await seed(
      storage.client,
      `insert into tasks (id, owner_id, team_id, created_at, updated_at, title) values ${rows.join(', ')};`,
    );
    const found = (personal: boolean) =>
      queryAs(
        storage.client,
        'mosaic_app',
        CALL.replace('zebra', 'quagga').replace('true, null', `${personal}, null`),
        [me],
        me,
      );
    expect(await found(true)).toHaveLength(2);
    expect(await found(false)).toHaveLength(1);
  });

  it('belongs to a role that can not log in, is called by the serving role only, and can not be led astray by a search path', async () => {
    const functions = await queryAs<{
      name: string;
      owner: string;
      definer: boolean;
      config: string;
      acl: string;
    }>(
      storage.client,
      'postgres',
      `select proname::text as name, proowner::regrole::text as owner, prosecdef as definer, proconfig::text as config, proacl::text as acl
        from pg_proc where pronamespace = 'app'::regnamespace and proname like 'search\\_%' and proowner <> 'mosaic_owner'::regrole`,
    );
    expect(functions).toHaveLength(5);
    for (const { owner, config, acl } of functions) {
      expect([owner, acl]).toEqual([
        'mosaic_search',
        '{mosaic_search=X/mosaic_search,mosaic_app=X/mosaic_search,mosaic_peer_reader=X/mosaic_search}',
      ]);
      expect(config).toContain('search_path=pg_catalog, pg_temp');
    }
    const [role] = await queryAs(
      storage.client,
      'postgres',
      `select rolcanlogin as login, rolsuper as super, rolbypassrls as bypass,
        has_schema_privilege('mosaic_search', 'app', 'create') as creates,
        has_column_privilege('mosaic_search', 'tasks', 'title', 'select') as reads,
        has_column_privilege('mosaic_search', 'credentials', 'secret_sealed', 'select') as secrets,
        pg_has_role('mosaic_app', 'mosaic_search', 'member') as shared,
        pg_has_role('mosaic_owner', 'mosaic_search', 'member') as owned
        from pg_roles where rolname = 'mosaic_search'`,
    );
    expect(Object.values(role ?? {})).toEqual(Array.from({ length: 8 }, () => false));
    for (const other of ['mosaic_admin', 'mosaic_owner'] as const)
      await expect(queryAs(storage.client, other, CALL, [crypto.randomUUID()])).rejects.toThrow(
        /permission denied/,
      );
  });

  it('is read past nothing: the words and the holders are looked up in the index, and no more as other people write', async () => {
    const [me, other] = [await aUser(storage), await aUser(storage)];
    const rows = (owner: string, from: number, to: number): string =>
      `insert into tasks (id, owner_id, created_at, updated_at, title) select gen_random_uuid(), '${owner}', now() - i * interval '1 s', now(),
        'giraffe ' || case when i % 2 = 0 then 'even' else 'odd' end from generate_series(${from}, ${to}) i;`;
    await seed(storage.client, rows(me, 1, 200));
    const { grant, identity } = await anActiveGrant(storage, me);
    const { terms } = must(
      decide.search(grant, identity, { query: 'giraffe even', resources: null, limit: 20, after: null }, T0),
    );
    const { text, params } = searchStatement(terms);
    const inlined = text.replace(/\$(\d+)/g, (_, index: string) => {
      const value = params[Number(index) - 1];
      return value === null || value === undefined ? 'null' : `'${String(value)}'`;
    });
    const scans = async () => {
      await queryAs(storage.client, 'postgres', 'select pg_stat_force_next_flush()');
      const [row] = await queryAs<{ whole: string; indexed: string }>(
        storage.client,
        'postgres',
        `select t.seq_scan::text as whole, i.idx_scan::text as indexed from pg_stat_user_tables t
          join pg_stat_user_indexes i on i.relid = t.relid and i.indexrelname = 'tasks_search' where t.relname = 'tasks'`,
      );
      return { whole: Number(row?.whole), indexed: Number(row?.indexed) };
    };
    const pages = async (): Promise<number> => {
      const lines = await queryAs<{ 'QUERY PLAN': string }>(
        storage.client,
        'mosaic_app',
        `explain (analyze, buffers, costs off, timing off, summary off) ${inlined}`,
      );
      return Number(
        /Buffers: shared hit=(\d+)/.exec(lines.map((line) => line['QUERY PLAN']).join('\n'))?.[1],
      );
    };
    await pages();
    const before = { pages: await pages(), scans: await scans() };
    await seed(storage.client, rows(other, 1, 10_000));
    const after = await pages();
    const scanned = await scans();
    expect(before.pages).toBeGreaterThan(0);
    expect(scanned.whole).toBe(before.scans.whole);
    expect(scanned.indexed).toBeGreaterThan(before.scans.indexed);
    // 5,000 more rows hold both words; what is read besides is the way down larger trees, and through them.
    expect(after).toBeLessThanOrEqual(before.pages + 40);
  }, 60_000);

  it('searches for more teams than it asks the index for, and finds the same', async () => {
    const me = await aUser(storage);
    const teams: string[] = [];
    for (let index = 0; index < 70; index += 1) teams.push(await aTeam(storage, me));
    await seed(
      storage.client,
      teams
        .map(
          (team) =>
            `insert into notes (id, owner_id, team_id, created_at, updated_at, title) values (gen_random_uuid(), '${me}', '${team}', now(), now(), 'okapi');`,
        )
        .join('\n'),
    );
    const principal = { userId: me, isAdmin: false, access: 'read' } as const;
    const asked = { query: 'okapi', resources: ['notes'], limit: 100, after: null } as const;
    const native = await storage.reader.search(decideNative.search(principal, asked));
    expect(native.admitted && native.value.hits.length).toBe(70);
    const some = await anActiveGrant(
      storage,
      me,
      scopeOf({
        resources: ['notes'],
        filters: { notes: { include_teams: teams.slice(0, 66), include_personal: false } },
      }),
    );
    const granted = await storage.reader.search(must(decide.search(some.grant, some.identity, asked, T0)));
    expect(granted.admitted && granted.value.hits.length).toBe(66);
  }, 60_000);
});
