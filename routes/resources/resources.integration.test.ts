import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RESOURCES } from '../../domain/resources.ts';
import {
  issuePaths,
  itemsOf,
  makeTestApi,
  sorted,
  type Answer,
  type Person,
  type TestApi,
} from '../testing/api.testkit.ts';

const ABSENT = '7f1c0a52-6a0e-4d0a-8f43-0d8a3c1f2b11';
const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

let api: TestApi;
let ann: Person;
let ben: Person;
let crew: string;

const at = (resource: string, id: unknown = ''): string =>
  `/api/resources/${resource}${id === '' ? '' : `/${String(id)}`}`;

const make = async (person: Person, resource: string, body: object): Promise<string> =>
  String((await api.must(201, at(resource), { token: person.token, body })).body['id']);

/** Everything of an answer that a caller can see. */
const visible = ({ status, headers, text }: Answer): unknown => ({
  status,
  text,
  headers: sorted(headers),
});

beforeAll(async () => {
  api = await makeTestApi();
  ann = await api.person('ann');
  ben = await api.person('ben');
  crew = await api.team('crew', [ann, ben]);
});
afterAll(() => api.deps.close());

describe.each(RESOURCES)('M1-6 own rows of %s', (resource) => {
  it('are created, shown, changed, listed and deleted', async () => {
    const created = await api.must(201, at(resource), { token: ann.token, body: { title: 'First' } });
    const id = created.body['id'];
    expect(created.headers.get('location')).toBe(at(resource, id));
    expect(created.body).toMatchObject({ title: 'First', owner_id: ann.id, team_id: null });
    expect((await api.must(200, at(resource, id), { token: ann.token })).body).toEqual(created.body);

    api.deps.clock.advance(1_000);
    const changed = await api.must(200, at(resource, id), {
      token: ann.token,
      method: 'PATCH',
      body: { title: 'New' },
    });
    expect(changed.body).toEqual({ ...created.body, title: 'New', updated_at: changed.body['updated_at'] });
    expect(changed.body['updated_at']).not.toBe(created.body['updated_at']);

    expect(itemsOf(await api.must(200, at(resource), { token: ann.token }))).toEqual([changed.body]);
    expect((await api.must(204, at(resource, id), { token: ann.token, method: 'DELETE' })).text).toBe('');
    await api.must(404, at(resource, id), { token: ann.token, method: 'DELETE' });
    expect(itemsOf(await api.must(200, at(resource), { token: ann.token }))).toEqual([]);
  });

  it('X-30 look to others exactly like rows that do not exist', async () => {
    const id = await make(ann, resource, { title: 'Private' });
    const calls = [{ method: 'GET' }, { method: 'PATCH', body: { title: 'Mine now' } }, { method: 'DELETE' }];
    for (const call of calls) {
      const options = { ...call, token: ben.token, headers: { traceparent: TRACEPARENT } };
      const foreign = await api.call(at(resource, id), options);
      const absent = await api.call(at(resource, ABSENT), options);
      expect(foreign.status).toBe(404);
      expect(visible(foreign)).toEqual(visible(absent));
    }
    expect((await api.must(200, at(resource, id), { token: ann.token })).body['title']).toBe('Private');
    expect((await api.must(200, at(resource), { token: ben.token })).body).toEqual({
      items: [],
      next_cursor: null,
    });
    await api.must(404, at(resource, id), { token: api.admin.token });
    await api.must(204, at(resource, id), { token: ann.token, method: 'DELETE' });
  });

  it('M1-6 of a team are the whole team’s; its author or a team admin deletes', async () => {
    const id = await make(ann, resource, { title: 'Shared', team_id: crew });
    expect((await api.must(200, at(resource, id), { token: ben.token })).body['team_id']).toBe(crew);
    await api.must(200, at(resource, id), { token: ben.token, method: 'PATCH', body: { title: 'Ours' } });
    const refused = await api.must(403, at(resource, id), { token: ben.token, method: 'DELETE' });
    expect(refused.body['code']).toBe('forbidden');
    expect(
      itemsOf(await api.must(200, at(resource), { token: ben.token })).map((row) => row['title']),
    ).toEqual(['Ours']);
    await api.must(204, at(resource, id), { token: ann.token, method: 'DELETE' });
  });

  it('take no bad input and write nothing of it', async () => {
    const bodies: readonly object[] = [
      {},
      { title: '' },
      { title: 'x'.repeat(301) },
      { title: 7 },
      { title: 'x', owner_id: ben.id },
      { title: 'x', id: ABSENT },
      { title: 'x', team_id: 'crew' },
      { title: 'x', nope: 1 },
      { title: 'nul \u0000' },
      { title: 'half \ud83d' },
      [],
    ];
    for (const body of bodies) {
      const answer = await api.call(at(resource), { token: ann.token, body });
      expect([answer.status, answer.body['code']]).toEqual([400, 'invalid_request']);
      expect(issuePaths(answer).length).toBeGreaterThan(0);
    }
    expect(itemsOf(await api.must(200, at(resource), { token: ann.token }))).toEqual([]);
    for (const limit of ['0', '-1', '1e9', '%225%22', '5&limit=5', '201']) {
      await api.must(400, `${at(resource)}?limit=${limit}`, { token: ann.token });
    }
    await api.must(400, `${at(resource)}?limit=5&order=asc`, { token: ann.token });
    for (const id of ['x', ABSENT.toUpperCase(), `${ABSENT}%00`]) {
      await api.must(400, at(resource, id), { token: ann.token });
    }
  });

  it('are not changed with a read-only token', async () => {
    const id = await make(ann, resource, { title: 'Kept' });
    const made = await api.must(201, '/api/admin/tokens', {
      token: api.admin.token,
      body: { user_id: ann.id, name: 'reader', access: 'read' },
    });
    const token = String(made.body['text']);
    await api.must(200, at(resource, id), { token });
    const calls = [
      { path: at(resource), body: { title: 'x' } },
      { path: at(resource, id), method: 'PATCH', body: { title: 'x' } },
      { path: at(resource, id), method: 'DELETE' },
    ];
    for (const { path, ...call } of calls) {
      expect((await api.must(403, path, { ...call, token })).body['code']).toBe('read_only_token');
    }
    await api.must(204, at(resource, id), { token: ann.token, method: 'DELETE' });
  });
});
