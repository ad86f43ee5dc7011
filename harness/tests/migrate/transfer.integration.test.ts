import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { urlsOf } from '../../devstack/components/postgres.ts';
import { openPostgresStorage } from '../../../db/connect/postgres.ts';
import { migrate } from '../../../db/migrate.ts';
import { MIGRATIONS } from '../../../db/migrations/index.ts';
import { memoryStorage } from '../../../db/testing/database.testkit.ts';
import { Died, dyingDriver } from '../../../db/testing/dying.testkit.ts';
import { populate } from '../../../db/testing/population.testkit.ts';
import { become } from '../../../db/transfer/catalog.ts';
import { whileLocked } from '../../../db/transfer/lock.ts';
import { digestOf } from '../../../db/transfer/pages.ts';
import { inspectTarget } from '../../../db/transfer/target.ts';
import { transfer, type TransferHooks } from '../../../db/transfer/transfer.ts';
import type { Cluster } from './cluster.ts';
import { HOOKS, TABLES, openMoving, type Moving } from './moving.ts';

let moving: Moving;
let cluster: Cluster;

beforeAll(async () => {
  moving = await openMoving(2_500);
  cluster = moving.cluster;
});
afterAll(() => moving.close());

describe('M1-4 transfer', () => {
  it('knows every table of the product, and there is no sequence to move', async () => {
    const names = await moving.reading((source) => Promise.resolve(source.tables.map(({ name }) => name)));
    expect([...names].toSorted()).toEqual([...TABLES].toSorted());
    // What the database generates is made again at the target: the same words, though another database makes them.
    const tasks = await moving.reading(({ tables }) =>
      Promise.resolve(tables.find(({ name }) => name === 'tasks')),
    );
    expect(tasks?.columns).toContain('title');
    expect(tasks?.columns).not.toContain('search');
    const { rows } = await moving.store.client.query(
      `select 1 from pg_class where relkind = 'S' and relnamespace = 'public'::regnamespace`,
    );
    expect(rows).toEqual([]);
  });

  it('moves everything as it is, leaves the source alone, and does nothing the second time', async () => {
    const before = await moving.sourceContents();
    const url = await cluster.create();
    const first = await moving.run(url);
    expect(first).toMatchObject({ resumed: false, startedOver: false, copied: before.length });
    expect(await moving.linesOf(url)).toEqual(before);
    expect(await moving.sourceContents()).toEqual(before);
    const state = await moving.withTarget(url, (target) =>
      moving.reading((source) => inspectTarget(target, source)),
    );
    expect(state.kind).toBe('complete');
    expect(await moving.run(url)).toMatchObject({ resumed: true, copied: 0 });
    expect(await moving.linesOf(url)).toEqual(before);
    // What guards new rows is on again.
    const off = await cluster.underneath(url, `select tgname from pg_trigger where tgenabled <> 'O'`);
    expect(off).toEqual([]);
    const storage = await openPostgresStorage(urlsOf(url));
    expect((await storage.stores.users.list({ limit: 50, after: null })).items).toHaveLength(6);
    await storage.close();
  });

  it('a row changed, lost or doubled at the target shows in its digest', async () => {
    const url = await cluster.create();
    await moving.run(url);
    const tasks = await moving.reading(({ tables }) =>
      Promise.resolve(tables.find(({ name }) => name === 'tasks')),
    );
    if (tasks === undefined) throw new Error('no tasks');
    const digest = () =>
      moving.withTarget(url, (target) =>
        target.transaction(async (transaction) => {
          await become(transaction, tasks.role);
          return digestOf(transaction, tasks);
        }),
      );
    const seen = new Set([JSON.stringify(await digest())]);
    for (const change of [
      `update tasks set due_at = due_at + interval '1 ms' where id = (select min(id::text)::uuid from tasks where due_at is not null)`,
      `update tasks set body = body || ' ' where title = 'task 1'`,
      `delete from tasks where title = 'task 2'`,
      `insert into tasks select gen_random_uuid(), owner_id, team_id, created_at, updated_at, title, body, status, due_at from tasks where title = 'task 3'`,
    ]) {
      await cluster.underneath(url, change);
      seen.add(JSON.stringify(await digest()));
    }
    expect(seen.size).toBe(5);
  });
});

