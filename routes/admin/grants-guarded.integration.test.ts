import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type Gateway } from '../testing/gateway.testkit.ts';
import { enrolledPeer } from '../testing/peer.testkit.ts';

const tasks = { resources: ['tasks'], max_rows_per_query: 100 };
const HOUR = 3_600_000;

describe('MUTANTS grants', () => {
  let gateway: Gateway;
  let now = Date.now();
  beforeAll(async () => {
    gateway = await startGateway(() => ({ clock: { now: () => new Date(now) } }));
    await gateway.user('alice');
  });
  afterAll(() => gateway.close());

  const patch = (id: string, body: unknown) => gateway.admin(`/grants/${id}`, body, 'PATCH');
  const row = async (id: string) =>
    (await gateway.sql('select * from federation_grants where id = $1', [id]))[0] ?? {};
  const at = (offset: number): string => new Date(now + offset).toISOString();

  it('one that has expired is not changed, and not revived, though nobody has written down that it expired', async () => {
    const peer = await enrolledPeer(gateway, 'alice', tasks, { expires_at: at(HOUR) });
    expect((await patch(peer.grantId, { rate_limit_per_minute: 5 })).status).toBe(200);
    now += HOUR;
    const before = await row(peer.grantId);
    expect(before['status']).toBe('active');
    for (const change of [
      { expires_at: at(HOUR) },
      { expires_at: null },
      { scope: { ...tasks, max_rows_per_query: 1 } },
      { rate_limit_per_minute: 7 },
      { audit_strict: true },
    ]) {
      const answer = await patch(peer.grantId, change);
      expect([answer.status, answer.body.code]).toEqual([409, 'invalid_transition']);
      expect(answer.text).toContain('The grant is expired.');
    }
    expect(await row(peer.grantId)).toEqual(before);
    expect((await peer.get('/tasks')).status).not.toBe(200);
    now -= HOUR;
  });

  it('one that was revoked is not changed either, and one that is pending is', async () => {
    const { grant } = await gateway.grant('alice', tasks);
    expect((await patch(grant.id, { rate_limit_per_minute: 5 })).status).toBe(200);
    await gateway.admin(`/grants/${grant.id}/revoke`, { reason: 'test' });
    const answer = await patch(grant.id, { rate_limit_per_minute: 6 });
    expect([answer.status, answer.body.code]).toEqual([409, 'invalid_transition']);
    expect((await row(grant.id))['rate_limit_per_minute']).toBe(5);
  });

  it('an expiry is a time to come, not this very moment', async () => {
    const { grant } = await gateway.grant('alice', tasks);
    for (const expires of [at(0), at(-1)]) {
      for (const answer of [
        await patch(grant.id, { expires_at: expires }),
        await gateway.admin('/grants', { user: 'alice', peer: 'late', scope: tasks, expires_at: expires }),
      ])
        expect([answer.status, answer.body.issues.map(({ path }) => path)]).toEqual([400, ['expires_at']]);
    }
    expect((await patch(grant.id, { expires_at: at(1) })).status).toBe(200);
  });

  it('a change names what it changes, what it was made up on, and keeps the rest', async () => {
    const { grant } = await gateway.grant('alice', tasks, { rate_limit_per_minute: 9, cache_ttl_seconds: 4 });
    expect((await patch(grant.id, {})).body.issues.map(({ path }) => path)).toEqual(['$']);
    expect((await patch(grant.id, { audit_strict: true, version: 2 })).body.code).toBe('conflict');
    expect((await patch(grant.id, { audit_strict: true, version: 1 })).status).toBe(200);
    expect((await patch(grant.id, { audit_strict: false, version: 1 })).body.code).toBe('conflict');
    expect(await row(grant.id)).toMatchObject({
      version: 2,
      audit_strict: true,
      rate_limit_per_minute: 9,
      cache_ttl_seconds: 4,
    });
    expect((await patch(grant.id, { rate_limit_per_minute: null, cache_ttl_seconds: 0 })).status).toBe(200);
    expect(await row(grant.id)).toMatchObject({
      version: 3,
      rate_limit_per_minute: null,
      cache_ttl_seconds: 0,
    });
    expect((await patch(crypto.randomUUID(), { audit_strict: true })).status).toBe(404);
  });

  it('a sensitive resource takes a yes of its own, also by a change, and that leaves an entry of its own', async () => {
    const sensitive = { resources: ['credentials'], max_rows_per_query: 1 };
    const refused = await gateway.admin('/grants', { user: 'alice', peer: 'p', scope: sensitive });
    expect([refused.status, refused.body.code]).toEqual([400, 'sensitive_not_approved']);
    expect(refused.text).toContain('Sensitive: credentials.');
    const { grant } = await gateway.grant('alice', tasks);
    expect((await patch(grant.id, { scope: sensitive })).body.code).toBe('sensitive_not_approved');
    expect((await patch(grant.id, { scope: sensitive, approve_sensitive: true })).status).toBe(200);
    expect((await patch(grant.id, { rate_limit_per_minute: 3 })).status).toBe(200);
    const entries = await gateway.audited((entry) => entry.grantId === grant.id);
    expect(entries.map(({ action, status }) => `${action} ${status}`).toSorted()).toEqual([
      'grant.change 200',
      'grant.change 200',
      'grant.create 201',
      'grant.sensitive_approved 200',
    ]);
    for (const { verb, peerId, subjectUserId } of entries)
      expect([verb, peerId, subjectUserId]).toEqual(['admin', grant.peer.id, grant.subject_user_id]);
  });
});
