import { describe, expect, it } from 'vitest';
import { runWith, scripted } from '../testing/cli.testkit.ts';

const ID = '6f1c2f0e-3a53-4c57-8f0a-0f5f2f6d4b21';
const user = { id: ID, name: 'alice', is_admin: false, created_at: '2026-11-22T12:00:00.000Z' };
const page = (items: readonly unknown[], next_cursor: string | null = null) => ({
  body: { items, next_cursor },
});
const many = (length: number) => Array.from({ length }, () => user);

describe('requests', () => {
  it('sends the token as a bearer token, and only what was given', async () => {
    const { fetch, seen } = scripted([{ status: 201, body: user }]);
    expect(await runWith(['user', 'create', 'alice', '--token', 'mos_t'], { fetch })).toMatchObject({
      code: 0,
      err: '',
    });
    expect(seen).toEqual([
      {
        method: 'POST',
        path: '/api/admin/users',
        authorization: 'Bearer mos_t',
        body: { name: 'alice', is_admin: false },
      },
    ]);
  });

  it('finds a user by name before making a token', async () => {
    const token = {
      id: ID,
      user_id: ID,
      name: 'x',
      access: 'read',
      created_at: user.created_at,
      text: 'mos_new',
    };
    const { fetch, seen } = scripted([
      page([{ ...user, name: 'bob' }], 'c1'),
      page([user]),
      { status: 201, body: token },
    ]);
    const args = [
      'token',
      'create',
      '--user',
      'alice',
      '--name',
      'x',
      '--access',
      'read',
      '--expires-in-days',
      '3',
    ];
    const { out } = await runWith(args, { fetch });
    expect(seen.map(({ path }) => path)).toEqual([
      '/api/admin/users?limit=200',
      '/api/admin/users?limit=200&cursor=c1',
      '/api/admin/tokens',
    ]);
    expect(seen[2]?.body).toEqual({ user_id: ID, name: 'x', access: 'read', expires_in_days: 3 });
    expect(out).toContain('mos_new');
  });

  it('a name nobody has: 5', async () => {
    const { fetch } = scripted([page([user])]);
    const { code, err } = await runWith(['user', 'delete', 'zoe'], { fetch });
    expect(code).toBe(5);
    expect(err).toContain('There is no user "zoe".');
  });

  it('asks back when a peer’s name is not enough', async () => {
    const peer = {
      id: ID,
      direction: 'outbound',
      name: 'work',
      state: 'active',
      created_at: user.created_at,
    };
    const { fetch } = scripted([page([peer, { ...peer, id: ID.replace('6f', '7f'), direction: 'inbound' }])]);
    const { code, err } = await runWith(['federation', 'peer', 'remove', 'work'], { fetch });
    expect(code).toBe(2);
    expect(err).toContain(`${ID} (outbound), 7f1c2f0e`);
  });

  it('reads page after page up to the limit, and tells where to go on', async () => {
    const { fetch, seen } = scripted([page(many(200), 'c1'), page(many(50), 'c2')]);
    const { out, err } = await runWith(['user', 'list', '--limit', '250'], { fetch });
    expect(seen.map(({ path }) => path)).toEqual([
      '/api/admin/users?limit=200',
      '/api/admin/users?limit=50&cursor=c1',
    ]);
    expect(out.trimEnd().split('\n')).toHaveLength(251);
    expect(err).toBe('There are more rows. Use --all, or --cursor c2\n');
  });

  it('a server that repeats its cursor is not followed for ever', async () => {
    const { fetch, seen } = scripted([page([user], 'c1'), page([user], 'c1'), page([user], 'c1')]);
    expect(await runWith(['user', 'list', '--all'], { fetch })).toMatchObject({ code: 1, out: '' });
    expect(seen).toHaveLength(2);
  });

  it('edits a grant with just what was asked', async () => {
    const grant = {
      id: ID,
      peer: { id: ID, name: 'home' },
      subject_user_id: ID,
      scope: { resources: ['tasks'], max_rows_per_query: 5 },
      status: 'active',
      version: 2,
      created_at: user.created_at,
    };
    const { fetch, seen } = scripted([{ body: grant }, { body: grant }, { body: grant }]);
    await runWith(['federation', 'grant', 'edit', ID, '--rate-limit', 'default', '--expires', 'never'], {
      fetch,
    });
    await runWith(
      ['federation', 'grant', 'edit', ID, '--expires', '1h', '--approve-sensitive', '--scope', '-'],
      { fetch, stdin: '{"a":1}' },
    );
    await runWith(['federation', 'grant', 'edit', ID, '--cache-ttl', '0'], { fetch });
    expect(seen.map(({ body }) => body)).toEqual([
      { expires_at: null, rate_limit_per_minute: null },
      { scope: { a: 1 }, approve_sensitive: true, expires_at: '2026-11-22T13:00:00.000Z' },
      { cache_ttl_seconds: 0 },
    ]);
  });

  it('builds a row of a file, single fields, what to empty, and a secret', async () => {
    const { fetch, seen } = scripted([{ body: { id: ID, created_at: user.created_at } }]);
    const args = [
      'resource',
      'edit',
      'credentials',
      ID,
      '--json-file',
      '-',
      '--field',
      'title=b',
      '--clear',
      'url',
    ];
    await runWith(args, { fetch, stdin: '{"title":"a","username":"u"}' });
    expect(seen[0]).toMatchObject({
      method: 'PATCH',
      path: `/api/resources/credentials/${ID}`,
      body: { title: 'b', username: 'u', url: null },
    });
  });

  it('takes one line feed off a secret, no more', async () => {
    const { fetch, seen } = scripted([{ status: 201, body: { id: ID, created_at: user.created_at } }]);
    await runWith(['resource', 'add', 'api_keys', '--field', 'title=x', '--secret-file', '-'], {
      fetch,
      stdin: ' s3\n\n',
    });
    expect(seen[0]?.body).toEqual({ title: 'x', secret: ' s3\n' });
  });
});

