import { connect, Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Log } from '../../../../domain/ports/basics.ts';
import { startFront, type FrontUnderTest } from '../front/front.testkit.ts';
import { listenPublic, type Listening } from './listeners.ts';

/** Requests that no handler ever sees, at the listeners of the gateway itself: each answer is a problem document. */
interface Raw {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const read = (text: string): Raw => {
  const [head = '', ...body] = text.split('\r\n\r\n');
  return {
    status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? 0),
    type: /^content-type: *([^;\r\n]+)/im.exec(head)?.[1] ?? '',
    body: body.join('\r\n\r\n'),
  };
};

const exchange = (socket: Socket, request: string): Promise<Raw> =>
  new Promise((resolve, reject) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (part: string) => {
      text += part;
    });
    socket.on('end', () => socket.end());
    socket.on('close', () => resolve(read(text)));
    socket.on('error', reject);
    socket.write(request);
  });

const HANDLED = 'handled';
const CLOSE = 'Connection: close\r\n';

const logged: (string | undefined)[] = [];
const note: Log['info'] = (_message, fields) => void logged.push(fields?.['trace_id'] as string | undefined);
const log: Log = { debug: note, info: note, warn: note, error: note };

let plain: Listening;
let under: FrontUnderTest;
let client: { readonly cert: string; readonly key: string };

beforeAll(async () => {
  plain = await listenPublic(() => new Response(HANDLED), { kind: 'tcp', host: '127.0.0.1', port: 0 }, log);
  under = await startFront({}, log);
  client = await under.clientCertificate();
}, 60_000);
afterAll(async () => {
  await Promise.all([plain.stop(100), under.front.stop(100)]);
});

const LISTENERS: Readonly<Record<string, () => Socket>> = {
  'the public listener': () => connect({ host: '127.0.0.1', port: plain.port ?? 0 }),
  'the own front': () =>
    connectTls({ host: '127.0.0.1', port: under.port, rejectUnauthorized: false, ...client }),
};

describe.each(Object.entries(LISTENERS))('F-57 at %s', (_name, open) => {
  it.each([
    ['HTTP/1.1 without a Host', `GET /ready HTTP/1.1\r\n${CLOSE}\r\n`, 400],
    ['HTTP/1.1 with two', `GET /ready HTTP/1.1\r\nHost: a\r\nHost: b\r\n${CLOSE}\r\n`, 400],
    [
      'an expectation that nobody knows',
      `GET /ready HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n${CLOSE}\r\n`,
      417,
    ],
    ['CONNECT', `CONNECT example.org:443 HTTP/1.1\r\nHost: a\r\n\r\n`, 405],
    ['a version that nobody speaks', `GET /ready HTTP/9.9\r\nHost: a\r\n\r\n`, 400],
    [
      'a chunk without a size',
      `POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
      400,
    ],
    ['a header of 20 KB', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ])('%s is answered with a problem', async (_what, request, status) => {
    const answer = await exchange(open(), request);
    // A handler may have answered before the chunk that is none came.
    if (request.startsWith('POST')) expect([200, status]).toContain(answer.status);
    else expect(answer.status).toBe(status);
    if (answer.status === 200) return;
    expect(answer.type).toBe('application/problem+json');
    const problem = JSON.parse(answer.body) as Record<string, unknown>;
    expect(problem).toMatchObject({ status: answer.status, code: 'invalid_request' });
    expect([problem['detail'], problem['remedy']]).toEqual([expect.any(String), expect.any(String)]);
    // F-54: whoever is told the id can have it looked up.
    expect(logged.filter((id) => id === problem['trace_id'])).toHaveLength(1);
  });

  it('F-54 the id is that of the caller’s trace, where the header could be read', async () => {
    const id = crypto.randomUUID().replaceAll('-', '');
    const trace = `traceparent: 00-${id}-${id.slice(16)}-01\r\n`;
    const answer = await exchange(
      open(),
      `GET / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n${trace}${CLOSE}\r\n`,
    );
    expect(JSON.parse(answer.body)).toMatchObject({ status: 417, trace_id: id });
    expect(logged.filter((one) => one === id)).toHaveLength(1);
  });

  it.each(['/health', '/ready'])('an HTTP/1.0 probe of %s without a Host is answered', async (path) => {
    const answer = await exchange(open(), `GET ${path} HTTP/1.0\r\n\r\n`);
    expect([answer.status, answer.body]).toEqual([200, HANDLED]);
  });

  it('Expect: 100-continue goes on as ever', async () => {
    const answer = await exchange(
      open(),
      `POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n${CLOSE}\r\n{}`,
    );
    expect([100, 200]).toContain(answer.status);
  });
});

it('F-54 a refusal of the own front: its answer, the log and the audit have one id', async () => {
  const socket = connectTls({ host: '127.0.0.1', port: under.port, rejectUnauthorized: false });
  const answer = await exchange(socket, `GET /federation/v1/tasks HTTP/1.1\r\nHost: a\r\n${CLOSE}\r\n`);
  const problem = JSON.parse(answer.body) as Record<string, unknown>;
  expect(problem).toMatchObject({ status: 401, code: 'certificate_required' });
  expect(logged.filter((id) => id === problem['trace_id'])).toHaveLength(1);
  expect(under.refusedIds).toEqual([problem['trace_id']]);
});

it('F-54 an address that cannot be read', async () => {
  const answer = await exchange(
    LISTENERS['the public listener']?.() ?? new Socket(),
    `GET / HTTP/1.1\r\nHost: a b\r\n${CLOSE}\r\n`,
  );
  const problem = JSON.parse(answer.body) as Record<string, unknown>;
  expect(problem).toMatchObject({ status: 400, code: 'invalid_request' });
  expect(logged.filter((one) => one === problem['trace_id'])).toHaveLength(1);
});
