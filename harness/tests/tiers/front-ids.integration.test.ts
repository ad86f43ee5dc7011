import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createAuthority,
  issueClient,
  type ClientCertificate,
} from '../../../src/runtimes/node/front/front.testkit.ts';
import {
  openFrontEdge,
  problemOf,
  sendRaw,
  statusOf,
  type FrontEdge,
} from '../../devstack/components/front-edge.ts';

/** nginx writes its log out after a second. */
const FLUSHED = { timeout: 10_000 };
const CLOSE = 'Host: localhost\r\nConnection: close\r\n';
const get = (target: string, more = ''): string => `GET ${target} HTTP/1.1\r\n${CLOSE}${more}\r\n`;
const post = (target: string, bytes: number): string =>
  `POST ${target} HTTP/1.1\r\n${CLOSE}Content-Length: ${bytes}\r\n\r\n${'a'.repeat(bytes)}`;

describe('F-54 the id of an answer of the nginx that operators get', () => {
  let edge: FrontEdge;
  let peer: ClientCertificate;
  beforeAll(async () => {
    edge = await openFrontEdge();
    peer = await edge.client();
  });
  afterAll(() => edge.close());

  interface LogLine {
    readonly status: number;
    readonly trace_id: string;
  }
  const linesOf = (name: 'access' | 'refused', of: FrontEdge): readonly LogLine[] =>
    of
      .log(name)
      .toString()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as LogLine);
  const logged = async (
    id: unknown,
    status: number,
    name: 'access' | 'refused' = 'access',
    of: FrontEdge = edge,
  ) => {
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    const found = () => linesOf(name, of).filter(({ trace_id: one }) => one === id);
    await expect.poll(() => found().map((line) => line.status), FLUSHED).toEqual([status]);
  };

  it('that nginx gives on its own is in its log, once, whatever was wrong', async () => {
    const requests: readonly (readonly ['public' | 'federation', string, Partial<ClientCertificate>])[] = [
      ['public', 'nonsense\r\n\r\n', {}],
      ['public', `TRACE / HTTP/1.1\r\n${CLOSE}\r\n`, {}],
      ['public', get(`/${'a'.repeat(20_000)}`), {}],
      ['public', get('/', `X-Long: ${'a'.repeat(20_000)}\r\n`), {}],
      ['public', `GET / HTTP/7.1\r\n${CLOSE}\r\n`, {}],
      ['public', post('/api/admin/users', 40_000), {}],
      ['public', `POST /api/me HTTP/1.1\r\n${CLOSE}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, {}],
      ['federation', get('/other'), peer],
    ];
    const ids = new Set<unknown>();
    for (const [side, request, client] of requests) {
      const answer = await sendRaw(edge, side, request, client);
      const { status, trace_id: id } = problemOf(answer);
      expect(status).toBe(statusOf(answer));
      await logged(id, statusOf(answer));
      ids.add(id);
    }
    expect(ids.size).toBe(requests.length);
  });

  it('of a certificate that is refused is in the log of refusals, from which the audit is made', async () => {
    const stranger = await issueClient(await createAuthority());
    for (const client of [{}, stranger]) {
      const answer = await sendRaw(edge, 'federation', get('/federation/v1/tasks'), client);
      expect(statusOf(answer)).toBe(401);
      await logged(problemOf(answer)['trace_id'], 401, 'refused');
    }
  });

  it('is that of the caller’s trace, and nothing else that a caller writes', async () => {
    const id = crypto.randomUUID().replaceAll('-', '');
    const trace = (text: string): string => `Traceparent: ${text}\r\nMosaic-Trace-Id: ${'e'.repeat(32)}\r\n`;
    const own = trace(`00-${id}-${id.slice(16)}-01`);
    expect(problemOf(await sendRaw(edge, 'federation', get('/other', own), peer))['trace_id']).toBe(id);
    for (const text of ['", "status": "200', `00-${'0'.repeat(32)}-${id.slice(16)}-01`, '$host', '\\u0022']) {
      const answer = await sendRaw(edge, 'federation', get('/other', trace(text)));
      const problem = problemOf(answer);
      expect(problem).toMatchObject({ status: 401, code: 'certificate_required' });
      expect(problem['trace_id']).not.toMatch(/^(?:e{32}|0{32})$/);
      await logged(problem['trace_id'], 401, 'refused');
    }
  });

  it('goes to the gateway, in place of what a client sent, and is there the one of nginx’s log', async () => {
    const before = edge.passed.length;
    const forged = `Mosaic-Trace-Id: ${'e'.repeat(32)}\r\nmosaic_trace_id: x\r\n`;
    const id = crypto.randomUUID().replaceAll('-', '');
    const trace = `Traceparent: 00-${id}-${id.slice(16)}-01\r\n`;
    for (const more of [forged, trace]) {
      await sendRaw(edge, 'public', get('/api/me', more));
      await sendRaw(edge, 'federation', get('/federation/v1/tasks', more), peer);
    }
    const ids = edge.passed.slice(before).map(({ headers }) => headers['mosaic-trace-id'] ?? '');
    expect(ids.slice(2)).toEqual([id, id]);
    expect(new Set(ids.slice(0, 2)).size).toBe(2);
    for (const one of ids.slice(0, 2)) await logged(one, 200);
  });

  it('is the same in nginx’s log and in its answer where a gateway is away', async () => {
    const other = await openFrontEdge();
    try {
      await other.stopReplica(0);
      const answer = await sendRaw(other, 'public', get('/api/me'));
      expect(problemOf(answer)).toMatchObject({ status: 503, code: 'unavailable' });
      await logged(problemOf(answer)['trace_id'], 503, 'access', other);
    } finally {
      await other.close();
    }
  });
});