describe('query', () => {
  const row = { id: ID, title: 't', created_at: user.created_at, _source: 'local' };
  const complete = { status: 'complete', count: 1, latency_ms: 2 };
  const down = { status: 'unreachable', count: 0, latency_ms: 9, code: 'peer_timeout', message: 'late' };

  it('M3-8 shows every row with its source, and a notice for a peer that failed', async () => {
    const notices = [{ source: 'federated:work', code: 'peer_timeout', message: 'late' }];
    const { fetch, seen } = scripted([
      {
        body: {
          items: [row],
          next_cursor: null,
          sources: { local: complete, 'federated:work': down },
          notices,
        },
      },
    ]);
    const { code, out, err } = await runWith(['query', 'tasks', '--source', 'all'], { fetch });
    expect(code).toBe(0);
    expect(out).toMatch(/^local +t /m);
    expect(out).toMatch(/^federated:work +unreachable +0 +9 ms +peer_timeout: late$/m);
    expect(err).toBe('Notice: federated:work: peer_timeout: late\n');
    expect(seen[0]?.path).toBe('/api/query/tasks?source=all&limit=50');
  });

  it('adds up what several pages say', async () => {
    const answer = (next_cursor: string | null) => ({
      body: { items: [row], next_cursor, sources: { local: complete }, notices: [] },
    });
    const { fetch } = scripted([answer('c1'), answer(null)]);
    const { out } = await runWith(['query', 'tasks', '--all', '--json'], { fetch });
    expect(JSON.parse(out)).toMatchObject({
      items: [row, row],
      next_cursor: null,
      sources: { local: { status: 'complete', count: 2, latency_ms: 4 } },
    });
  });

  it('asks for one row by id', async () => {
    const { fetch, seen } = scripted([
      { body: { items: [row], next_cursor: null, sources: { local: complete }, notices: [] } },
    ]);
    await runWith(['query', 'tasks', '--id', ID, '--source', 'local'], { fetch });
    expect(seen[0]?.path).toBe(`/api/query/tasks/${ID}?source=local`);
  });
});
