import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Call } from '../testing/api.testkit.ts';
import { grantFor, startSide, type PairSide } from './pair.testkit.ts';

let home: PairSide;
let work: PairSide;
let ann: { readonly id: string; readonly name: string; readonly token: string };
let alice: { readonly id: string; readonly name: string; readonly token: string };
let serial = 0;

beforeAll(async () => {
  [home, work] = await Promise.all([startSide('home'), startSide('Work Inc.')]);
  [ann, alice] = await Promise.all([home.person('ann'), work.person('alice')]);
  for (const title of ['one', 'two', 'three']) {
    // The test clock stands still: without this the order would be the ids'.
    work.deps.clock.advance(1);
    await work.call('/api/resources/tasks', { status: 201, token: alice.token, body: { title } });
  }
  await home.call('/api/resources/tasks', { status: 201, token: ann.token, body: { title: 'mine' } });
});

afterAll(() => Promise.all([home.close(), work.close()]));

const newGrant = (scope?: unknown) => grantFor(work, 'alice', `home-${(serial += 1)}`, scope);

const add = (url: string, over: Readonly<Record<string, unknown>> = {}) =>
  home.call('/api/admin/peers', { body: { enrollment_url: url, user: 'ann', ...over } });

const query = (path: string, call: Call = {}) => home.call(path, { token: ann.token, ...call });

const enrolled = async (name: string, scope?: unknown) => {
  const grant = await newGrant(scope);
  const answer = await add(grant.url, { name });
  expect([answer.status, answer.body['code']]).toEqual([201, undefined]);
  return { grantId: grant.id, answer, id: String(answer.body['id']) };
};

const countPeers = async (): Promise<unknown> =>
  (await home.deps.sql(`select count(*)::int as n from federation_peers`))[0]?.['n'];

