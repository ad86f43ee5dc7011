import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PgliteStorage } from '../connect/pglite.ts';
import { memoryStorage, queryAs, seed } from './database.testkit.ts';

const id = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const [ME, OTHER, T1, T2] = [id(1), id(2), id(11), id(12)];
const TABLES = ['tasks', 'notes', 'memory', 'credentials', 'api_keys'] as const;

let storage: PgliteStorage;
beforeAll(async () => {
  storage = await memoryStorage();
  const rows = TABLES.map(
    (table, index) => `insert into ${table} (id, owner_id, team_id, created_at, updated_at, title) values
      ('${id(100 + index * 10)}', '${ME}', null, now(), now(), 'mine'),
      ('${id(101 + index * 10)}', '${OTHER}', null, now(), now(), 'theirs'),
      ('${id(102 + index * 10)}', '${OTHER}', '${T1}', now(), now(), 'shared'),
      ('${id(103 + index * 10)}', '${OTHER}', '${T2}', now(), now(), 'other team');`,
  );
  await seed(
    storage.client,
    `insert into users values ('${ME}', 'me', false, now()), ('${OTHER}', 'other', false, now());
     insert into teams values ('${T1}', 't1', now()), ('${T2}', 't2', now());
     insert into memberships values ('${ME}', '${T1}', 'member', now()), ('${OTHER}', '${T1}', 'member', now()), ('${OTHER}', '${T2}', 'admin', now());
     ${rows.join('\n')}`,
  );
}, 60_000);
afterAll(() => storage.close());

const asApp = (text: string, subject?: string) => queryAs(storage.client, 'mosaic_app', text, [], subject);
const titlesOf = async (table: string, subject?: string) =>
  (await asApp(`select title from ${table} order by title`, subject)).map(({ title }) => title);

