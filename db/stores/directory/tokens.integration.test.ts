import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ApiToken } from '../../../domain/ports/directory.ts';
import type { Peer } from '../../../domain/ports/peers.ts';
import { NEVER_ASKED } from '../../../domain/peers/peer.ts';
import type { PgliteStorage } from '../../connect/pglite.ts';
import { memoryStorage } from '../../testing/database.testkit.ts';
import { allPages, aPeer, at, aUser, T0 } from '../../testing/world.testkit.ts';

/* MUTANTS tokens: whose a token is, and whose peers come with it, where several people and peers are there to be mistaken for. */
let storage: PgliteStorage;
let ann: string;
let ben: string;
beforeAll(async () => {
  storage = await memoryStorage();
});
afterAll(() => storage.close());

let made = 0;
const aToken = async (userId: string, given: Partial<ApiToken> = {}) => {
  made += 1;
  const token: ApiToken = {
    id: crypto.randomUUID(),
    userId,
    name: `token ${made}`,
    access: 'read',
    createdAt: at(made),
    expiresAt: null,
    revokedAt: null,
    ...given,
  };
  const hash = String(made).padStart(64, '0');
  await storage.stores.tokens.insert(token, hash);
  return { token, hash };
};

const anOutbound = async (localUserId: string, name: string, given: Partial<Peer> = {}) => {
  const peer: Peer = {
    id: crypto.randomUUID(),
    direction: 'outbound',
    name,
    state: 'active',
    createdAt: T0,
    localUserId,
    federationUrl: `https://${name}.example`,
    caPem: null,
    caFingerprint: null,
    clientCertPem: null,
    clientKeyPemSealed: null,
    remoteGrantId: crypto.randomUUID(),
    remoteSubjectUserId: null,
    certificateNotAfter: null,
    lastSuccessAt: null,
    lastFailureAt: null,
    lastFailureCode: null,
    ...NEVER_ASKED,
    ...given,
  };
  await storage.stores.peers.insert(peer);
  return peer;
};

beforeEach(async () => {
  ann = await aUser(storage, false, 'ann');
  ben = await aUser(storage, true, 'ben');
});

const NOW = at(1_000_000);
const principal = (hash: string, now = NOW) => storage.stores.tokens.principal(hash, now);
const asker = (hash: string, now = NOW) => storage.stores.tokens.asker(hash, now);

describe('MUTANTS tokens who holds a token', () => {
  it('is the person it was made for, an administrator or not, with its access', async () => {
    const [hers, his] = [await aToken(ann), await aToken(ben, { access: 'write' })];
    for (const [{ hash }, expected] of [
      [hers, { userId: ann, isAdmin: false, access: 'read' }],
      [his, { userId: ben, isAdmin: true, access: 'write' }],
    ] as const) {
      expect(await principal(hash)).toEqual(expected);
      expect((await asker(hash))?.principal).toEqual(expected);
    }
  });

  it('is nobody with another text, after it was revoked, and from the moment at which it expires', async () => {
    const ends = await aToken(ann, { expiresAt: at(500) });
    const revoked = await aToken(ann, { revokedAt: at(1) });
    for (const find of [principal, asker]) {
      expect(await find('f'.repeat(64))).toBeNull();
      expect(await find(revoked.hash)).toBeNull();
      expect(await find(ends.hash, new Date(at(500).getTime() - 1))).not.toBeNull();
      expect(await find(ends.hash, at(500))).toBeNull();
    }
  });

  it('may ask their own peers and nobody else’s, as they are now', async () => {
    const { hash } = await aToken(ann);
    await aPeer(storage);
    const other = await anOutbound(ben, 'work');
    expect((await asker(hash))?.peers).toEqual([]);
    const [work, home] = [
      await anOutbound(ann, 'work'),
      await anOutbound(ann, 'home', { state: 'suspended', federationUrl: null, remoteGrantId: null }),
    ];
    await storage.stores.peers.raiseCacheEpoch(work.id);
    await storage.stores.peers.recordGrantVersion(work.id, 7);
    const shown = ({ id, name, state, federationUrl, remoteGrantId }: Peer) => ({
      id,
      name,
      state,
      localUserId: ann,
      federationUrl,
      remoteGrantId,
      cacheEpoch: 0,
      remoteGrantVersion: null,
      outages: 0,
    });
    const peers = (await asker(hash))?.peers ?? [];
    expect(peers).toHaveLength(2);
    expect(peers).toEqual(
      expect.arrayContaining([{ ...shown(work), cacheEpoch: 1, remoteGrantVersion: 7 }, shown(home)]),
    );
    expect(peers.map(({ id }) => id)).not.toContain(other.id);
  });
});

describe('MUTANTS tokens the list and the end of tokens', () => {
  it('pages through all of one person, or of everybody, newest first and without a hash', async () => {
    const hers: ApiToken[] = [];
    for (let n = 0; n < 5; n += 1) hers.unshift((await aToken(ann)).token);
    const [late, early] = ['f', '0'].map((first) => `${first}0000000-0000-4000-8000-${ann.slice(-12)}`);
    // Of one moment, the id decides.
    const [first, last] = [
      (await aToken(ann, { id: late ?? '', createdAt: T0 })).token,
      (await aToken(ann, { id: early ?? '', createdAt: T0 })).token,
    ];
    const his = (await aToken(ben)).token;
    const { tokens } = storage.stores;
    for (const limit of [1, 2, 7, 50])
      expect(await allPages((page) => tokens.list(page, ann), limit)).toEqual([...hers, first, last]);
    const page = await tokens.list({ limit: 2, after: null }, ann);
    expect([page.items.length, page.next?.id]).toEqual([2, hers[1]?.id]);
    expect((await tokens.list({ limit: 7, after: null }, ann)).next).toBeNull();
    const all = await allPages((asked) => tokens.list(asked), 3);
    expect(all.map(({ id }) => id)).toEqual(expect.arrayContaining([his.id, first.id]));
    expect(all[0]).toEqual(his);
  });

  it('one is revoked once, at its time, and no other with it', async () => {
    const [gone, stays] = [await aToken(ann), await aToken(ann)];
    const { tokens } = storage.stores;
    expect(await tokens.revoke(crypto.randomUUID(), at(1))).toBe(false);
    expect(await tokens.revoke(gone.token.id, at(2))).toBe(true);
    expect(await tokens.revoke(gone.token.id, at(3))).toBe(false);
    expect(await tokens.list({ limit: 2, after: null }, ann)).toMatchObject({
      items: [
        { id: stays.token.id, revokedAt: null },
        { id: gone.token.id, revokedAt: at(2) },
      ],
    });
    expect(await principal(stays.hash)).not.toBeNull();
    expect(await principal(gone.hash)).toBeNull();
  });
});
