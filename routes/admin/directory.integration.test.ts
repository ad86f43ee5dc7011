import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  issuePaths,
  itemsOf,
  makeTestApi,
  sorted,
  type Answer,
  type Call,
  type TestApi,
} from '../testing/api.testkit.ts';

const ABSENT = '7f1c0a52-6a0e-4d0a-8f43-0d8a3c1f2b11';
let api: TestApi;
const ask = (path: string, call: Call = {}): Promise<Answer> =>
  api.call(`/api/admin/${path}`, { token: api.admin.token, ...call });

beforeAll(async () => {
  api = await makeTestApi();
});
afterAll(() => api.deps.close());

const actions = async (): Promise<readonly unknown[]> =>
  (await api.deps.sql('select action from federation_audit_log order by at, id')).map(({ action }) => action);

const newActions = async (work: () => Promise<unknown>): Promise<readonly unknown[]> => {
  const before = await actions();
  await work();
  const after = [...(await actions())];
  for (const action of before) after.splice(after.indexOf(action), 1);
  return after;
};

describe('users', () => {
  it('are created, shown, listed page by page and deleted', async () => {
    const created = await ask('users', { body: { name: 'ann.b-c_1' } });
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({ name: 'ann.b-c_1', is_admin: false });
    const at = created.headers.get('location') ?? '';
    expect((await api.call(at, { token: api.admin.token })).body).toEqual(created.body);

    const names: unknown[] = [];
    let cursor = '';
    do {
      const page = await ask(`users?limit=1${cursor}`);
      names.push(...itemsOf(page).map(({ name }) => name));
      cursor = typeof page.body['next_cursor'] === 'string' ? `&cursor=${page.body['next_cursor']}` : '';
    } while (cursor !== '');
    expect(sorted(names)).toEqual(['ann.b-c_1', 'root']);

    const gone = await api.call(at, { token: api.admin.token, method: 'DELETE' });
    expect([gone.status, gone.text]).toEqual([204, '']);
    expect((await api.call(at, { token: api.admin.token })).status).toBe(404);
    expect((await api.call(at, { token: api.admin.token, method: 'DELETE' })).status).toBe(404);
  });

  it('have unique names', async () => {
    await ask('users', { body: { name: 'twin' } });
    const again = await ask('users', { body: { name: 'twin' } });
    expect([again.status, again.body['code']]).toEqual([409, 'conflict']);
  });

  it.each([
    {},
    { name: 'Ü' },
    { name: 'x', is_admin: 'yes' },
    { name: 'x', admin: true },
    { name: ['x'] },
    { name: null },
  ])('are not made of %j', async (body) => expect((await ask('users', { body })).status).toBe(400));

  it('can not delete themselves', async () => {
    const answer = await ask(`users/${api.admin.id}`, { method: 'DELETE' });
    expect([answer.status, answer.body['code']]).toEqual([409, 'conflict']);
  });

  it('leave nothing to sign in with when deleted', async () => {
    const bob = await api.person('bob');
    await api.must(200, '/api/me', { token: bob.token });
    expect((await ask(`users/${bob.id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await api.call('/api/me', { token: bob.token })).status).toBe(401);
  });

  it('change only with an audit entry', async () => {
    const found = await newActions(async () => {
      const { body } = await ask('users', { body: { name: 'audited' } });
      await ask('users', { body: { name: 'audited' } });
      await ask(`users/${String(body['id'])}`, { method: 'DELETE' });
      await ask(`users/${ABSENT}`, { method: 'DELETE' });
    });
    expect(sorted(found)).toEqual(['user.create', 'user.delete']);
  });
});

describe('teams', () => {
  it('are created, shown, listed and deleted with their rows', async () => {
    const cat = await api.person('cat');
    const id = await api.team('doomed', [cat]);
    const row = await api.must(201, '/api/resources/notes', {
      token: cat.token,
      body: { title: 'x', team_id: id },
    });
    expect((await ask(`teams/${id}`)).body).toMatchObject({ id, name: 'doomed' });
    expect(itemsOf(await ask('teams')).map(({ name }) => name)).toContain('doomed');
    expect((await ask('teams', { body: { name: 'doomed' } })).status).toBe(409);
    expect((await ask(`teams/${id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await api.call(row.headers.get('location') ?? '', { token: cat.token })).status).toBe(404);
    expect((await ask(`teams/${id}/members`)).status).toBe(404);
  });

  it('have members, whose PUT can be repeated', async () => {
    const dan = await api.person('dan');
    const id = await api.team('crew');
    const at = `teams/${id}/members/${dan.id}`;
    const first = await ask(at, { method: 'PUT' });
    expect(first.body).toMatchObject({ team_id: id, user_id: dan.id, role: 'member' });
    expect((await ask(at, { method: 'PUT', body: {} })).body).toEqual(first.body);
    expect((await ask(at, { method: 'PUT', body: { role: 'admin' } })).body['role']).toBe('admin');
    expect(itemsOf(await ask(`teams/${id}/members`))).toHaveLength(1);
    expect((await ask(at, { method: 'DELETE' })).status).toBe(204);
    expect((await ask(at, { method: 'DELETE' })).status).toBe(404);
    expect(itemsOf(await ask(`teams/${id}/members`))).toEqual([]);
  });

  it('take no unknown member, team or role', async () => {
    const eve = await api.person('eve');
    const id = await api.team('closed');
    expect((await ask(`teams/${id}/members/${ABSENT}`, { method: 'PUT' })).status).toBe(404);
    expect((await ask(`teams/${ABSENT}/members/${eve.id}`, { method: 'PUT' })).status).toBe(404);
    expect(
      (await ask(`teams/${id}/members/${eve.id}`, { method: 'PUT', body: { role: 'owner' } })).status,
    ).toBe(400);
    expect((await ask(`teams/${id}/members/eve`, { method: 'PUT' })).status).toBe(400);
    expect(itemsOf(await ask(`teams/${id}/members`))).toEqual([]);
  });

  it('change only with an audit entry', async () => {
    const fay = await api.person('fay');
    const found = await newActions(async () => {
      const id = await api.team('watched', [fay]);
      await ask(`teams/${id}/members/${ABSENT}`, { method: 'PUT' });
      await ask(`teams/${id}/members/${fay.id}`, { method: 'DELETE' });
      await ask(`teams/${id}`, { method: 'DELETE' });
    });
    expect(sorted(found)).toEqual(['team.create', 'team.delete', 'team.member.put', 'team.member.remove']);
  });
});

describe('tokens', () => {
  it('show their text once', async () => {
    const gus = await api.person('gus');
    const made = await ask('tokens', {
      body: { user_id: gus.id, name: 'laptop', access: 'read', expires_in_days: 1 },
    });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ name: 'laptop', access: 'read', user_id: gus.id, revoked_at: null });
    expect(Date.parse(String(made.body['expires_at'])) - Date.parse(String(made.body['created_at']))).toBe(
      86_400_000,
    );
    const listed = await ask(`tokens?user_id=${gus.id}`);
    expect(sorted(itemsOf(listed).map(({ name }) => name))).toEqual(['gus', 'laptop']);
    expect(listed.text).not.toContain('mos_');
    expect((await ask(`tokens?user_id=${ABSENT}`)).body).toEqual({ items: [], next_cursor: null });
  });

  it.each([
    [{ name: 'x' }, ['user_id']],
    [{ user_id: ABSENT, name: 'x', access: 'admin' }, ['access']],
    [{ user_id: ABSENT, name: 'x', expires_in_days: 0 }, ['expires_in_days']],
    [{ user_id: ABSENT, name: 'x', expires_in_days: 1e9 }, ['expires_in_days']],
    [{ user_id: ABSENT, name: 'x', expires_in_days: 1.5 }, ['expires_in_days']],
    [{ user_id: ABSENT, name: 'two\nlines' }, ['name']],
    [{ user_id: 'bob', name: 'x' }, ['user_id']],
  ])('refuse %j', async (body, paths) => {
    const answer = await ask('tokens', { body });
    expect(answer.status).toBe(400);
    expect(issuePaths(answer)).toEqual(paths);
  });

  it('are made for users only', async () => {
    expect((await ask('tokens', { body: { user_id: ABSENT, name: 'x' } })).status).toBe(404);
  });

  it('stop working when revoked', async () => {
    const hal = await api.person('hal');
    const [token] = itemsOf(await ask(`tokens?user_id=${hal.id}`));
    await api.must(200, '/api/me', { token: hal.token });
    expect((await ask(`tokens/${String(token?.['id'])}`, { method: 'DELETE' })).status).toBe(204);
    expect((await api.call('/api/me', { token: hal.token })).status).toBe(401);
    expect((await ask(`tokens/${String(token?.['id'])}`, { method: 'DELETE' })).status).toBe(404);
    const [revoked] = itemsOf(await ask(`tokens?user_id=${hal.id}`));
    expect(revoked?.['revoked_at']).toEqual(expect.any(String));
  });
});

