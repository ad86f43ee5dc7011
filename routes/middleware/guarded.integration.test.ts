import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callApp, makeTestApi, type Person, type TestApi } from '../testing/api.testkit.ts';

/** Enumerates the routes of the app as it is served, so that a new one is covered without anybody thinking of it. */
const ABSENT = '7f1c0a52-6a0e-4d0a-8f43-0d8a3c1f2b11';
const OPEN_TO_ALL = [
  '/health',
  '/ready',
  '/pki/crl',
  '/pki/root.pem',
  '/openapi.json',
  '/docs',
  '/docs/style.css',
  '/api/bootstrap/setup',
  '/enrollment/v1/redeem',
];

let api: TestApi;
let ann: Person;
beforeAll(async () => {
  api = await makeTestApi();
  ann = await api.person('ann');
});
afterAll(() => api.deps.close());

interface Route {
  readonly method: string;
  readonly path: string;
}

const guarded = (): readonly Route[] => {
  const found = new Map<string, Route>();
  for (const { method, path } of api.app.routes)
    if (method !== 'ALL' && !OPEN_TO_ALL.includes(path)) found.set(`${method} ${path}`, { method, path });
  return [...found.values()];
};

const tokenFor = async (userId: string, access: string, days: number | null) => {
  const { body } = await api.must(201, '/api/admin/tokens', {
    token: api.admin.token,
    body: { user_id: userId, name: 'test', access, ...(days === null ? {} : { expires_in_days: days }) },
  });
  return { id: String(body['id']), text: String(body['text']) };
};

/** What all guarded routes say to a token, route by route. */
const answers = async (token: string): Promise<Readonly<Record<string, string>>> => {
  const found: Record<string, string> = {};
  let n = 0;
  for (const { method, path } of guarded()) {
    n += 1;
    const answer = await api.app.request(
      path.replaceAll(/:\w+(\{[^}]*\})?/g, ABSENT),
      {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(method === 'GET' || method === 'DELETE' ? {} : { body: '{}' }),
      },
      // From many addresses, since one that shows wrong tokens is soon limited.
      { clientAddress: `198.51.100.${String(n % 200)}` },
    );
    const { code } = (await answer.json().catch(() => ({}))) as { readonly code?: string };
    found[`${method} ${path}`] = `${String(answer.status)} ${code ?? ''}`;
  }
  return found;
};

const everywhere = (answer: string): Readonly<Record<string, string>> =>
  Object.fromEntries(guarded().map(({ method, path }) => [`${method} ${path}`, answer]));

describe('X-80 MUTANTS middleware/auth every guarded route', () => {
  it('is found, the questions to peers among them', () => {
    const paths = guarded().map(({ path }) => path);
    expect(paths.length).toBeGreaterThan(40);
    for (const path of ['/api/me', '/api/query/search']) expect(paths).toContain(path);
  });

  it('refuses a token from the very moment at which it expires', async () => {
    const { text } = await tokenFor(api.admin.id, 'write', 1);
    const now = api.deps.clock.now();
    api.deps.clock.advance(86_400_000 - 1);
    expect(Object.values(await answers(text)).filter((answer) => answer.startsWith('401'))).toEqual([]);
    api.deps.clock.advance(1);
    expect(await answers(text)).toEqual(everywhere('401 unauthenticated'));
    api.deps.clock.set(now);
  });

  it('refuses a token that was revoked', async () => {
    const { id, text } = await tokenFor(api.admin.id, 'write', null);
    expect(Object.values(await answers(text)).filter((answer) => answer.startsWith('401'))).toEqual([]);
    await api.must(204, `/api/admin/tokens/${id}`, { token: api.admin.token, method: 'DELETE' });
    expect(await answers(text)).toEqual(everywhere('401 unauthenticated'));
  });

  it('refuses a token that differs in one character, and none at all', async () => {
    const last = ann.token.at(-1) === 'A' ? 'B' : 'A';
    expect(await answers(`${ann.token.slice(0, -1)}${last}`)).toEqual(everywhere('401 unauthenticated'));
    expect(await answers('')).toEqual(everywhere('401 unauthenticated'));
  });
});

describe('MUTANTS tokens a token that is made', () => {
  it('is good for its whole days, or until it is revoked, and is of the person it is for', async () => {
    const made = (days: number | null) => tokenFor(ann.id, 'read', days);
    const start = api.deps.clock.now();
    const [three, never] = [await made(3), await made(null)];
    const whose = async (token: string): Promise<unknown> =>
      (await api.must(200, '/api/me', { token })).body['id'] ?? null;
    expect([await whose(three.text), await whose(never.text)]).toEqual([ann.id, ann.id]);
    const { body } = await api.must(200, `/api/admin/tokens?user_id=${ann.id}`, { token: api.admin.token });
    const items = body['items'] as readonly { readonly id: string; readonly expires_at: string | null }[];
    const expiries = new Map(items.map(({ id, expires_at: at }) => [id, at]));
    expect(expiries.get(three.id)).toBe(new Date(start.getTime() + 3 * 86_400_000).toISOString());
    expect(expiries.get(never.id)).toBeNull();
  });

  it('is not made for nobody, and is revoked once', async () => {
    const admin = { token: api.admin.token };
    const before = await api.deps.sql('select count(*)::int as n from api_tokens');
    const answer = await api.call('/api/admin/tokens', {
      ...admin,
      body: { user_id: ABSENT, name: 'nobody', access: 'read' },
    });
    expect([answer.status, answer.body['code']]).toEqual([404, 'not_found']);
    expect(await api.deps.sql('select count(*)::int as n from api_tokens')).toEqual(before);
    const { id } = await tokenFor(ann.id, 'read', null);
    await api.must(204, `/api/admin/tokens/${id}`, { ...admin, method: 'DELETE' });
    const again = await api.call(`/api/admin/tokens/${id}`, { ...admin, method: 'DELETE' });
    expect([again.status, again.body['code']]).toEqual([404, 'not_found']);
    const rows = await api.deps.sql('select revoked_at from api_tokens where id = $1', [id]);
    expect(rows[0]?.['revoked_at']).not.toBeNull();
  });

  it('a token that may only read changes nothing and opens no admin route, one of no administrator neither', async () => {
    const reader = (await tokenFor(api.admin.id, 'read', null)).text;
    const code = async (path: string, token: string, body?: unknown) => {
      const { status, body: said } = await callApp(api.app, path, {
        token,
        ...(body === undefined ? {} : { body }),
      });
      return [status, said['code']];
    };
    expect(await code('/api/resources/tasks', reader, { title: 'x' })).toEqual([403, 'read_only_token']);
    expect(await code('/api/admin/users', reader)).toEqual([403, 'read_only_token']);
    expect(await code('/api/admin/users', ann.token)).toEqual([403, 'forbidden']);
    expect((await code('/api/resources/tasks', ann.token, { title: 'x' }))[0]).toBe(201);
  });

  it('is an entry of who made it for whom, and so is its end', async () => {
    api.deps.clock.advance(1_000);
    const { id } = await tokenFor(ann.id, 'read', null);
    await api.must(204, `/api/admin/tokens/${id}`, { token: api.admin.token, method: 'DELETE' });
    const entries = await api.deps.sql(
      'select action, status, subject_user_id, actor_user_id from federation_audit_log where at = $1 order by action',
      [api.deps.clock.now()],
    );
    const actor = { actor_user_id: api.admin.id };
    expect(entries).toEqual([
      { action: 'token.create', status: 201, subject_user_id: ann.id, ...actor },
      { action: 'token.revoke', status: 204, subject_user_id: null, ...actor },
    ]);
  });
});