describe('X-73 transfer', () => {
  it('what changed at the source between two runs is at the target in the end', async () => {
    const url = await cluster.create();
    await moving.withTarget(url, async (target) => {
      const dying = dyingDriver(target, 420);
      await expect(moving.reading((source) => transfer(source, dying.driver, HOOKS))).rejects.toBeInstanceOf(
        Died,
      );
    });
    await moving.store.client.exec(
      `update users set name = 'renamed' where name = 'user-6'; delete from memory where owner_id = (select id from users where name = 'user-5')`,
    );
    let told = 0;
    expect(await moving.run(url, { ...HOOKS, onStartOver: () => (told += 1) })).toMatchObject({
      resumed: true,
      startedOver: true,
    });
    expect(told).toBe(1);
    expect(await moving.linesOf(url)).toEqual(await moving.sourceContents());
  });

  it('a gateway does not start on half a store', async () => {
    const url = await cluster.create();
    await moving.withTarget(url, async (target) => {
      await migrate(target);
      const dying = dyingDriver(target, 80);
      await expect(moving.reading((source) => transfer(source, dying.driver, HOOKS))).rejects.toBeInstanceOf(
        Died,
      );
    });
    await expect(openPostgresStorage(urlsOf(url))).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('has not finished') as string,
    });
    await moving.run(url);
    await (await openPostgresStorage(urlsOf(url))).close();
  });

  it('two at once: the second one is told, and even without the lock rows come once', async () => {
    const url = await cluster.create();
    await moving.withTarget(url, (one) =>
      moving.withTarget(url, (other) =>
        whileLocked(one, async () => {
          await expect(whileLocked(other, () => Promise.resolve())).rejects.toMatchObject({
            code: 'target_busy',
          });
        }),
      ),
    );
    await moving.run(url);
    // A run that lost its lock finds that the note of progress has moved.
    const late = await cluster.create();
    const stolen = moving.run(late, {
      ...HOOKS,
      onRows: () => undefined,
      stillLocked: (() => {
        let first = true;
        return async () => {
          if (!first) return;
          first = false;
          await cluster.underneath(
            late,
            `insert into mosaic_transfer_tables values ('${TABLES[0]}', null, 0, true) on conflict do nothing`,
          );
          await cluster.underneath(
            late,
            `insert into mosaic_transfer_tables select t, null, 0, true from unnest(array['${TABLES.join("','")}']) t on conflict do nothing`,
          );
        };
      })(),
    });
    await expect(stolen).rejects.toMatchObject({ code: 'target_busy' });
  });

  it('two migrators, and six, at once: each migration is applied once', async () => {
    for (const many of [2, 6]) {
      const url = await cluster.create();
      const runs = await Promise.all(
        Array.from({ length: many }, () => moving.withTarget(url, (target) => migrate(target))),
      );
      expect(runs.flat().toSorted()).toEqual(MIGRATIONS.map(({ name }) => name));
    }
  });
});

describe('what transfer refuses', () => {
  /** What it says, having changed nothing. */
  const refusal = async (url: string): Promise<unknown> => {
    const count = () => cluster.underneath(url, `select count(*) from pg_class`);
    const before = await count();
    const error: unknown = await moving
      .withTarget(url, (target) => moving.reading((source) => inspectTarget(target, source)))
      .catch((thrown: unknown) => thrown);
    expect(await count()).toEqual(before);
    return error;
  };

  it('a target with tables of something else', async () => {
    const url = await cluster.create();
    await cluster.underneath(url, 'create table shop (id int)');
    expect(await refusal(url)).toMatchObject({ name: 'TransferError', code: 'target_not_empty' });
  });

  it('a target that a gateway has used, with the same key or another', async () => {
    const same = await cluster.create();
    await moving.withTarget(same, (target) => migrate(target));
    await cluster.underneath(same, `insert into teams values (gen_random_uuid(), 'x', now())`);
    expect(await refusal(same)).toMatchObject({ name: 'TransferError', code: 'target_not_empty' });
    const other = await cluster.create();
    const storage = await openPostgresStorage(urlsOf(other));
    const memory = await memoryStorage();
    await populate(memory, 1);
    const canary = await memory.stores.secrets.get('sealing-canary');
    await storage.stores.secrets.putIfAbsent('sealing-canary', canary ?? '');
    await Promise.all([storage.close(), memory.close()]);
    expect(await refusal(other)).toMatchObject({ name: 'TransferError', code: 'target_key' });
  });

  it('a target that another store was moved to', async () => {
    const url = await cluster.create();
    await moving.run(url);
    await cluster.underneath(url, `update mosaic_transfer set source = 'other'`);
    expect(await refusal(url)).toMatchObject({ name: 'TransferError', code: 'target_not_empty' });
    await expect(moving.run(url)).rejects.toMatchObject({ code: 'target_not_empty' });
  });

  it('a target that differs in the end is not complete', async () => {
    const url = await cluster.create();
    let spoiled = false;
    const hooks: TransferHooks = {
      ...HOOKS,
      onRows: (phase, table) => {
        if (phase === 'copy' && table === 'embedded_ca_state') spoiled = true;
      },
      stillLocked: async () => {
        if (spoiled) await cluster.underneath(url, `update teams set name = name || '!'`);
      },
    };
    // The last table's second page comes after its first: by then the teams are changed.
    await expect(moving.run(url, hooks)).rejects.toMatchObject({ code: 'contents_differ' });
    await expect(openPostgresStorage(urlsOf(url))).rejects.toMatchObject({ code: 'unavailable' });
    // Whoever spoiled it has gone: the next run repairs it.
    expect(await moving.run(url)).toMatchObject({ startedOver: true });
    expect(await moving.linesOf(url)).toEqual(await moving.sourceContents());
  });
});