describe('lists', () => {
  it.each(['users', 'teams', 'tokens'])('X-32 of %s refuse limits that are none', async (list) => {
    for (const limit of ['0', '-1', '1e9', '1000000000', '%225%22', '5&limit=6', '']) {
      const answer = await ask(`${list}?limit=${limit}`);
      expect([limit, answer.status, answer.body['code']]).toEqual([limit, 400, 'invalid_request']);
    }
    expect((await ask(`${list}?limit[]=5`)).status).toBe(400);
    expect((await ask(`${list}?limit=200`)).status).toBe(200);
  });

  it('X-43 take no cursor of another list, person or filter', async () => {
    await ask('users', { body: { name: 'paged' } });
    const cursor = String((await ask('users?limit=1')).body['next_cursor']);
    expect((await ask(`users?cursor=${cursor}`)).status).toBe(200);
    for (const path of [
      `teams?cursor=${cursor}`,
      `tokens?cursor=${cursor}`,
      'users?cursor=x',
      `users?cursor=${cursor}A`,
    ]) {
      expect((await ask(path)).body['code']).toBe('invalid_cursor');
    }
    const other = await ask('users', { body: { name: 'other-admin', is_admin: true } });
    const made = await ask('tokens', { body: { user_id: other.body['id'], name: 'x' } });
    expect((await ask(`users?cursor=${cursor}`, { token: String(made.body['text']) })).status).toBe(400);
    const tokens = String((await ask(`tokens?limit=1&user_id=${api.admin.id}`)).body['next_cursor']);
    expect(tokens).toBe('null');
  });
});
