import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tagOf } from '../openapi/describe.ts';
import { makeTestApi, type Answer, type TestApi } from '../testing/api.testkit.ts';

/** Enumerates the routes of the app as it is served, so that a new one is covered without anybody thinking of it. */
const ABSENT = '7f1c0a52-6a0e-4d0a-8f43-0d8a3c1f2b11';
const OPEN_TO_ALL = [
  'GET /health',
  'GET /ready',
  'GET /pki/crl',
  'GET /pki/root.pem',
  'GET /openapi.json',
  'GET /docs',
  'GET /docs/style.css',
  'POST /api/bootstrap/setup',
  'POST /enrollment/v1/redeem',
];

let api: TestApi;
let adminReader: string;
let member: string;

beforeAll(async () => {
  api = await makeTestApi();
  const made = await api.must(201, '/api/admin/tokens', {
    token: api.admin.token,
    body: { user_id: api.admin.id, name: 'reader', access: 'read' },
  });
  adminReader = String(made.body['text']);
  member = (await api.person('member')).token;
});
afterAll(() => api.deps.close());

interface Route {
  readonly method: string;
  readonly path: string;
}

const routes = (): readonly Route[] => {
  const found = new Map<string, Route>();
  for (const { method, path } of api.app.routes) {
    if (method !== 'ALL') found.set(`${method} ${path}`, { method, path });
  }
  return [...found.values()];
};
const adminRoutes = (): readonly Route[] => routes().filter(({ path }) => path.startsWith('/api/admin/'));

const withBody = (): readonly Route[] =>
  api.app.routes.filter(({ handler, path }) => {
    const tag = tagOf(handler);
    return tag?.kind === 'input' && tag.target === 'json' && path !== '/api/bootstrap/setup';
  });

const knock = ({ method, path }: Route, token?: string): Promise<Answer> =>
  api.call(path.replaceAll(/:\w+/g, ABSENT), {
    method,
    ...(method === 'GET' || method === 'DELETE' ? {} : { body: { name: 'intruder' } }),
    ...(token === undefined ? {} : { token }),
  });

const outcomes = async (list: readonly Route[], token?: string): Promise<ReadonlySet<string>> => {
  const seen = new Set<string>();
  for (const route of list) {
    const { status, body, headers } = await knock(route, token);
    seen.add(`${status} ${String(body['code'])}`);
    if (status === 401) expect(headers.get('www-authenticate')).toContain('Bearer');
  }
  return seen;
};

const counts = () =>
  api.deps.sql(`select (select count(*)::int from users) users, (select count(*)::int from teams) teams,
    (select count(*)::int from api_tokens) tokens, (select count(*)::int from federation_grants) grants,
    (select count(*)::int from federation_peers) peers, (select count(*)::int from memberships) members`);