describe('the second lock: without any filter of the application', () => {
  // The first of all: a setting that was ever made leaves an empty one behind.
  it('MUTANTS 0006 a session in which no subject was ever set sees nothing, and is no error', async () => {
    const { rows } = await storage.client.query(`select current_setting('app.subject', true) as subject`);
    expect(rows).toEqual([{ subject: null }]);
    for (const table of TABLES) expect(await titlesOf(table)).toEqual([]);
  });

  it.each(TABLES)('%s shows the subject’s own and team rows, and without a subject none', async (table) => {
    expect(await titlesOf(table, ME)).toEqual(['mine', 'shared']);
    expect(await titlesOf(table, OTHER)).toEqual(['other team', 'shared', 'theirs']);
    expect(await titlesOf(table)).toEqual([]);
    expect(await titlesOf(table, '')).toEqual([]);
    expect(await titlesOf(table, id(99))).toEqual([]);
  });

  it('every column that may be read shows no foreign row either', async () => {
    expect(await asApp('select id, body, status, created_at from tasks', ME)).toHaveLength(2);
    // The words that are searched: read by the functions of mosaic_search, and by nobody else.
    await expect(asApp('select search from tasks', ME)).rejects.toThrow(/permission denied/);
    expect(await asApp('select * from memberships', ME)).toEqual([
      expect.objectContaining({ user_id: ME, team_id: T1 }),
    ]);
  });

  it('the subject ends with its transaction', async () => {
    await asApp('select 1', ME);
    expect(await storage.client.query('select title from tasks').then(({ rows }) => rows)).toEqual([]);
  });

  it.each(TABLES)('%s is written within the same bounds', async (table) => {
    const insert = (owner: string, team: string | null) =>
      asApp(
        `insert into ${table} (id, owner_id, team_id, created_at, updated_at, title)
        values (gen_random_uuid(), '${owner}', ${team === null ? 'null' : `'${team}'`}, now(), now(), 'temporary')`,
        ME,
      );
    await expect(insert(OTHER, null)).rejects.toThrow(/row-level security/);
    await expect(insert(ME, T2)).rejects.toThrow(/row-level security/);
    await expect(insert(OTHER, T1)).rejects.toThrow(/row-level security/);
    expect(
      await asApp(
        `update ${table} set title = title where title in ('theirs', 'other team') returning id`,
        ME,
      ),
    ).toEqual([]);
    await expect(asApp(`update ${table} set owner_id = '${ME}'`, ME)).rejects.toThrow(/permission denied/);
    await expect(asApp(`update ${table} set team_id = null`, ME)).rejects.toThrow(/permission denied/);
    // A member changes what a colleague wrote for the team, but only its author or a team's admin deletes it.
    expect(
      await asApp(`update ${table} set title = title where title = 'shared' returning id`, ME),
    ).toHaveLength(1);
    expect(
      await asApp(`delete from ${table} where title in ('shared', 'theirs', 'other team') returning id`, ME),
    ).toEqual([]);
  });

  it.each(TABLES)('a bare delete and a bare update of %s reach no foreign row', async (table) => {
    const titlesAfter = (subject: string, statement: string) =>
      storage.client.transaction(async (transaction) => {
        await transaction.exec('set local role mosaic_app');
        await transaction.query(`select set_config('app.subject', $1, true)`, [subject]);
        await transaction.exec(statement);
        await transaction.exec('set local role postgres');
        const { rows } = await transaction.query<{ title: string }>(
          `select title from ${table} order by title`,
        );
        await transaction.rollback();
        return rows.map(({ title }) => title);
      });
    expect(await titlesAfter(ME, `delete from ${table}`)).toEqual(['other team', 'shared', 'theirs']);
    expect(await titlesAfter(OTHER, `delete from ${table}`)).toEqual(['mine']);
    expect(await titlesAfter(id(99), `delete from ${table}`)).toHaveLength(4);
    const update = `update ${table} set title = 'changed'`;
    expect(await titlesAfter(ME, update)).toEqual(['changed', 'changed', 'other team', 'theirs']);
    expect(await titlesAfter(id(99), update)).not.toContain('changed');
  });

  it('secret material is unreadable for the role that answers requests', async () => {
    await expect(asApp('select secret_sealed from credentials', ME)).rejects.toThrow(/permission denied/);
    await expect(asApp('select * from api_keys', ME)).rejects.toThrow(/permission denied/);
  });

  it('memberships and people are changed by the administrating role only', async () => {
    await expect(
      asApp(`insert into memberships values ('${ME}', '${T2}', 'admin', now())`, ME),
    ).rejects.toThrow(/permission denied/);
    await expect(asApp('delete from users', ME)).rejects.toThrow(/permission denied/);
  });

  it('the audit log only grows', async () => {
    for (const role of ['mosaic_app', 'mosaic_admin'] as const) {
      await expect(
        queryAs(storage.client, role, `update federation_audit_log set verb = 'x'`),
      ).rejects.toThrow(/permission denied/);
      await expect(queryAs(storage.client, role, 'delete from federation_audit_log')).rejects.toThrow(
        /permission denied/,
      );
      await expect(queryAs(storage.client, role, 'truncate federation_audit_log')).rejects.toThrow(
        /permission denied/,
      );
    }
  });

  it('even the owner of the tables sees nothing', async () => {
    for (const table of [...TABLES, 'memberships'])
      expect(await queryAs(storage.client, 'mosaic_owner', `select * from ${table}`)).toEqual([]);
  });

  it.each(TABLES)('MUTANTS 0006 who administrates reaches every row of %s, whoever asks', async (table) => {
    const administrate = (text: string) => queryAs(storage.client, 'mosaic_admin', text);
    expect(await administrate(`select title from ${table}`)).toHaveLength(4);
    expect(await administrate(`delete from ${table} where title = 'nothing'`)).toEqual([]);
    const [policy] = await queryAs(
      storage.client,
      'postgres',
      `select qual, with_check, cmd from pg_policies where tablename = $1 and policyname = $2`,
      [table, `${table}_administration`],
    );
    expect(policy).toEqual({ qual: 'true', with_check: 'true', cmd: 'ALL' });
  });
});
