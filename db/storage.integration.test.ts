import { afterAll, beforeAll, expect, it } from 'vitest';
import { decideNative } from '../domain/access/decide.ts';
import type { PgliteStorage } from './connect/pglite.ts';
import { pgliteDriver } from './driver/pglite.ts';
import type { Driver } from './driver/driver.ts';
import { createStorage, forAll } from './storage.ts';
import { memoryStorage } from './testing/database.testkit.ts';
import { aUser } from './testing/world.testkit.ts';

let storage: PgliteStorage;
let me: string;
beforeAll(async () => {
  storage = await memoryStorage();
  me = await aUser(storage);
}, 60_000);
afterAll(() => storage.close());

/** The same database, and a note of each statement that went this way. */
const noted = (name: string, seen: string[]): Driver => {
  const driver = pgliteDriver(storage.client);
  return {
    ...driver,
    query: (text, params) => {
      seen.push(name);
      return driver.query(text, params);
    },
  };
};

it.each([
  [1, 'reads'],
  [64, 'reads'],
  [65, 'search'],
  [10_000, 'search'],
] as const)('F-12 a list of up to %i rows goes over the connections of %s', async (limit, purpose) => {
  const seen: string[] = [];
  const drivers = {
    ...forAll(noted('other', seen)),
    reads: noted('reads', seen),
    search: noted('search', seen),
  };
  const { reader } = createStorage(drivers);
  const principal = { userId: me, isAdmin: false, access: 'read' } as const;
  const read = decideNative.list(principal, { resource: 'tasks', limit, after: null });
  expect(await reader.list(read)).toMatchObject({ admitted: true });
  expect(await reader.listJson(read)).toMatchObject({ admitted: true });
  expect(new Set(seen)).toEqual(new Set([purpose]));
});
