import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BRIDGE_TOKEN, startBridge, type RealBridge } from './bridge.testkit.ts';
import { createKvBridge } from './bridge.ts';
import { TAKE_SCRIPT, TAKE_SCRIPT_SHA1 } from './token-bucket.ts';
import { openValkeyCommands } from './valkey.ts';
import { keepingLog, ownPrefix, startValkey, untilWorks, type RealValkey } from './valkey.testkit.ts';

const log = keepingLog();
const prefix = ownPrefix();
let server: RealValkey;
let bridge: RealBridge;

beforeAll(async () => {
  server = await startValkey();
  bridge = await startBridge({ valkeyUrl: server.url, log });
});
afterAll(async () => {
  await bridge.close();
  await server.remove();
});

interface Answer {
  readonly status: number;
  readonly type: string | null;
  readonly body: unknown;
}

const send = async (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> => {
  const answer = await fetch(`${bridge.url}${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${BRIDGE_TOKEN}`,
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return {
    status: answer.status,
    type: answer.headers.get('content-type'),
    body: await answer.json(),
  };
};

describe('the REST bridge', () => {
  it('runs one command, its name in any case', async () => {
    expect(await send('/', ['set', `${prefix}k`, 'v', 'px', 10_000])).toMatchObject({
      status: 200,
      body: { result: 'OK' },
    });
    expect((await send('/', ['GET', `${prefix}k`])).body).toEqual({ result: 'v' });
    expect((await send('/', ['GET', `${prefix}absent`])).body).toEqual({ result: null });
    expect((await send('/', ['DEL', `${prefix}k`, `${prefix}absent`])).body).toEqual({ result: 1 });
    expect((await send('/', ['PING'])).body).toEqual({ result: 'PONG' });
  });

  it('encodes every text as base64 where asked, byte for byte', async () => {
    const commands = await openValkeyCommands({ url: server.url, log });
    await commands.run(['SET', `${prefix}text`, 'ä', 'PX', '10000']);
    await commands.close();
    const base64 = { 'upstash-encoding': 'base64' };
    expect((await send('/', ['GET', `${prefix}text`], base64)).body).toEqual({ result: 'w6Q=' });
    expect((await send('/', ['MGET', `${prefix}text`, `${prefix}absent`], base64)).body).toEqual({
      result: ['w6Q=', null],
    });
  });

  it('runs a pipeline, each command with its own result', async () => {
    const answer = await send('/pipeline', [
      ['SET', `${prefix}p`, 'text', 'PX', 10_000],
      ['EVALSHA', TAKE_SCRIPT_SHA1, 1, `${prefix}p`, 5, 1],
      ['GET', `${prefix}p`],
    ]);
    expect(answer).toMatchObject({ status: 200, body: [{ result: 'OK' }, {}, { result: 'text' }] });
    expect((answer.body as readonly { error?: string }[])[1]?.error).toMatch(/^(NOSCRIPT|WRONGTYPE|ERR)/);
  });

  it('runs a transaction, with nothing in between', async () => {
    const own = `${prefix}multi`;
    const rounds = Array.from({ length: 20 }, (_, index) =>
      send('/multi-exec', [
        ['SET', own, index, 'PX', 10_000],
        ['GET', own],
      ]),
    );
    const answers = (await Promise.all(rounds)).map(({ body }) => body);
    expect(answers).toEqual(answers.map((_, index) => [{ result: 'OK' }, { result: String(index) }]));
    const refused = await send('/multi-exec', [['SET', own, 'changed', 'PX', 10_000], ['GET']]);
    expect(refused.status).toBe(400);
    expect((await send('/', ['GET', own])).body).not.toEqual({ result: 'changed' });
  });

  it('passes a refusal of Valkey on as 400, in the member where clients look', async () => {
    const answer = await send('/', ['GET']);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ error: expect.stringMatching(/^ERR wrong number/) as string });
  });

  it.each([
    'SUBSCRIBE',
    'PSUBSCRIBE',
    'BLPOP',
    'BRPOPLPUSH',
    'WAIT',
    'WATCH',
    'MULTI',
    'EXEC',
    'MONITOR',
    'CONFIG',
    'ACL',
    'FLUSHALL',
    'flushdb',
    'KEYS',
    'SCAN',
    'DEBUG',
    'SHUTDOWN',
    'SCRIPT',
    'FUNCTION',
    'MODULE',
    'CLIENT',
    'AUTH',
    'SELECT',
    'QUIT',
    'INFO',
    'XREAD',
    'constructor',
    '__proto__',
    'GET FLUSHALL',
    '',
  ])('does not pass %s on, alone or in a pipeline, of which then nothing runs', async (name) => {
    const key = `${prefix}never`;
    expect(await send('/', [name, key])).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    for (const path of ['/pipeline', '/multi-exec']) {
      const commands = [
        ['SET', key, 'v', 'PX', 10_000],
        [name, key],
      ];
      expect((await send(path, commands)).status).toBe(403);
    }
    expect((await send('/', ['GET', key])).body).toEqual({ result: null });
  });

  it('runs the script of the token bucket, and no other', async () => {
    const args = [1, `${prefix}bucket`, 5, 1];
    expect((await send('/', ['EVAL', TAKE_SCRIPT, ...args])).body).toEqual({ result: [1, 4, 0] });
    expect((await send('/', ['EVALSHA', TAKE_SCRIPT_SHA1, ...args])).body).toEqual({ result: [1, 3, 0] });
    expect((await send('/', ['EVAL', 'while true do end', 0])).status).toBe(403);
    expect((await send('/', ['EVAL', `${TAKE_SCRIPT} `, ...args])).status).toBe(403);
    expect((await send('/', ['EVALSHA', 'f'.repeat(40), 0])).status).toBe(403);
  });

  it.each([
    ['no token', { authorization: '' }],
    ['another scheme', { authorization: `Basic ${BRIDGE_TOKEN}` }],
    ['a wrong token', { authorization: `Bearer ${BRIDGE_TOKEN.replace(/.$/, 'x')}` }],
    ['a part of the token', { authorization: `Bearer ${BRIDGE_TOKEN.slice(0, -1)}` }],
    ['more than the token', { authorization: `Bearer ${BRIDGE_TOKEN}x` }],
    ['two tokens', { authorization: `Bearer x, Bearer ${BRIDGE_TOKEN}` }],
  ])('X-80 401 for %s, on every address', async (_, headers) => {
    for (const path of ['/', '/pipeline', '/multi-exec', '/nowhere']) {
      const answer = await send(path, ['PING'], headers);
      expect(answer).toMatchObject({ status: 401, type: 'application/problem+json' });
      expect(answer.body).toMatchObject({
        code: 'unauthenticated',
        error: 'Authentication is required.',
      });
    }
  });

  it.each([
    ['half a document', '/', '{', 400, 'malformed_json'],
    ['nothing', '/', '', 400, 'malformed_json'],
    ['no list', '/', '{}', 400, 'invalid_request'],
    ['an empty list', '/', '[]', 400, 'invalid_request'],
    ['a list in a list', '/', '[["GET","k"]]', 400, 'invalid_request'],
    ['a part that is an object', '/', '["GET",{"toString":1}]', 400, 'invalid_request'],
    ['a part that is null', '/', '["GET",null]', 400, 'invalid_request'],
    ['100,000 brackets that never close', '/', '['.repeat(100_000), 400, 'invalid_request'],
    ['a depth of 100,000', '/', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, 400, 'invalid_request'],
    ['200 parts', '/', JSON.stringify(Array(200).fill('DEL')), 400, 'invalid_request'],
    ['a command where a pipeline is due', '/pipeline', '["GET","k"]', 400, 'invalid_request'],
    ['an empty pipeline', '/pipeline', '[]', 400, 'invalid_request'],
    ['200 commands', '/pipeline', `[${'["PING"],'.repeat(199)}["PING"]]`, 400, 'invalid_request'],
    ['more than 4 MiB', '/', JSON.stringify(['GET', 'x'.repeat(4_200_000)]), 413, 'payload_too_large'],
    ['an address of the other style', '/get/k', '["GET","k"]', 404, 'not_found'],
  ])('X-61 %s', async (_, path, body, status, code) => {
    expect(await send(path, body)).toMatchObject({
      status,
      type: 'application/problem+json',
      body: { code },
    });
  });

  it('X-61 a body without a length is refused at the limit, and the connection is cut', async () => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${BRIDGE_TOKEN}` };
    const call = request(bridge.url, { method: 'POST', headers });
    const answered = once(call, 'response');
    call.on('error', () => undefined);
    let sent = 0;
    const chunk = Buffer.alloc(65_536, 'x');
    const more = (): void => {
      if (call.destroyed || sent > 100_000_000) return;
      sent += chunk.length;
      call.write(chunk, () => setImmediate(more));
    };
    more();
    const [answer] = (await answered) as [IncomingMessage];
    expect(answer.statusCode).toBe(413);
    await untilWorks(async () => expect(call.destroyed || call.socket?.destroyed).toBe(true), 5_000);
    expect((await send('/', ['PING'])).status).toBe(200);
  });

  it('wants JSON', async () => {
    expect((await send('/', '["PING"]', { 'content-type': 'text/plain' })).status).toBe(415);
  });

  it('refuses to be made without a token, or with a short one', async () => {
    const port = await openValkeyCommands({ url: server.url, log });
    expect(() => createKvBridge({ port, tokens: [], log })).toThrow(RangeError);
    expect(() => createKvBridge({ port, tokens: [BRIDGE_TOKEN, 'short'], log })).toThrow(RangeError);
    await port.close();
  });

  it('X-71 answers 503 while Valkey is away, says so at /health, and heals by itself', async () => {
    const own = await startValkey();
    const seen = keepingLog();
    const ownBridge = await startBridge({ valkeyUrl: own.url, log: seen });
    const health = async (): Promise<number> => (await fetch(`${ownBridge.url}/health`)).status;
    expect(await health()).toBe(200);
    await own.kill();
    const answer = await fetch(ownBridge.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${BRIDGE_TOKEN}` },
      body: '["GET","canary-key"]',
    });
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({
      code: 'unavailable',
      error: 'The gateway cannot answer now.',
    });
    expect(await health()).toBe(503);
    await own.start();
    await untilWorks(async () => expect(await health()).toBe(200), 10_000);
    expect(seen.lines.join('\n')).not.toContain('canary');
    await ownBridge.close();
    await own.remove();
  });
});
