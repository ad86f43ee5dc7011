import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RESOURCES, isSensitive } from '../../domain/resources.ts';
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
const SECRET = 'canary-9f27b1';

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

describe('teams of rows', () => {
  it('X-30 a foreign team and an absent one look the same, and nothing is written', async () => {
    const theirs = await api.team('theirs', [ben]);
    const into = (teamId: string) =>
      api.call(at('tasks'), {
        token: ann.token,
        body: { title: 'x', team_id: teamId },
        headers: { traceparent: TRACEPARENT },
      });
    const foreign = await into(theirs);
    expect(foreign.status).toBe(404);
    expect(visible(foreign)).toEqual(visible(await into(ABSENT)));
    expect(await api.deps.sql('select 1 from tasks where team_id = $1', [theirs])).toEqual([]);
  });

  it('keep their rows without an owner when the author is deleted', async () => {
    const leaver = await api.person('leaver');
    await api.must(200, `/api/admin/teams/${crew}/members/${leaver.id}`, {
      token: api.admin.token,
      method: 'PUT',
    });
    const shared = await make(leaver, 'notes', { title: 'Left behind', team_id: crew });
    const own = await make(leaver, 'notes', { title: 'Gone' });
    await api.must(204, `/api/admin/users/${leaver.id}`, { token: api.admin.token, method: 'DELETE' });
    expect((await api.must(200, at('notes', shared), { token: ann.token })).body['owner_id']).toBeNull();
    expect(await api.deps.sql('select 1 from notes where id = $1', [own])).toEqual([]);
    await api.deps.sql('delete from notes where id = $1', [shared]);
  });
});

describe('PATCH', () => {
  it('keeps what is absent, clears with null and refuses nothing at all', async () => {
    const body = { title: 'Tax', body: 'form 7', status: 'in_progress', due_at: '2030-01-31T09:00:00+02:00' };
    const id = await make(ann, 'tasks', body);
    const patch = (change: object, status = 200) =>
      api.must(status, at('tasks', id), { token: ann.token, method: 'PATCH', body: change });
    expect((await patch({ status: 'done' })).body).toMatchObject({
      ...body,
      status: 'done',
      due_at: '2030-01-31T07:00:00.000Z',
    });
    expect((await patch({ body: null, due_at: null })).body).toMatchObject({
      title: 'Tax',
      body: null,
      due_at: null,
    });
    expect((await patch({}, 400)).body['code']).toBe('invalid_request');
    await patch({ title: null }, 400);
    await patch({ status: null }, 400);
    await patch({ team_id: crew }, 400);
    await api.must(204, at('tasks', id), { token: ann.token, method: 'DELETE' });
  });
});

describe('pages', () => {
  it('M1-6 yield every row once, newest first, though many share a time', async () => {
    const ids: string[] = [];
    for (let index = 0; index < 7; index += 1) {
      if (index % 3 === 0) api.deps.clock.advance(10);
      ids.push(
        await make(ann, 'memory', { title: `m${index}`, ...(index % 2 === 0 ? {} : { team_id: crew }) }),
      );
    }
    const seen: Record<string, unknown>[] = [];
    let cursor = '';
    do {
      const page = await api.must(200, `${at('memory')}?limit=2${cursor}`, { token: ann.token });
      seen.push(...itemsOf(page));
      cursor = typeof page.body['next_cursor'] === 'string' ? `&cursor=${page.body['next_cursor']}` : '';
    } while (cursor !== '');
    expect(sorted(seen.map(({ id }) => id))).toEqual(sorted(ids));
    const order = seen.map((row) => `${String(row['created_at'])} ${String(row['id'])}`);
    expect(order).toEqual(sorted(order).toReversed());
  });

  it('X-43 take no cursor of another person or resource', async () => {
    const first = await api.must(200, `${at('memory')}?limit=2`, { token: ann.token });
    const cursor = String(first.body['next_cursor']);
    const refused = [
      await api.call(`${at('memory')}?cursor=${cursor}`, { token: ben.token }),
      await api.call(`${at('notes')}?cursor=${cursor}`, { token: ann.token }),
    ];
    for (const answer of refused)
      expect([answer.status, answer.body['code']]).toEqual([400, 'invalid_cursor']);
  });
});

describe.each(RESOURCES.filter(isSensitive))('the secret of %s', (resource) => {
  it('M2-5 X-48 is stored sealed and answered by nothing', async () => {
    const created = await api.must(201, at(resource), {
      token: ann.token,
      body: { title: 'Bank', secret: SECRET },
    });
    const id = String(created.body['id']);
    const answers = [
      created,
      await api.must(200, at(resource, id), { token: ann.token }),
      await api.must(200, at(resource), { token: ann.token }),
      await api.must(200, at(resource, id), {
        token: ann.token,
        method: 'PATCH',
        body: { secret: `${SECRET}-2` },
      }),
    ];
    for (const { text } of answers) expect(text).not.toMatch(/secret|canary/);

    const [row] = await api.deps.sql(`select secret_sealed from ${resource} where id = $1`, [id]);
    const sealed = String(row?.['secret_sealed']);
    expect(sealed).not.toContain('canary');
    const opened = await api.deps.sealer.open(sealed, `${resource}/${id}/secret`);
    expect(new TextDecoder().decode(opened)).toBe(`${SECRET}-2`);
    await expect(api.deps.sealer.open(sealed, `${resource}/${ABSENT}/secret`)).rejects.toMatchObject({
      code: 'internal',
    });

    await api.must(200, at(resource, id), { token: ann.token, method: 'PATCH', body: { secret: null } });
    const [cleared] = await api.deps.sql(`select secret_sealed from ${resource} where id = $1`, [id]);
    expect(cleared?.['secret_sealed']).toBeNull();
    expect(JSON.stringify(api.deps.logged)).not.toContain('canary');
  });
});

describe('unknown resources', () => {
  it('are not there, and their secret least of all', async () => {
    const unknown = await api.call(at('passwords'), { token: ann.token });
    expect([unknown.status, unknown.body['code']]).toEqual([404, 'not_found']);
    const misplaced = await api.call(at('tasks'), { token: ann.token, body: { title: 'x', secret: SECRET } });
    expect([misplaced.status, issuePaths(misplaced)]).toEqual([400, ['secret']]);
    expect(misplaced.text).not.toContain('canary');
    const put = await api.call(at('tasks'), { token: ann.token, method: 'PUT', body: {} });
    expect([put.status, put.headers.get('allow')]).toEqual([405, 'HEAD, GET, POST']);
    expect((await api.call(at('passwords'))).status).toBe(401);
  });
});
