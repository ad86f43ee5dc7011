import { afterAll, beforeAll, expect, it } from 'vitest';
import { federationStatusAnswer } from '../../src/cli/client/answers.ts';
import { makeTestApi } from '../testing/api.testkit.ts';

let api: Awaited<ReturnType<typeof makeTestApi>>;
beforeAll(async () => {
  api = await makeTestApi();
}, 60_000);
afterAll(() => api.deps.close());

const status = async () =>
  (await api.must(200, '/api/admin/federation/status', { token: api.admin.token })).body;

const peer = (name: string, state: string, days: number): Promise<unknown> =>
  api.deps.sql(
    `insert into federation_peers (id, direction, name, state, created_at, local_user_id, federation_url, certificate_not_after)
     values (gen_random_uuid(), 'outbound', $1, $2::peer_state, now(), $3, 'https://work.example', now() + $4 * interval '1 day')`,
    [name, state, api.admin.id, days],
  );

it('M5-8 tells of every peer that is asked, and the worst of it all', async () => {
  expect(await status()).toMatchObject({ status: 'green', gateway: 'work', peers: [], more_peers: false });
  await peer('fine', 'active', 20);
  await peer('waiting', 'pending', -5);
  expect(await status()).toMatchObject({ status: 'green', findings: [] });
  await peer('gone', 'revoked', -5);
  expect(await status()).toMatchObject({
    status: 'yellow',
    findings: [{ code: 'peer_revoked', peer: 'gone', cure: expect.stringContaining('Enroll') as string }],
  });
  await peer('troubled', 'degraded', 20);
  expect(await status()).toMatchObject({ status: 'yellow' });
  await peer('over', 'active', -1);
  const body = await status();
  expect(body).toMatchObject({
    status: 'red',
    cache: { hits: 0, misses: 0, hit_rate: null },
    audit: { dropped: 0 },
    alerts: { raised: {}, last: {}, lost: 0 },
    services: { kv: 'ok', ca: 'ok' },
    revocation: { status: 'current' },
    front: null,
  });
  const lights = (body['peers'] as { name: string; status: string }[]).map((one) => [one.name, one.status]);
  expect(Object.fromEntries(lights)).toEqual({
    fine: 'green',
    waiting: 'green',
    gone: 'yellow',
    troubled: 'yellow',
    over: 'red',
  });
  expect(federationStatusAnswer.safeParse(body).success).toBe(true);
});

it('M5-8 counts what the audit took and did not take', async () => {
  const { audit } = (await status()) as { audit: Record<string, number> };
  expect(audit['accepted']).toBe((audit['written'] ?? 0) + (audit['dropped'] ?? 0) + (audit['waiting'] ?? 0));
});

it('F-52 `/ready` tells the same, without the names of peers', async () => {
  const { body } = await api.must(200, '/ready', {});
  const { findings } = (await status()) as { findings: { code: string; peer: string | null }[] };
  expect(body).toMatchObject({ status: 'ready', health: 'red' });
  const told = (body['findings'] as { code: string }[]).map(({ code }) => code);
  expect(told.toSorted()).toEqual([...new Set(findings.map(({ code }) => code))].toSorted());
  expect(JSON.stringify(body)).not.toMatch(/troubled|gone|over"/);
});
