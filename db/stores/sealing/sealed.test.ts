import { getTableColumns, getTableName, is } from 'drizzle-orm';
import { PgTable } from 'drizzle-orm/pg-core';
import { expect, it } from 'vitest';
import * as schema from '../../schema/index.ts';
import { SEALED_COLUMNS } from './sealed.ts';

it('a rotation walks over every column of the schema that holds sealed values', () => {
  const tables = Object.values(schema).filter((value) => is(value, PgTable));
  const sealed = tables.flatMap((table) =>
    Object.entries<{ readonly name: string }>(getTableColumns(table))
      .filter(([property]) => /sealed$/i.test(property))
      .map(([, { name }]) => `${getTableName(table)}.${name}`),
  );
  expect(sealed.length).toBeGreaterThanOrEqual(6);
  expect(
    SEALED_COLUMNS.map(({ table, column }) => `${table}.${column}`).toSorted((a, b) => a.localeCompare(b)),
  ).toEqual(sealed.toSorted((a, b) => a.localeCompare(b)));
});
