import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { is } from 'drizzle-orm';
import { PgTable, getTableConfig, isPgEnum } from 'drizzle-orm/pg-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Driver } from './driver/driver.ts';
import { pgliteDriver } from './driver/pglite.ts';
import { migrate } from './migrate.ts';
import { MIGRATIONS } from './migrations/index.ts';
import * as schema from './schema/index.ts';

let client: PGlite;
let driver: Driver;

beforeAll(async () => {
  client = await PGlite.create({ extensions: { vector } });
  driver = pgliteDriver(client);
}, 60_000);
afterAll(() => client.close());

const columnsOf = async (table: string) =>
  (
    await driver.query<{ name: string; type: string; required: boolean }>(
      `select attname::text as name, format_type(atttypid, atttypmod) as type, attnotnull as required
       from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped order by attname`,
      [`public.${table}`],
    )
  ).map(({ name, type, required }) => ({ name, type: type.replaceAll(' ', ''), required }));

describe('migrate', () => {
  it('applies all once, whoever comes', async () => {
    const runs = await Promise.all([migrate(driver), migrate(driver)]);
    expect(runs.flat().toSorted()).toEqual(MIGRATIONS.map(({ name }) => name));
    expect(await migrate(driver)).toEqual([]);
  });

  it('M1-3 has the vector extension, also after it was dropped, and a vector goes through', async () => {
    await client.exec('drop extension vector');
    expect(await migrate(driver)).toEqual([]);
    await client.exec('create temp table v (e vector(3))');
    await client.exec(`insert into v values ('[1,2.5,-3]')`);
    expect(
      await driver.query('select e::text as e, e <-> $1::vector as distance from v', ['[1,2.5,-1]']),
    ).toEqual([{ e: '[1,2.5,-3]', distance: 2 }]);
  });

  it('refuses a database that is newer, and one whose history differs', async () => {
    const [first, second, ...rest] = MIGRATIONS;
    if (first === undefined || second === undefined) throw new Error('no migrations');
    await expect(migrate(driver, [first])).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('newer') as string,
    });
    await expect(
      migrate(driver, [{ ...first, sql: `${first.sql} ` }, second, ...rest]),
    ).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('another content') as string,
    });
    await expect(migrate(driver, [second, first, ...rest])).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('leaves nothing of a migration that fails', async () => {
    const broken = { name: '9999_broken', sql: 'create table half (id int); select * from nowhere;' };
    await expect(migrate(driver, [...MIGRATIONS, broken])).rejects.toMatchObject({ code: 'internal' });
    expect(await driver.query(`select to_regclass('public.half')::text as half`)).toEqual([{ half: null }]);
    expect(await migrate(driver, [...MIGRATIONS, { ...broken, sql: 'create table half (id int)' }])).toEqual([
      '9999_broken',
    ]);
  });
});

describe('the Drizzle schema', () => {
  const tables: readonly PgTable[] = Object.values(schema).flatMap((value) =>
    is(value, PgTable) ? [value] : [],
  );

  it('has all tables of the database', async () => {
    const rows = await driver.query<{ name: string }>(
      `select tablename::text as name from pg_tables where schemaname = 'public' and tablename not in ('mosaic_migrations', 'half')`,
    );
    expect(rows.map(({ name }) => name).toSorted()).toEqual(
      tables.map((table) => getTableConfig(table).name).toSorted(),
    );
  });

  it.each(tables.map((table) => [getTableConfig(table).name, table] as const))(
    'agrees with %s',
    async (name, table) => {
      const config = getTableConfig(table);
      const expected = config.columns
        .map((column) => ({
          name: column.name,
          type: column.getSQLType().replaceAll(' ', ''),
          required: column.notNull || config.primaryKeys.some(({ columns }) => columns.includes(column)),
        }))
        .toSorted((a, b) => (a.name < b.name ? -1 : 1));
      expect(expected).toEqual(await columnsOf(name));
      const indexes = await driver.query<{ name: string }>(
        `select indexname::text as name from pg_indexes where schemaname = 'public' and tablename = $1 and indexname not like '%\\_pkey'`,
        [name],
      );
      const named = [
        ...config.indexes.map((index) => index.config.name),
        ...config.columns.filter(({ isUnique }) => isUnique).map(({ uniqueName }) => uniqueName),
      ];
      expect(named.map(String).toSorted()).toEqual(indexes.map((index) => index.name).toSorted());
    },
  );

  it('has the values of every enum', async () => {
    for (const value of Object.values(schema)) {
      if (!isPgEnum(value)) continue;
      const rows = await driver.query<{ label: string }>(
        'select enumlabel::text as label from pg_enum where enumtypid = $1::regtype order by enumsortorder',
        [value.enumName],
      );
      expect(rows.map(({ label }) => label)).toEqual(value.enumValues);
    }
  });

  it('is forced under row-level security where rows belong to people', async () => {
    const rows = await driver.query<{ name: string }>(
      'select relname::text as name from pg_class where relrowsecurity and relforcerowsecurity order by relname',
    );
    expect(rows.map(({ name }) => name)).toEqual([
      'api_keys',
      'credentials',
      'memberships',
      'memory',
      'notes',
      'tasks',
    ]);
  });

  it('belongs to a role that answers no request', async () => {
    const rows = await driver.query(
      `select distinct tableowner::text as owner from pg_tables where schemaname = 'public'`,
    );
    expect(rows).toEqual([{ owner: 'mosaic_owner' }]);
  });
});
