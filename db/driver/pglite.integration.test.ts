import { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Driver } from './driver.ts';
import { pgliteDriver } from './pglite.ts';

let client: PGlite;
let driver: Driver;
beforeAll(async () => {
  client = await PGlite.create();
  driver = pgliteDriver(client, { waitMs: 200 });
  await client.exec('create table t (id int primary key, note text)');
}, 60_000);
afterAll(() => driver.close());

describe('the PGlite driver', () => {
  it('gives values as Driver says', async () => {
    const text = `select $1::int as i, $2::boolean as b, $3::timestamptz as t, $4::jsonb as j, 9007199254740993 as big, null::text as n, $5::text as s, 1.5::float8 as f`;
    const params = [7, true, '2026-03-01T09:00:00.1Z', '{"a":1}', 'ünïcode 🌍\n"'];
    const row = {
      i: 7,
      b: true,
      t: '2026-03-01T09:00:00.100Z',
      j: '{"a": 1}',
      big: '9007199254740993',
      n: null,
      s: 'ünïcode 🌍\n"',
      f: 1.5,
    };
    for (let run = 0; run < 3; run += 1) {
      expect(await driver.query(text, params)).toEqual([row]);
      expect(await driver.values(text, params)).toEqual([Object.values(row)]);
    }
  });

  it('takes large values in and out', async () => {
    const large = 'ä'.repeat(3_000_000);
    expect(await driver.query('select $1::text as x, generate_series(1, 2) as n', [large])).toEqual([
      { x: large, n: 1 },
      { x: large, n: 2 },
    ]);
  });

  it('goes on after an error in preparing, binding and running, with the same statement too', async () => {
    // A table that is not there is a database that is not ours (F-21).
    await expect(driver.query('select * from nowhere')).rejects.toMatchObject({
      code: 'database_unavailable',
    });
    for (const value of ['x', 'y'])
      await expect(driver.query('select $1::int as i', [value])).rejects.toMatchObject({ code: 'internal' });
    expect(await driver.query('select $1::int as i', [5])).toEqual([{ i: 5 }]);
    expect(await driver.query('insert into t values ($1, $2) returning id', [1, 'a'])).toEqual([{ id: 1 }]);
    for (let run = 0; run < 2; run += 1) {
      await expect(
        driver.query('insert into t values ($1, $2) returning id', [1, 'secret']),
      ).rejects.toMatchObject({ code: 'conflict' });
    }
    expect(await driver.query('insert into t values ($1, $2) returning id', [2, 'b'])).toEqual([{ id: 2 }]);
    expect(await driver.query('delete from t')).toEqual([]);
  });

  it('F-5 lets the event loop turn between long statements that wait for each other', async () => {
    const seen: string[] = [];
    const long = Array.from({ length: 3 }, async (_, index) => {
      await driver.query('select count(*)::int as n from generate_series(1, 400000)');
      seen.push(`statement ${index}`);
    });
    const turns = setInterval(() => {
      if (seen.at(-1) !== 'turn') seen.push('turn');
    });
    await Promise.all(long);
    clearInterval(turns);
    const between = seen.slice(seen.indexOf('statement 0'));
    expect(between).toEqual(['statement 0', 'turn', 'statement 1', 'turn', 'statement 2']);
  });

  it('tells nothing of statement and values in an error', async () => {
    const error = await driver
      .query('select $1::uuid as canary_column', ['canary-value'])
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    for (let inner = error; inner instanceof Error; inner = inner.cause)
      expect(`${inner.message} ${JSON.stringify(inner)}`).not.toContain('canary');
  });

  it('keeps a transaction to itself, and statements in order', async () => {
    const order: string[] = [];
    const long = driver.transaction(async (transaction) => {
      await transaction.query('insert into t values (1)');
      await new Promise((resolve) => setTimeout(resolve, 30));
      await transaction.query('insert into t values (2)');
      order.push('transaction');
    });
    const count = driver.query('select count(*)::int as n from t').then((rows) => {
      order.push('outside');
      return rows;
    });
    await long;
    expect(await count).toEqual([{ n: 2 }]);
    expect(order).toEqual(['transaction', 'outside']);
  });

  it('fails instead of hanging when somebody waits inside a transaction for something outside', async () => {
    const stuck = driver.transaction(() => driver.query('select 1'));
    await expect(stuck).rejects.toMatchObject({ code: 'database_unavailable' });
    expect(await driver.query('select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('shares the session with other users of the client', async () => {
    const both = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        n % 2 === 0
          ? driver.query('select $1::int as n', [n])
          : client.query('select $1::int as n', [n]).then(({ rows }) => rows),
      ),
    );
    expect(both).toEqual(Array.from({ length: 50 }, (_, n) => [{ n }]));
  });
});
