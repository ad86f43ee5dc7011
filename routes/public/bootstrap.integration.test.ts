import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTestDeps, type TestDeps } from '../../src/app/deps.testkit.ts';
import { createPublicApp } from '../../src/app/app.ts';
import { callApp, sorted, type Call } from '../testing/api.testkit.ts';

let deps: TestDeps;
let app: ReturnType<typeof createPublicApp>;
let setUp: (call: Call & { readonly url?: string }) => ReturnType<typeof callApp>;

beforeAll(async () => {
  deps = await makeTestDeps({ settings: { serverNames: ['Work.Example'] } });
  app = createPublicApp(deps);
  setUp = ({ url = '', ...call }) => callApp(app, `${url}/api/bootstrap/setup`, call);
});
afterAll(() => deps.close());

const counts = async () =>
  (
    await deps.sql(`select (select count(*)::int from users) as users, (select count(*)::int from api_tokens) as tokens,
      (select count(*)::int from federation_audit_log) as entries`)
  )[0];

describe('the first administrator', () => {
  it.each<[string, object, Record<string, string>?]>([
    ['https://work.example:8443', {}],
    ['http://192.0.2.7:8080', {}],
    ['http://192.0.2.7:8080', { setup_token: 'setup_wrong' }],
    ['http://192.0.2.7:8080', { setup_token: 'setup_tes' }],
    ['http://localhost:8080', {}, { 'x-forwarded-for': '192.0.2.9' }],
    ['http://127.0.0.1:8080', {}, { forwarded: 'for=192.0.2.9' }],
  ])(
    'F-44 %s with %j and no good setup token is 403, and writes nothing',
    async (url, more, headers = {}) => {
      const answer = await setUp({ url, body: { name: 'root', ...more }, headers });
      expect([answer.status, answer.body['code']]).toEqual([403, 'setup_token_required']);
      expect(await counts()).toEqual({ users: 0, tokens: 0, entries: 0 });
    },
  );

  it('F-44 a listener that others reach takes the setup token wherever the request says it goes', async () => {
    const open = createPublicApp({ ...deps, setup: { ...deps.setup, isOpenOnLoopback: false } });
    const path = 'http://127.0.0.1:8080/api/bootstrap/setup';
    const refused = await callApp(open, path, { body: { name: 'root' } });
    expect([refused.status, refused.body['code']]).toEqual([403, 'setup_token_required']);
    const wrong = await callApp(open, path, { body: { name: 'root', setup_token: 'setup_wrong' } });
    expect(wrong.body['code']).toBe('setup_token_required');
    // The right one gets as far as the name.
    const named = await callApp(open, path, { body: { name: 'No', setup_token: 'setup_test' } });
    expect([named.status, named.body['code']]).toEqual([400, 'invalid_request']);
    expect(await counts()).toEqual({ users: 0, tokens: 0, entries: 0 });
  });

  it.each([
    {},
    { name: '' },
    { name: 'Root' },
    { name: 'a b' },
    { name: 'x'.repeat(101) },
    { name: 7 },
    { name: 'root', is_admin: true },
    { name: 'root\u0000' },
    [],
  ])('refuses %j and writes nothing', async (body) => {
    const answer = await setUp({ body });
    expect([answer.status, answer.body['code']]).toEqual([400, 'invalid_request']);
    expect(await counts()).toEqual({ users: 0, tokens: 0, entries: 0 });
  });

  it('F-3 many unknown members are refused unread, and hold nobody up', async () => {
    const members = (count: number): string =>
      `{${Array.from({ length: count }, (_, index) => `"k${index}":1`).join()}}`;
    const send = async (body: string) =>
      app.request('/api/bootstrap/setup', {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json' },
      });
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const answers = await Promise.all(
      [95_000, 3_000, 200].flatMap((n) => [send(members(n)), send(members(n))]),
    );
    delay.disable();
    expect(answers.map(({ status }) => status)).toEqual([413, 413, 400, 400, 400, 400]);
    expect(delay.max / 1e6).toBeLessThan(500);
    expect(await counts()).toEqual({ users: 0, tokens: 0, entries: 0 });
  });

  it('F-3 an address that sends one after the other is refused before its bodies are read', async () => {
    const limited = createPublicApp(deps);
    const send = (clientAddress: string) =>
      limited.request(
        '/api/bootstrap/setup',
        { method: 'POST', body: '{', headers: { 'content-type': 'application/json' } },
        { clientAddress },
      );
    const statuses: number[] = [];
    for (let time = 0; time < 70; time += 1) statuses.push((await send('192.0.2.1')).status);
    expect(new Set(statuses.slice(0, 60))).toEqual(new Set([400]));
    expect(statuses.at(-1)).toBe(429);
    expect((await send('192.0.2.2')).status).toBe(400);
  });

  it.each([
    'evil.example',
    'evil.example:8080',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'localhost.',
    'LAN',
  ])('refuses a page that calls itself %s and points that at us (DNS rebinding)', async (host) => {
    const answer = await setUp({ body: { name: 'root' }, url: `http://${host}` });
    expect([answer.status, answer.body['code']]).toEqual([403, 'address_blocked']);
    expect(await counts()).toEqual({ users: 0, tokens: 0, entries: 0 });
  });

  it.each([
    '127.0.0.1:8080',
    '[::1]:8080',
    'localhost',
    'LOCALHOST:8080',
    '192.0.2.7',
    'a.localhost',
    'Work.Example',
  ])('listens to whoever calls it %s', async (host) => {
    const answer = await setUp({ body: {}, url: `http://${host}` });
    expect([answer.status, answer.body['code']]).toEqual([400, 'invalid_request']);
  });

  it('has one winner among 20 concurrent calls, and is refused ever after', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => setUp({ body: { name: `root${index}` } })),
    );
    expect(sorted(answers.map(({ status }) => status))).toEqual(
      sorted([201, ...Array.from({ length: 19 }, () => 409)]),
    );
    expect(answers.find(({ status }) => status === 409)?.body['code']).toBe('already_bootstrapped');
    expect(await counts()).toEqual({ users: 1, tokens: 1, entries: 1 });
    expect((await setUp({ body: { name: 'again' } })).status).toBe(409);

    const [won] = answers.filter(({ status }) => status === 201);
    if (won === undefined) throw new Error('nobody won');
    const { user, token } = won.body as Record<'user' | 'token', Record<string, unknown>>;
    expect(won.headers.get('location')).toBe(`/api/admin/users/${String(user['id'])}`);
    expect(user['is_admin']).toBe(true);
    expect(token).toMatchObject({ access: 'write', expires_at: null, revoked_at: null, user_id: user['id'] });
    expect(token['text']).toMatch(/^mos_[A-Za-z0-9_-]{43}$/);

    const entries = await deps.sql(
      'select verb, action, outcome, status, actor_user_id from federation_audit_log',
    );
    expect(entries).toEqual([
      {
        verb: 'admin',
        action: 'bootstrap.setup',
        outcome: 'allowed',
        status: 201,
        actor_user_id: user['id'],
      },
    ]);
    const stored = JSON.stringify(await deps.sql('select * from api_tokens'));
    expect(stored).not.toContain(token['text']);
    expect(stored).toMatch(/"hash":"[0-9a-f]{64}"/);
  });
});
