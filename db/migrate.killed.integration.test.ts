import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Driver } from './driver/driver.ts';
import { pgliteDriver } from './driver/pglite.ts';
import { migrate } from './migrate.ts';
import { MIGRATIONS } from './migrations/index.ts';
import { GROUP_ROLES } from './migrations/roles.ts';
import { Died, dyingDriver } from './testing/dying.testkit.ts';

let client: PGlite;
let driver: Driver;

beforeAll(async () => {
  client = await PGlite.create({ extensions: { vector } });
  driver = pgliteDriver(client);
});
afterAll(() => client.close());

/** As it was before any gateway came. */
const wipe = async (): Promise<void> => {
  await client.exec(`drop extension if exists vector cascade; drop schema public cascade; drop schema if exists app cascade;
    create schema public; grant usage on schema public to public;`);
  for (const role of GROUP_ROLES)
    await client.exec(
      `do $$ begin if exists (select from pg_roles where rolname = '${role}') then drop owned by ${role}; drop role ${role}; end if; end $$`,
    );
};

/** Everything a migration makes, as text. */
const shape = async (): Promise<string> => {
  const { rows } = await client.query<{ line: string }>(`
    select line from (
      select format('%s.%s %s %s', c.relnamespace::regnamespace, c.relname, c.relkind, c.relacl) as line from pg_class c
        where c.relnamespace in ('public'::regnamespace, 'app'::regnamespace)
      union all select format('%s %s %s', a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod)) from pg_attribute a
        join pg_class c on c.oid = a.attrelid where c.relnamespace = 'public'::regnamespace and a.attnum > 0
      union all select format('%s %s %s', tablename, policyname, qual) from pg_policies
      union all select format('%s %s', tgrelid::regclass, tgname) from pg_trigger where not tgisinternal
      union all select format('%s %s %s', oid::regprocedure, proowner::regrole, proacl) from pg_proc where pronamespace = 'app'::regnamespace
      union all select format('%s %s', name, checksum) from public.mosaic_migrations
    ) lines order by line`);
  return rows.map(({ line }) => line).join('\n');
};

describe('X-73 migrations', () => {
  it('killed at any statement or commit, a second run brings the same schema, each applied once', async () => {
    const whole = dyingDriver(driver, 0);
    await migrate(whole.driver);
    const expected = await shape();
    expect(whole.moments()).toBeGreaterThan(MIGRATIONS.length * 5);
    for (let moment = 1; moment <= whole.moments(); moment += 1) {
      await wipe();
      await expect(migrate(dyingDriver(driver, moment).driver)).rejects.toBeInstanceOf(Died);
      const second = await migrate(driver);
      const { rows } = await client.query<{ name: string }>(
        'select name from mosaic_migrations order by name',
      );
      expect(rows.map(({ name }) => name)).toEqual(MIGRATIONS.map(({ name }) => name));
      expect(MIGRATIONS.map(({ name }) => name).slice(MIGRATIONS.length - second.length)).toEqual(second);
      expect(await shape()).toBe(expected);
    }
  }, 600_000);
});
