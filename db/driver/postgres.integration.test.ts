import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectDriver } from '../connect/driver.ts';
import { createStorage } from '../storage.ts';
import { memoryStorage, queryAs } from '../testing/database.testkit.ts';
import { describeReader } from '../testing/reader.contract.ts';
import { aUser } from '../testing/world.testkit.ts';

/** postgres.js over a socket into PGlite, whose one session is `mosaic_app` already. */
const open = async () => {
  const embedded = await memoryStorage();
  const server = new PGLiteSocketServer({ db: embedded.client, port: 0, host: '127.0.0.1' });
  await server.start();
  const { port } = new URL(`postgres://${server.getServerConn()}`);
  const { driver } = connectDriver({
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    role: null,
    name: 'test',
    source: 'test',
    demand: 'api',
    limitMs: 9_000,
    max: 1,
    pipeline: 8,
    idleMs: 60_000,
    lifetimeMs: 60_000,
  });
  const storage = createStorage(driver);
  return {
    driver,
    storage,
    raw: (text: string, params: string[]) => queryAs(embedded.client, 'postgres', text, params),
    close: async () => {
      await storage.close();
      await server.stop();
      await embedded.close();
    },
  };
};

describeReader('postgres.js', open);

describe('the postgres.js driver', () => {
  let opened: Awaited<ReturnType<typeof open>>;
  beforeAll(async () => {
    opened = await open();
  }, 60_000);
  afterAll(() => opened.close());

  it('gives the same values as the embedded one', async () => {
    const rows = await opened.driver.query(
      `select $1::int as i, $2::boolean as b, $3::timestamptz as t, $4::jsonb as j, 9007199254740993 as big, null::text as n, $5::uuid[] as u, 1.5::float8 as f`,
      [7, true, '2026-03-01T09:00:00.1Z', '{"a":1}', '{}'],
    );
    expect(rows).toEqual([
      {
        i: 7,
        b: true,
        t: '2026-03-01T09:00:00.100Z',
        j: '{"a": 1}',
        big: '9007199254740993',
        n: null,
        u: '{}',
        f: 1.5,
      },
    ]);
    expect(await opened.driver.values('select 1 as a, $1::text as b', ['x'])).toEqual([[1, 'x']]);
  });

  it('says conflict for a taken name, and nothing of the statement', async () => {
    await aUser(opened.storage);
    const again = { id: crypto.randomUUID(), name: 'user-1', isAdmin: false, createdAt: new Date() };
    const error = await opened.storage.stores.users.insert(again).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'conflict', detail: 'The name is taken.' });
    expect(JSON.stringify([error, (error as Error).cause])).not.toMatch(/insert|user-1/i);
  });

  it('rolls back, and rethrows what the work threw', async () => {
    const thrown = new Error('mine');
    const id = crypto.randomUUID();
    const work = opened.storage.transaction(
      async ({ teams }) => {
        await teams.insert({ id, name: 'gone', createdAt: new Date() });
        throw thrown;
      },
      { asAdmin: true },
    );
    await expect(work).rejects.toBe(thrown);
    expect(await opened.storage.stores.teams.byId(id)).toBeNull();
  });
});
