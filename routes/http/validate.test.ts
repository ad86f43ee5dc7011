import { Hono } from 'hono';
import { describe as group, expect, it } from 'vitest';
import { z } from 'zod';
import { MosaicError, type Problem } from '../../domain/errors.ts';
import { answerProblem, type AppEnv } from './http.ts';
import { MAX_JSON_DEPTH } from '../../domain/limits.ts';
import { dottedPath, unstorableText, validate } from './validate.ts';

const app = new Hono<AppEnv>();
app.onError((error, c) =>
  answerProblem(c, error instanceof MosaicError ? error : new MosaicError('internal')),
);
app.post(
  '/items',
  validate(
    'json',
    z.object({ name: z.string(), tags: z.array(z.strictObject({ at: z.number() })).optional() }),
  ),
  (c) => c.json(c.req.valid('json')),
);
app.post('/empty', validate('json', z.object({ reason: z.string().optional() })), (c) =>
  c.json(c.req.valid('json')),
);
app.get('/items', validate('query', z.object({ q: z.string().optional() })), (c) =>
  c.json(c.req.valid('query')),
);
app.get('/items/:id', validate('param', z.object({ id: z.string().max(5) })), (c) =>
  c.json(c.req.valid('param')),
);

const send = async (path: string, body: string | Uint8Array, headers: Record<string, string> = {}) => {
  const response = await app.request(path, {
    method: 'POST',
    body: body as BodyInit,
    headers: { 'content-type': 'application/json', ...headers },
  });
  return { status: response.status, body: (await response.json()) as Problem & Record<string, unknown> };
};

group('validate', () => {
  it('reports every fault with its dotted path, and nothing of the value', async () => {
    const { status, body } = await send('/items', '{"tags":[{"at":"hunter2"}],"nmae":"hunter2"}');
    expect(status).toBe(400);
    expect(body.code).toBe('invalid_request');
    expect(body.issues?.map(({ path, message }) => [path, message])).toEqual([
      ['name', 'is required'],
      ['tags[0].at', expect.stringContaining('expected number')],
      ['nmae', 'unknown key'],
    ]);
    expect(JSON.stringify(body)).not.toContain('hunter2');
  });

  it('refuses keys that would reach a prototype', async () => {
    expect((await send('/items', '{"name":"a","__proto__":{"admin":true}}')).status).toBe(400);
    expect((await send('/items', '{"name":"a","constructor":1}')).status).toBe(400);
  });

  it.each(['', 'null', '[]', '"text"', '7'])('refuses the body %j', async (body) => {
    expect((await send('/items', body)).status).toBe(400);
  });

  it.each(['{', '{"name":}', "{'name':1}", '{"name":"a"} x', '\u0000'])(
    'answers malformed_json to %j',
    async (body) => {
      expect((await send('/items', body)).body.code).toBe('malformed_json');
    },
  );

  it('reads no body at all as an empty object', async () => {
    expect((await app.request('/empty', { method: 'POST' })).status).toBe(200);
    expect((await send('/empty', '')).status).toBe(200);
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/ld+json',
    'application/json; charset=latin1',
  ])('answers 415 to the content type %s', async (type) => {
    const { status, body } = await send('/items', '{"name":"a"}', { 'content-type': type });
    expect([status, body.code]).toEqual([415, 'unsupported_media_type']);
  });

  it('takes application/json with a UTF-8 charset and refuses compression', async () => {
    expect(
      (await send('/items', '{"name":"a"}', { 'content-type': 'Application/JSON; charset=UTF-8' })).status,
    ).toBe(200);
    expect((await send('/items', '{"name":"a"}', { 'content-encoding': 'gzip' })).status).toBe(415);
  });

  it('X-60 a body that breaks off is 400, and no fault of ours', async () => {
    const body = new ReadableStream({ start: (stream) => stream.error(new Error('aborted')) });
    const headers = { 'content-type': 'application/json' };
    const init: RequestInit & { duplex: string } = { method: 'POST', body, headers, duplex: 'half' };
    const response = await app.request(new Request('http://x/items', init));
    expect([response.status, await response.json()]).toMatchObject([400, { code: 'invalid_request' }]);
  });

  it('refuses bytes that are not UTF-8', async () => {
    const { body } = await send(
      '/items',
      new Uint8Array([...new TextEncoder().encode('{"name":"'), 0xff, 0x22, 0x7d]),
    );
    expect(body.code).toBe('malformed_json');
  });

  it.each([
    ['{"name":"a\\u0000"}', 'name'],
    ['{"name":"\\ud800"}', 'name'],
    ['{"name":"a","x\\udc00":1}', 'x\uFFFD'],
  ])('refuses text that no database keeps: %s', async (text, path) => {
    const { status, body } = await send('/items', text);
    expect(status).toBe(400);
    expect(body.issues?.[0]?.path).toBe(path);
  });

  it('refuses U+0000 in query and path', async () => {
    expect((await app.request('/items?q=%00')).status).toBe(400);
    expect((await app.request('/items/a%00')).status).toBe(400);
    expect((await app.request('/items/a')).status).toBe(200);
  });

  it('F-1 refuses a name that changes how the next body is read', async () => {
    const answer = await send('/items', '{"a":1,"nam\\\\":"b"}');
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({
      code: 'malformed_json',
      detail: 'JSON may nest 32 levels deep, and no name may end in a backslash.',
    });
  });

  it('refuses a repeated or unknown query parameter', async () => {
    const twice = (await (await app.request('/items?q=1&q=2')).json()) as Problem;
    expect(twice.issues).toEqual([{ path: 'q', message: 'given more than once', expected: 'one value' }]);
    expect((await app.request('/items?p=1')).status).toBe(400);
    expect((await app.request('/items?q[]=1')).status).toBe(400);
    expect((await app.request('/items?q=1')).status).toBe(200);
  });

  it('X-61 refuses JSON 10,000 deep without parsing it', async () => {
    const { status, body } = await send('/items', `{"name":${'['.repeat(10_000)}${']'.repeat(10_000)}}`);
    expect([status, body.code]).toEqual([400, 'malformed_json']);
  });

  it('X-61 takes the deepest there may be, and counts depth outside of strings only', async () => {
    const deep = MAX_JSON_DEPTH - 1;
    const of = async (depth: number) =>
      (await send('/items', `{"name":${'['.repeat(depth)}${']'.repeat(depth)}}`)).body.code;
    expect([await of(deep), await of(deep + 1)]).toEqual(['invalid_request', 'malformed_json']);
    expect((await send('/items', JSON.stringify({ name: '[{"'.repeat(100) }))).status).toBe(200);
  });

  it.each([
    ['{"name":"a","name":"b"}', 'name'],
    ['{"name":"a","n\\u0061me":"b"}', 'name'],
    ['{"name":"a","tags":[{"at":1},{"at":1,"at":2}]}', 'tags[1].at'],
    ['{"name":"a","unknown":{"x":1,"x":1}}', 'unknown.x'],
    ['{"name":"a","__proto__":1,"__proto__":2}', '__proto__'],
    ['{"a\\"b":1,"name":"a","a\\"b":2}', 'a"b'],
    ['{"":1,"":2}', ''],
  ])('F-42 a member given twice is refused: %s', async (body, path) => {
    const answer = await send('/items', body);
    expect(answer.status).toBe(400);
    expect(answer.body.issues).toEqual([{ path, message: 'given more than once', expected: 'one value' }]);
  });

  it('F-42 what only looks like a member given twice is taken', async () => {
    for (const body of [
      '{"name":"name","tags":[{"at":1},{"at":1}]}',
      '{"name":"\\"name\\":1,\\"name\\":2"}',
      '{"name":"{\\"a\\":1,\\"a\\":1}"}',
    ])
      expect((await send('/items', body)).status).toBe(200);
  });

  it('F-3 an object of more members than any schema knows is refused before it is read', async () => {
    const members = Array.from({ length: 1_000 }, (_, index) => `"k${index}":1`).join();
    const { status, body } = await send('/items', `{"name":"a","unknown":{${members}}}`);
    expect([status, body.issues]).toEqual([
      400,
      [{ path: 'unknown', message: 'has too many members', expected: 'at most 128 members' }],
    ]);
  });

  it('F-3 more values than any request needs are refused before they are read', async () => {
    const { status, body } = await send('/items', `{"name":"a","tags":[${'[],'.repeat(5_000)}[]]}`);
    expect([status, body.code]).toEqual([400, 'invalid_request']);
  });

  it('keeps the list of issues short', async () => {
    const keys = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`k${index}`, 1]));
    expect((await send('/items', JSON.stringify(keys))).body.issues?.length).toBe(50);
  });
});