describe('adding a peer', () => {
  it('M2-6 M2-5 X-48 gives an active peer that works, and shows no key', async () => {
    const { answer, grantId, id } = await enrolled('first');
    expect(answer.body).toMatchObject({
      name: 'first',
      direction: 'outbound',
      state: 'active',
      local_user_id: ann.id,
      remote_grant_id: grantId,
      remote_subject_user_id: alice.id,
      first_call: { ok: true, gateway: 'Work Inc.', resources: ['tasks'] },
    });
    expect(answer.body['last_success_at']).toEqual(expect.any(String));
    const shown = await home.call(`/api/admin/peers/${id}`, { status: 200 });
    const listed = await home.call('/api/admin/peers?direction=outbound', { status: 200 });
    const stored = JSON.stringify(await home.deps.sql('select * from federation_peers where id = $1', [id]));
    for (const text of [answer.text, shown.text, listed.text, stored, JSON.stringify(home.deps.logged)]) {
      expect(text).not.toContain('PRIVATE KEY');
    }
    expect(answer.text).not.toContain('CERTIFICATE');
    const [entry] = await home.deps.sql(
      `select actor_user_id, status from federation_audit_log where action = 'peer.add' and peer_id = $1`,
      [id],
    );
    expect(entry).toMatchObject({ status: 201 });
  });

  it('names the peer as it calls itself, as far as that is a name, and finds a free one', async () => {
    const names = [];
    for (const grant of [await newGrant(), await newGrant()]) {
      names.push((await add(grant.url)).body['name']);
    }
    expect(names).toEqual(['work-inc.', 'work-inc.-2']);
  });

  it('what can be checked is checked before the token is spent', async () => {
    const { url } = await newGrant();
    await enrolled('taken');
    const before = await countPeers();
    const flipped = url.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'));
    const refusals = [
      [await add(url, { name: 'taken' }), 409, 'conflict'],
      [await add(url, { user: 'nobody' }), 400, 'invalid_request'],
      [await add(flipped), 400, 'ca_pin_mismatch'],
      [await add(url.replace('https:', 'file:')), 400, 'invalid_enrollment_url'],
      [await add(url.replace(/#.*/, '')), 400, 'invalid_enrollment_url'],
      [await add(url.replace('127.0.0.1', 'localhost')), 502, 'peer_unreachable'],
    ] as const;
    expect(refusals.map(([{ status, body }]) => [status, body['code']])).toEqual(
      refusals.map(([, status, code]) => [status, code]),
    );
    expect(await countPeers()).toBe(before);
    expect((await add(url, { name: 'at-last' })).status).toBe(201);
  });

  it('M2-3 the serving side’s word on the token is passed on', async () => {
    const { url } = await newGrant();
    expect((await add(url)).status).toBe(201);
    const used = await add(url);
    const unknown = await add(url.replace(/token=[^&]*/, `token=${'A'.repeat(43)}`));
    expect([used.status, used.body['code'], unknown.status, unknown.body['code']]).toEqual([
      410,
      'token_used',
      404,
      'token_unknown',
    ]);
  });

  it('a failure to store after the redemption says that the token is spent', async () => {
    const grant = await newGrant();
    await home.deps.sql(
      `create function fail_peers() returns trigger language plpgsql as $$ begin raise exception 'canary'; end $$;`,
    );
    await home.deps.sql(
      `create trigger fail_peers before insert on federation_peers for each row execute function fail_peers()`,
    );
    const answer = await add(grant.url, { name: 'lost' });
    await home.deps.sql('drop trigger fail_peers on federation_peers');
    expect(answer.status).toBeGreaterThanOrEqual(500);
    expect(answer.body['detail']).toContain(`The enrollment token for grant ${grant.id} is used up`);
    expect(answer.text).not.toContain('canary');
  });

  it('X-63 an address that may not be called is refused', async () => {
    const strict = await startSide('strict', {
      settings: { allowPrivateAddresses: false, allowLoopbackHttp: false },
    });
    await strict.person('ann');
    const { url } = await newGrant();
    const body = { enrollment_url: url, user: 'ann' };
    const answer = await strict.call('/api/admin/peers', { body });
    expect([answer.status, answer.body['code']]).toEqual([400, 'address_refused']);
    await strict.close();
    expect((await add(url)).status).toBe(201);
  });

  it('X-80 takes an administrator', async () => {
    const { url } = await newGrant();
    const answer = await query('/api/admin/peers', { body: { enrollment_url: url, user: 'ann' } });
    expect([answer.status, answer.body['code']]).toEqual([403, 'forbidden']);
    expect((await home.call('/api/admin/peers', { token: 'mos_nothing' })).status).toBe(401);
  });
});

describe('asking a peer', () => {
  it('M3-8 source=all blends, source=local and federated:<peer> do not; the grant’s address is the same query', async () => {
    const { grantId } = await enrolled('asked');
    const titles = async (path: string, call: Call = {}): Promise<unknown> =>
      ((await query(path, call)).body['items'] as readonly { title: string; _source: string }[]).map(
        ({ title, _source }) => `${_source} ${title}`,
      );
    const theirs = ['three', 'two', 'one'].map((title) => `federated:asked ${title}`);
    expect(await titles('/api/query/tasks?source=local')).toEqual(['local mine']);
    expect(await titles('/api/query/tasks?source=federated:asked')).toEqual(theirs);
    expect(await titles('/api/federation/tasks', { headers: { 'x-federation-grant': grantId } })).toEqual(
      theirs,
    );
    const all = (await titles('/api/query/tasks?limit=200')) as readonly string[];
    expect(all).toEqual(expect.arrayContaining(['local mine', ...theirs]));
    const own = await query('/api/peers');
    expect(own.body['items']).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ source: 'federated:asked', grant_id: grantId, state: 'active' }),
      ]),
    );
  });

  it('shows one row by id from wherever it is', async () => {
    await enrolled('byid');
    const listed = (await query('/api/query/tasks?source=federated:byid&limit=1')).body['items'] as readonly {
      id: string;
    }[];
    const id = String(listed[0]?.id);
    const found = await query(`/api/query/tasks/${id}?source=federated:byid`);
    expect(found.body).toMatchObject({
      items: [{ id, title: 'three', _source: 'federated:byid' }],
      next_cursor: null,
    });
    const missing = await query(`/api/query/tasks/${crypto.randomUUID()}?source=federated:byid`);
    expect([missing.status, missing.body['code']]).toEqual([404, 'not_found']);
  });

  it('passes on why the peer refused', async () => {
    await enrolled('narrow');
    const denied = await query('/api/query/notes?source=federated:narrow');
    expect([denied.status, denied.body['code']]).toEqual([502, 'peer_refused']);
    expect(denied.body['detail']).toContain('resource_not_granted');
    const all = await query('/api/query/notes');
    expect(all.status).toBe(200);
    expect(all.body['sources']).toMatchObject({
      local: { status: 'complete' },
      'federated:narrow': { status: 'denied', code: 'peer_refused', peer_code: 'resource_not_granted' },
    });
  });

  it('X-32 X-43 bad input is a clear 400', async () => {
    await enrolled('input');
    const codes = await Promise.all(
      [
        'limit=0',
        'limit=201',
        'limit=1e3',
        'limit=-1',
        'source=',
        'source=federated:',
        'source=x',
        'source=local&source=all',
        'x=1',
        'cursor=',
        'cursor=abc',
      ].map(async (text) => {
        const { status, body } = await query(`/api/query/tasks?${text}`);
        return `${text} ${status} ${String(body['code'])}`;
      }),
    );
    expect(codes.filter((line) => !/ 400 (invalid_request|invalid_cursor)$/.test(line))).toEqual([]);
    expect((await query('/api/federation/tasks')).status).toBe(400);
    expect((await query('/api/query/tasks/not-a-uuid')).status).toBe(400);
    expect((await query('/api/query/secrets')).status).toBe(404);
    expect((await query('/api/query/tasks?source=federated:nobody')).body['code']).toBe('peer_unknown');
  });
});

describe('removing a peer', () => {
  it('that we ask takes its key along and leaves an audit entry', async () => {
    const { id } = await enrolled('gone');
    await home.call(`/api/admin/peers/${id}`, { status: 204, method: 'DELETE' });
    expect((await query('/api/query/tasks?source=federated:gone')).body['code']).toBe('peer_unknown');
    expect((await home.call(`/api/admin/peers/${id}`, { method: 'DELETE' })).status).toBe(404);
    const entries = await home.deps.sql(
      `select 1 from federation_audit_log where action = 'peer.delete' and peer_id = $1`,
      [id],
    );
    expect(entries).toHaveLength(1);
  });

  it('that asks us revokes what it was granted', async () => {
    const { grantId } = await enrolled('cut');
    const [row] = await work.deps.sql('select peer_id from federation_grants where id = $1', [grantId]);
    await work.call(`/api/admin/peers/${String(row?.['peer_id'])}`, { status: 204, method: 'DELETE' });
    const denied = await query('/api/query/tasks?source=federated:cut');
    expect([denied.status, denied.body['code']]).toEqual([502, 'peer_refused']);
    expect(denied.body['detail']).toMatch(/grant_revoked|certificate_untrusted/);
  });
});

it('every route is in the API document', async () => {
  const { body, status } = await home.call('/openapi.json');
  expect(status).toBe(200);
  const paths = Object.keys(body['paths'] as object);
  expect(paths).toEqual(
    expect.arrayContaining([
      '/api/peers',
      '/api/query/tasks',
      '/api/query/tasks/{id}',
      '/api/federation/notes',
      '/api/admin/peers',
      '/api/admin/peers/{id}',
    ]),
  );
});