describe('X-80 every admin route', () => {
  it('is known to this test', () => {
    const areas = new Set(adminRoutes().map(({ path }) => path.split('/')[3]));
    expect([...areas]).toEqual(
      expect.arrayContaining(['audit', 'grants', 'peers', 'teams', 'tokens', 'users']),
    );
    expect(adminRoutes().length).toBeGreaterThan(20);
  });

  it('answers 401 without a token, and with one that was never made', async () => {
    const before = await counts();
    const unauthenticated = new Set(['401 unauthenticated']);
    expect(await outcomes(adminRoutes())).toEqual(unauthenticated);
    expect(await outcomes(adminRoutes(), `mos_${'A'.repeat(43)}`)).toEqual(unauthenticated);
    expect(await outcomes(adminRoutes(), 'root')).toEqual(unauthenticated);
    expect(await counts()).toEqual(before);
  });

  it('answers 403 to people who are no administrators', async () => {
    const before = await counts();
    expect(await outcomes(adminRoutes(), member)).toEqual(new Set(['403 forbidden']));
    expect(await counts()).toEqual(before);
  });

  it('answers 403 to an administrator’s read-only token', async () => {
    const before = await counts();
    expect(await outcomes(adminRoutes(), adminReader)).toEqual(new Set(['403 read_only_token']));
    expect(await counts()).toEqual(before);
  });

  it('answers 401 to a token that has expired', async () => {
    const made = await api.must(201, '/api/admin/tokens', {
      token: api.admin.token,
      body: { user_id: api.admin.id, name: 'short', expires_in_days: 1 },
    });
    const token = String(made.body['text']);
    await api.must(200, '/api/admin/users', { token });
    api.deps.clock.advance(86_400_000 - 1);
    await api.must(200, '/api/admin/users', { token });
    api.deps.clock.advance(1);
    expect(await outcomes(adminRoutes(), token)).toEqual(new Set(['401 unauthenticated']));
  });

  it('answers 401 to a token that was revoked', async () => {
    const made = await api.must(201, '/api/admin/tokens', {
      token: api.admin.token,
      body: { user_id: api.admin.id, name: 'revoked' },
    });
    await api.must(204, `/api/admin/tokens/${String(made.body['id'])}`, {
      token: api.admin.token,
      method: 'DELETE',
    });
    expect(await outcomes(adminRoutes(), String(made.body['text']))).toEqual(
      new Set(['401 unauthenticated']),
    );
  });

  it('keeps tokens hashed: no text is anywhere in the database or the log', async () => {
    const tables = await api.deps.sql(`select tablename from pg_tables where schemaname = 'public'`);
    expect(tables.length).toBeGreaterThan(10);
    for (const { tablename } of tables) {
      const rows = JSON.stringify(await api.deps.sql(`select * from "${String(tablename)}"`));
      for (const token of [api.admin.token, adminReader, member]) expect(rows.includes(token)).toBe(false);
    }
    expect(JSON.stringify(api.deps.logged)).not.toContain('mos_');
  });
});

describe('every other route', () => {
  it('answers 401 without a token, unless it is meant for everybody', async () => {
    const guarded = routes().filter(({ method, path }) => !OPEN_TO_ALL.includes(`${method} ${path}`));
    expect(await outcomes(guarded)).toEqual(new Set(['401 unauthenticated']));
    const named = routes().map(({ method, path }) => `${method} ${path}`);
    expect(named).toEqual(expect.arrayContaining(OPEN_TO_ALL));
  });

  it('X-61 answers malformed, deep, mistyped and huge bodies with a problem', async () => {
    expect(withBody().length).toBeGreaterThan(15);
    const bodies = [
      ['application/json', '{'],
      ['application/json', '['.repeat(10_000)],
      ['application/json', '{"name":"\\u0000"}'],
      ['application/json', `"${'x'.repeat(300_000)}"`],
      ['text/plain', '{}'],
      ['application/json', '[]'],
    ] as const;
    for (const { method, path } of withBody()) {
      for (const [type, body] of bodies) {
        const response = await api.app.request(path.replaceAll(/:\w+/g, ABSENT), {
          method,
          body,
          headers: { 'content-type': type, authorization: `Bearer ${api.admin.token}` },
        });
        expect([method, path, body.slice(0, 20), [400, 413, 415].includes(response.status)]).toEqual([
          method,
          path,
          body.slice(0, 20),
          true,
        ]);
        expect(response.headers.get('content-type')).toBe('application/problem+json');
      }
    }
  });

  it('answers any JSON at all with 2xx or 4xx, never 5xx', async () => {
    const names = [
      'name',
      'title',
      'user',
      'user_id',
      'team_id',
      'peer',
      'scope',
      'role',
      'token',
      'csr',
      'due_at',
    ];
    const likely = fc.dictionary(fc.constantFrom(...names), fc.jsonValue({ maxDepth: 3 }));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...withBody()),
        fc.oneof(likely, fc.jsonValue()),
        async (route, body) => {
          const path = route.path.replaceAll(/:\w+/g, ABSENT);
          const { status } = await api.call(path, { method: route.method, token: api.admin.token, body });
          expect(status).toBeLessThan(500);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('X-32 answers an unknown or repeated query parameter with 400', async () => {
    for (const { method, path } of adminRoutes().filter(
      (route) => route.method === 'GET' && !route.path.includes(':'),
    )) {
      for (const query of ['nope=1', 'limit=1&limit=2', 'limit=1e9', 'limit=0', 'cursor=x']) {
        const answer = await api.call(`${path}?${query}`, { method, token: api.admin.token });
        expect([path, query, answer.status]).toEqual([path, query, 400]);
      }
    }
  });
});
