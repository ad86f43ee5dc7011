import { describe, expect, it } from 'vitest';
import { createClient, ProblemError } from './client.ts';

interface Sent {
  readonly url: string;
  readonly init: RequestInit;
}

const answering = (...answers: readonly (readonly [status: number, body: unknown])[]) => {
  const sent: Sent[] = [];
  const left = [...answers];
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    sent.push({ url, init });
    const [status, body] = left.shift() ?? [500, ''];
    return new Response(typeof body === 'string' ? body : JSON.stringify(body), { status });
  };
  return { sent, client: createClient({ url: 'https://api.test/', token: 'mos_token', fetch }) };
};

describe('F-79 the client of the package', () => {
  it('asks as the person of its token, and follows no redirect', async () => {
    const { sent, client } = answering([200, { id: '1' }]);
    expect(await client.post('/api/resources/tasks', { title: 'a' })).toEqual({ id: '1' });
    expect(sent[0]).toMatchObject({
      url: 'https://api.test/api/resources/tasks',
      init: { method: 'POST', redirect: 'manual', body: '{"title":"a"}' },
    });
    expect(new Headers(sent[0]?.init.headers).get('authorization')).toBe('Bearer mos_token');
  });

  it('reads a list page after page', async () => {
    const { sent, client } = answering(
      [200, { items: [1, 2], next_cursor: 'a b' }],
      [200, { items: [3], next_cursor: null }],
    );
    const seen: number[] = [];
    for await (const item of client.list<number>('/api/resources/tasks', { limit: 2 })) seen.push(item);
    expect(seen).toEqual([1, 2, 3]);
    expect(sent.map(({ url }) => url.slice(url.indexOf('?')))).toEqual(['?limit=2', '?limit=2&cursor=a+b']);
  });

  it('throws the problem of a gateway, and says where none answered', async () => {
    const { client } = answering(
      [403, { code: 'forbidden', title: 'This is not allowed.' }],
      [502, '<html>'],
    );
    await expect(client.get('/api/admin/users')).rejects.toMatchObject({
      status: 403,
      message: 'This is not allowed.',
      problem: { code: 'forbidden' },
    });
    const broken = await client.delete('/api/admin/users/1').catch((error: unknown) => error);
    expect(broken).toBeInstanceOf(ProblemError);
    expect(broken).toMatchObject({ status: 502, problem: null });
  });
});