group('helpers', () => {
  it('writes paths as a person would', () => {
    expect(dottedPath([])).toBe('$');
    expect(dottedPath(['a', 0, 'b'])).toBe('a[0].b');
    expect(dottedPath(['k'.repeat(1_000)]).length).toBeLessThan(110);
  });

  it('finds unstorable text at any depth', () => {
    expect(unstorableText({ a: ['ok', { b: '\u0000' }] }).map(({ path }) => path)).toEqual(['a[1].b']);
    expect(unstorableText({ a: '😀', b: null, c: 1 })).toEqual([]);
  });
});

group('validate, what is remembered', () => {
  it('gives the same for the same text, refuses what it refused, and forgets the oldest', async () => {
    let checks = 0;
    const counting = z.strictObject({
      limit: z.coerce
        .number()
        .refine(() => (checks += 1) > 0)
        .default(50),
    });
    const list = new Hono<AppEnv>();
    list.onError((error, c) =>
      answerProblem(c, error instanceof MosaicError ? error : new MosaicError('internal')),
    );
    list.get('/', validate('query', counting, { isRemembered: true }), (c) => c.json(c.req.valid('query')));
    const get = async (query: string) => {
      const response = await list.request(`/${query}`);
      return [response.status, response.status === 200 ? ((await response.json()) as unknown) : null];
    };
    for (const _time of [1, 2]) {
      expect(await get('?limit=7')).toEqual([200, { limit: 7 }]);
      expect(await get('')).toEqual([200, { limit: 50 }]);
      for (const bad of ['?limit=x', '?limit=7&limit=7', '?other=1', '?limit=%00'])
        expect(await get(bad)).toEqual([400, null]);
    }
    expect(checks).toBe(1);
    for (let n = 0; n < 500; n += 1) await get(`?limit=${1_000 + n}`);
    await get('?limit=7');
    expect(checks).toBe(502);
  });

  it('of the header reads what is asked for alone', async () => {
    const list = new Hono<AppEnv>();
    list.get('/', validate('header', z.object({ 'x-wanted': z.string().optional() })), (c) =>
      c.json(c.req.valid('header')),
    );
    const get = async (headers: Record<string, string>): Promise<unknown> =>
      (await list.request('/', { headers })).json();
    expect(await get({ 'X-Wanted': 'this', 'x-other': 'that' })).toEqual({ 'x-wanted': 'this' });
    expect(await get({ 'x-other': 'that' })).toEqual({});
  });
});
