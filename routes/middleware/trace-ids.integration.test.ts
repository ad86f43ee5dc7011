import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MosaicError } from '../../domain/errors.ts';
import { makeTestApi, type Answer, type TestApi } from '../testing/api.testkit.ts';
import { createRequestLog, TRACE_ID_HEADER } from './request-log.ts';
import { startGateway, type Gateway } from '../testing/gateway.testkit.ts';
import { enrolledPeer, type EnrolledPeer } from '../testing/peer.testkit.ts';

const ID = /^[0-9a-f]{32}$/;
const SENT = '4bf92f3577b34da6a3ce929d0e0e4736';
const traceparent = `00-${SENT}-00f067aa0ba902b7-01`;

describe('F-54 the id of every answer of the public listener is in the log', () => {
  let api: TestApi;
  let reader: { token: string };
  beforeAll(async () => {
    api = await makeTestApi();
    reader = await api.person('reader', 'read');
  });
  afterAll(() => api.deps.close());

  const idOf = ({ body, headers }: Answer): unknown => body['trace_id'] ?? headers.get(TRACE_ID_HEADER);
  const lines = (id: unknown): number =>
    api.deps.logged.filter(({ fields }) => fields['trace_id'] === id).length;

  it.each<[number, string, Parameters<TestApi['call']>[1]]>([
    [200, '/api/query/tasks', {}],
    [200, '/api/query/tasks?source=all', { headers: { traceparent } }],
    [200, '/api/query/search?q=x', {}],
    [200, '/api/resources/tasks', {}],
    [200, '/api/me', {}],
    [201, '/api/resources/tasks', { body: { title: 'x' } }],
    [400, '/api/query/tasks?cursor=x', {}],
    [400, '/api/resources/tasks', { body: { title: 7 } }],
    [401, '/api/query/tasks', { token: 'mos_wrong' }],
    [401, '/api/me', { token: '' }],
    [403, '/api/admin/users', { token: 'reader' }],
    [404, '/api/nowhere', {}],
    [404, '/api/resources/tasks/6f1c2f0e-3a53-4c57-8f0a-0f5f2f6d4b21', {}],
    [405, '/api/me', { method: 'DELETE' }],
    [413, '/api/resources/tasks', { body: { title: 'x'.repeat(2_000_000) } }],
    [414, `/api/me?${'x'.repeat(9_000)}`, {}],
  ])('%i %s', async (status, path, call) => {
    const token = call?.token === 'reader' ? reader.token : (call?.token ?? api.admin.token);
    const answer = await api.call(path, { ...call, token });
    expect([answer.status, answer.text.slice(0, 200)]).toEqual([status, expect.any(String)]);
    const id = idOf(answer);
    expect(id).toMatch(ID);
    if (call?.headers !== undefined) expect(id).toBe(SENT);
    expect(lines(id)).toBeGreaterThan(0);
  });

  it('a flood of refusals costs few lines, and each of its answers has an id of one of them', async () => {
    const before = api.deps.logged.length;
    const ids = new Set<unknown>();
    for (let count = 0; count < 1_000; count += 1) ids.add(idOf(await api.call('/api/nowhere')));
    expect(api.deps.logged.length - before).toBeLessThan(400);
    for (const id of ids) expect(lines(id)).toBe(1);
    // Whoever is signed in is logged as before.
    const answer = await api.call('/api/me', { token: api.admin.token });
    expect(answer.headers.get(TRACE_ID_HEADER)).toMatch(ID);
    expect(ids).not.toContain(answer.headers.get(TRACE_ID_HEADER));
  });

  it('a line that stands for many says how many it was, with the next one', () => {
    const told: Record<string, unknown>[] = [];
    const note = (_message: string, fields?: object): void => void told.push({ ...fields });
    const log = { debug: note, info: note, warn: note, error: note };
    let [now, made] = [0, 0];
    const requests = createRequestLog({
      log,
      surface: 'public',
      newTraceId: () => `w${(made += 1)}`,
      now: () => now,
    });
    const error = new MosaicError('not_found');
    const refuse = (count: number): string[] =>
      Array.from({ length: count }, (_, at) => requests.refused(error, `t${at}`));
    expect(refuse(205).slice(198)).toEqual(['t198', 't199', 'w1', 'w1', 'w1', 'w1', 'w1']);
    now = 61_000;
    expect(refuse(201).at(-1)).toBe('w2');
    expect(told.at(-1)).toMatchObject({ trace_id: 'w2', code: 'not_found', answers_of_the_line_before: 5 });
  });
});

describe('F-54 the id of every refusal of the federation listener is in the log', () => {
  let gateway: Gateway;
  let peer: EnrolledPeer;
  beforeAll(async () => {
    gateway = await startGateway();
    await gateway.user('alice');
    peer = await enrolledPeer(gateway, 'alice', { resources: ['tasks'], max_rows_per_query: 9 });
  });
  afterAll(() => gateway.close());

  it('400, 401, 403 and 404', async () => {
    const answers = [
      await peer.get('/tasks?limit=x'),
      await gateway.ask(null, '/federation/v1/tasks'),
      await peer.get('/notes'),
      await peer.get('/nowhere'),
    ];
    await gateway.admin(`/grants/${peer.grantId}/revoke`, {});
    answers.push(await peer.get('/tasks'));
    expect(answers.map(({ status }) => status)).toEqual([400, 401, 403, 404, 403]);
    for (const { body } of answers) {
      expect(body.trace_id).toMatch(ID);
      expect(gateway.lines.filter((line) => line.includes(body.trace_id))).toHaveLength(1);
      expect(await gateway.audited(({ traceId }) => traceId === body.trace_id)).toHaveLength(1);
    }
  });
});
