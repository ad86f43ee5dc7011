import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  api,
  bootTwoProcesses,
  create,
  enroll,
  type LocalProcess,
  type Two,
} from '../../devstack/gateways.ts';

/** Gateways as processes that crash and come back: nothing that was promised may be lost with them. */
let both: Two<LocalProcess>;
let ask: ReturnType<typeof api>;

const person = async (gateway: LocalProcess, name: string): Promise<string> => {
  const admin = api(gateway, gateway.adminToken);
  const user = await create(admin, '/api/admin/users', { name });
  return (await create(admin, '/api/admin/tokens', { user_id: user.id, name: 'test' })).text;
};

beforeAll(async () => {
  both = await bootTwoProcesses();
  const alice = api(both.work, await person(both.work, 'alice'));
  for (const title of ['one', 'two']) await create(alice, '/api/resources/tasks', { title });
  ask = api(both.home, await person(both.home, 'ann'));
  await create(ask, '/api/resources/tasks', { title: 'local' });
  const scope = { resources: ['tasks'], max_rows_per_query: 100 };
  await enroll(both, { subject: 'alice', localUser: 'ann', peer: 'work', scope });
});
afterAll(() => both.close());

const titles = async (): Promise<readonly string[]> =>
  (await ask('/api/query/tasks')).body.items.map(({ title, _source }) => `${_source} ${title}`).toSorted();

const ALL = ['federated:work one', 'federated:work two', 'local local'];

describe('two processes', () => {
  it('M3-8 answer together', async () => expect(await titles()).toEqual(ALL));

  it('a crash of work costs its rows and a notice, never the answer; afterwards the same certificate works', async () => {
    await both.work.crash();
    const { status, body } = await ask('/api/query/tasks');
    expect(status).toBe(200);
    expect(body.items.map(({ title }) => title)).toEqual(['local']);
    expect(body.sources['federated:work']?.status).toBe('unreachable');
    expect(body.notices.map(({ source }) => source)).toEqual(['federated:work']);
    await both.work.restart();
    await expect.poll(titles, { timeout: 20_000 }).toEqual(ALL);
  });

  it('a crash of home loses neither the peer nor its key', async () => {
    await both.home.crash();
    await both.home.restart();
    await expect.poll(titles, { timeout: 20_000 }).toEqual(ALL);
  });
});
