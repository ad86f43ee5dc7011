import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PgliteStorage } from '../../connect/pglite.ts';
import { memoryStorage, queryAs } from '../../testing/database.testkit.ts';
import {
  aPeer,
  aUser,
  allPages as all,
  anActiveGrant,
  at,
  FAR,
  pendingGrant,
  scopeOf,
  T0,
} from '../../testing/world.testkit.ts';

let storage: PgliteStorage;
beforeAll(async () => {
  storage = await memoryStorage();
}, 60_000);
afterAll(() => storage.close());

const root = (text: string, params: unknown[] = []) => queryAs(storage.client, 'postgres', text, params);

describe('grants and peers', () => {
  it('M2-1 writes a pending row with its scope', async () => {
    const subject = await aUser(storage);
    const scope = scopeOf({
      resources: ['tasks', 'notes'],
      filters: { notes: { include_teams: [crypto.randomUUID()], include_personal: false } },
    });
    const grant = pendingGrant(await aPeer(storage), subject, scope);
    await storage.stores.grants.insert({ grant, auditKeySealed: 'sealed' });
    expect(await storage.stores.grants.byId(grant.id)).toEqual({ grant, auditKeySealed: 'sealed' });
    expect(
      await root('select status, version, scope from federation_grants where id = $1', [grant.id]),
    ).toEqual([{ status: 'pending', version: 1, scope }]);
  });

  it('changes only at the version it was read, and only what may change', async () => {
    const { grants } = storage.stores;
    const { grant } = await anActiveGrant(storage, await aUser(storage));
    expect(grant).toMatchObject({ status: 'active', version: 2, activatedAt: T0 });
    const patched = await Promise.all(
      [1, 2, 3].map((rate) => grants.patch(grant.id, 2, { rateLimitPerMinute: rate })),
    );
    expect(patched.filter((one) => one !== null)).toHaveLength(1);
    expect(await grants.activate(grant.id, T0)).toBeNull();
    expect(
      await grants.patch(grant.id, 3, { expiresAt: FAR, scope: scopeOf({ resources: ['memory'] }) }),
    ).toMatchObject({ version: 4, expiresAt: FAR, scope: { resources: ['memory'] } });
    const revoked = await Promise.all([1, 2].map(() => grants.revoke(grant.id, 'enough', at(5))));
    expect(revoked.filter((one) => one !== null)).toEqual([
      expect.objectContaining({ status: 'revoked', version: 5, revokedAt: at(5), revokedReason: 'enough' }),
    ]);
    expect(await grants.patch(grant.id, 5, { rateLimitPerMinute: 1 })).toBeNull();
  });

  it('reads a scope that was edited by hand without granting more', async () => {
    const { grant } = await anActiveGrant(storage, await aUser(storage));
    await root(
      `update federation_grants set scope = '{"resources":["tasks"],"excluded_resources":"oops","max_rows_per_query":5}' where id = $1`,
      [grant.id],
    );
    expect((await storage.stores.grants.byId(grant.id))?.grant.scope.resources).toEqual([]);
  });

  it('lists by filter, revokes by peer, refuses unknown parties', async () => {
    const { grants, peers } = storage.stores;
    const subject = await aUser(storage);
    const made = [await anActiveGrant(storage, subject), await anActiveGrant(storage, subject)];
    const peerId = made[0]?.grant.peerId ?? '';
    expect(await all((page) => grants.list(page, { subjectUserId: subject }), 1)).toHaveLength(2);
    expect(await all((page) => grants.list(page, { peerId, status: 'active' }), 5)).toHaveLength(1);
    expect(await grants.revokeByPeer(peerId, 'peer deleted', T0)).toEqual([made[0]?.grant.id]);
    expect(await grants.revokeByPeer(peerId, 'peer deleted', T0)).toEqual([]);
    expect(await peers.delete(peerId)).toBe(true);
    expect((await grants.byId(made[0]?.grant.id ?? ''))?.grant.peerId).toBe(peerId);
    for (const [peer, user] of [
      [peerId, subject],
      [await aPeer(storage), crypto.randomUUID()],
    ] as const) {
      await expect(
        grants.insert({ grant: pendingGrant(peer, user, scopeOf()), auditKeySealed: 'x' }),
      ).rejects.toMatchObject({ code: 'conflict' });
    }
  });

  it('keeps an outbound peer per user, its state by who was first', async () => {
    const { peers } = storage.stores;
    const localUserId = await aUser(storage);
    const [template] = (await peers.list({ limit: 1, after: null }, {})).items;
    if (template === undefined) throw new Error('no peer');
    const work = {
      ...template,
      id: crypto.randomUUID(),
      direction: 'outbound' as const,
      name: 'work',
      localUserId,
      federationUrl: 'https://b:1',
      caPem: 'ca',
      clientKeyPemSealed: 'seal1.x',
      remoteGrantId: crypto.randomUUID(),
      certificateNotAfter: FAR,
    };
    await peers.insert(work);
    expect(await peers.ofUser(localUserId)).toEqual([work]);
    await expect(peers.insert({ ...work, id: crypto.randomUUID() })).rejects.toMatchObject({
      code: 'conflict',
      detail: 'The name is taken.',
    });
    await peers.insert({ ...work, id: crypto.randomUUID(), localUserId: await aUser(storage) });
    expect(await peers.inboundByName('work')).toBeNull();
    expect(await peers.inboundByName(template.name)).toEqual(template);
    expect(
      await Promise.all([
        peers.setState(work.id, 'active', 'degraded'),
        peers.setState(work.id, 'active', 'suspended'),
      ]),
    ).toEqual([true, false]);
    await peers.recordSuccess(work.id, at(1), false);
    await peers.recordFailure(work.id, at(2), 'peer_timeout');
    expect(await peers.byId(work.id)).toEqual({
      ...work,
      state: 'degraded',
      lastSuccessAt: at(1),
      lastFailureAt: at(2),
      lastFailureCode: 'peer_timeout',
      cacheEpoch: 1,
    });
    expect(await all((page) => peers.list(page, { direction: 'outbound', localUserId }), 1)).toHaveLength(1);
  });
});
