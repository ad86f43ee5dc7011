import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PgliteStorage } from '../../connect/pglite.ts';
import { memoryStorage } from '../../testing/database.testkit.ts';
import { aPeer, aTeam, aUser, allPages as all, at, T0 } from '../../testing/world.testkit.ts';

let storage: PgliteStorage;
beforeAll(async () => {
  storage = await memoryStorage();
}, 60_000);
afterAll(() => storage.close());

const asAdmin = { asAdmin: true };

describe('users, teams and tokens', () => {
  it('has one winner for the first user', async () => {
    const candidates = Array.from({ length: 20 }, (_, index) => ({
      id: crypto.randomUUID(),
      name: `first-${index}`,
      isAdmin: true,
      createdAt: T0,
    }));
    const won = await Promise.all(
      candidates.map((user) => storage.transaction(({ users }) => users.insertFirst(user), asAdmin)),
    );
    expect(won.filter(Boolean)).toHaveLength(1);
    expect(
      await storage.stores.users.insertFirst({
        id: crypto.randomUUID(),
        name: 'late',
        isAdmin: true,
        createdAt: T0,
      }),
    ).toBe(false);
  });

  it('finds, pages newest first, refuses a taken name', async () => {
    const ids = [];
    for (let index = 0; index < 7; index += 1) ids.push(await aUser(storage));
    const users = await all((page) => storage.stores.users.list(page), 3);
    expect(users.slice(0, 7).map(({ id }) => id)).toEqual(ids.toReversed());
    const [first] = users;
    if (first === undefined) throw new Error('no users');
    expect(await storage.stores.users.byId(first.id)).toEqual(first);
    expect(await storage.stores.users.byName(first.name)).toEqual(first);
    expect(await storage.stores.users.byId(crypto.randomUUID())).toBeNull();
    const taken = storage.stores.users.insert({ ...first, id: crypto.randomUUID() });
    await expect(taken).rejects.toMatchObject({ code: 'conflict', detail: 'The name is taken.' });
  });

  it('manages memberships as the administrating role; the answering role sees none', async () => {
    const [one, two] = [await aUser(storage), await aUser(storage)];
    const team = await aTeam(storage, one);
    expect(await storage.stores.teams.members(team)).toEqual([]);
    await storage.transaction(async ({ teams }) => {
      await teams.putMember({ teamId: team, userId: two, role: 'member', createdAt: at(1) });
      await teams.putMember({ teamId: team, userId: two, role: 'admin', createdAt: at(9) });
      expect(await teams.members(team)).toEqual([
        { teamId: team, userId: one, role: 'member', createdAt: T0 },
        { teamId: team, userId: two, role: 'admin', createdAt: at(1) },
      ]);
      expect(await teams.membershipsOf(two)).toHaveLength(1);
      expect(await teams.removeMember(team, one)).toBe(true);
      expect(await teams.removeMember(team, one)).toBe(false);
    }, asAdmin);
    const unknown = storage.transaction(
      ({ teams }) =>
        teams.putMember({ teamId: team, userId: crypto.randomUUID(), role: 'member', createdAt: T0 }),
      asAdmin,
    );
    await expect(unknown).rejects.toMatchObject({ code: 'conflict' });
    expect(await storage.transaction(({ teams }) => teams.delete(team), asAdmin)).toBe(true);
    expect(await storage.stores.teams.byId(team)).toBeNull();
  });

  it('X-80 knows who a token stands for, by its hash alone', async () => {
    const userId = await aUser(storage, true);
    const { tokens } = storage.stores;
    const token = {
      id: crypto.randomUUID(),
      userId,
      name: 'laptop',
      access: 'read' as const,
      createdAt: T0,
      expiresAt: at(60),
      revokedAt: null,
    };
    await tokens.insert(token, 'a'.repeat(64));
    expect(await tokens.principal('a'.repeat(64), T0)).toEqual({ userId, isAdmin: true, access: 'read' });
    expect(await tokens.principal('a'.repeat(64), at(60))).toBeNull();
    expect(await tokens.principal('b'.repeat(64), T0)).toBeNull();
    expect(await all((page) => tokens.list(page, userId), 1)).toEqual([token]);
    expect(await tokens.revoke(token.id, at(1))).toBe(true);
    expect(await tokens.revoke(token.id, at(1))).toBe(false);
    expect(await tokens.principal('a'.repeat(64), T0)).toBeNull();
  });

  it('M5-3 knows with the token whose peers may be asked, and what the database says of them at this moment', async () => {
    const { tokens, peers, peerTrust } = storage.stores;
    const [ann, ben] = [await aUser(storage), await aUser(storage, true)];
    const [annsToken, bensToken] = ['c'.repeat(64), 'd'.repeat(64)];
    for (const [userId, hash] of [
      [ann, annsToken],
      [ben, bensToken],
    ] as const) {
      const id = crypto.randomUUID();
      const token = { id, userId, name: 'laptop', access: 'read' as const, createdAt: T0 };
      await tokens.insert({ ...token, expiresAt: at(60), revokedAt: null }, hash);
    }
    const nobody = { userId: ben, isAdmin: true, access: 'read' };
    expect(await tokens.asker(bensToken, T0)).toEqual({ principal: nobody, peers: [] });
    const inbound = await peers.byId(await aPeer(storage));
    if (inbound === null) throw new Error('no peer');
    const asked = {
      id: crypto.randomUUID(),
      name: 'work',
      state: 'active' as const,
      localUserId: ann,
      federationUrl: 'https://b:1',
      remoteGrantId: crypto.randomUUID(),
      cacheEpoch: 0,
      remoteGrantVersion: null,
      outages: 0,
    };
    const work = { ...inbound, ...asked, direction: 'outbound' as const, clientKeyPemSealed: 'sealed' };
    await peers.insert(work);
    const other = { ...asked, id: crypto.randomUUID(), name: 'another', remoteGrantId: crypto.randomUUID() };
    await peers.insert({ ...work, ...other });
    await peers.insert({ ...work, id: crypto.randomUUID(), localUserId: await aUser(storage) });
    const found = async () => {
      const asker = await tokens.asker(annsToken, T0);
      return asker?.peers.toSorted((a, b) => (a.name < b.name ? 1 : -1));
    };
    // Nothing of certificates or keys among it.
    expect(await found()).toEqual([asked, other]);
    await peers.raiseCacheEpoch(work.id);
    await peers.recordGrantVersion(work.id, 7);
    const raised = { ...asked, cacheEpoch: 1, remoteGrantVersion: 7 };
    expect(await found()).toEqual([raised, other]);
    await peerTrust.markRevoked(work.id);
    expect(await found()).toEqual([{ ...raised, state: 'revoked', cacheEpoch: 2 }, other]);
    expect(await tokens.asker(bensToken, T0)).toEqual({ principal: nobody, peers: [] });
    expect(await tokens.asker(annsToken, at(60))).toBeNull();
    expect(await tokens.asker('e'.repeat(64), T0)).toBeNull();
  });
});

describe('transactions', () => {
  it('roll back whole and rethrow what the work threw', async () => {
    const id = crypto.randomUUID();
    const thrown = new Error('mine');
    const work = storage.transaction(async ({ teams }) => {
      await teams.insert({ id, name: 'never', createdAt: T0 });
      throw thrown;
    }, asAdmin);
    await expect(work).rejects.toBe(thrown);
    expect(await storage.stores.teams.byId(id)).toBeNull();
  });

  it('fail when the work swallowed a broken statement', async () => {
    const taken = (await storage.stores.users.list({ limit: 1, after: null })).items[0];
    if (taken === undefined) throw new Error('no user');
    const work = storage.transaction(async ({ users }) => {
      await users.insert({ ...taken, id: crypto.randomUUID() }).catch(() => undefined);
    });
    await expect(work).rejects.toMatchObject({ code: 'internal' });
  });

  it('give back the answering role', async () => {
    await storage.transaction(() => Promise.resolve(), asAdmin);
    expect((await storage.client.query('select current_user::text as name')).rows).toEqual([
      { name: 'mosaic_app' },
    ]);
  });
});
