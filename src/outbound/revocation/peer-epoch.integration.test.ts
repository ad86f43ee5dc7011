import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NEVER_ASKED } from '../../../domain/peers/peer.ts';
import { makeTestDeps, type TestDeps } from '../../app/deps.testkit.ts';
import { learnRevoked } from './peer-epoch.ts';

let deps: TestDeps;
let userId: string;

beforeAll(async () => {
  deps = await makeTestDeps();
  userId = crypto.randomUUID();
  await deps.storage.stores.users.insert({ id: userId, name: 'ann', isAdmin: false, createdAt: new Date() });
});
afterAll(() => deps.close());

const addPeer = async (): Promise<string> => {
  const id = crypto.randomUUID();
  await deps.storage.stores.peers.insert({
    ...NEVER_ASKED,
    id,
    direction: 'outbound',
    name: `p-${id}`,
    state: 'active',
    createdAt: new Date(),
    localUserId: userId,
    federationUrl: 'https://peer.example',
    caPem: 'ca',
    caFingerprint: null,
    clientCertPem: 'certificate',
    clientKeyPemSealed: 'key',
    remoteGrantId: crypto.randomUUID(),
    remoteSubjectUserId: null,
    certificateNotAfter: null,
    lastSuccessAt: null,
    lastFailureAt: null,
    lastFailureCode: null,
  });
  return id;
};
const epochOf = async (id: string): Promise<number | undefined> =>
  (await deps.storage.stores.peers.byId(id))?.cacheEpoch;

describe('the cache epoch of a peer', () => {
  it.each([
    [`state = 'degraded'`],
    [`client_cert_pem = 'another'`],
    [`ca_pem = 'another'`],
    [`federation_url = 'https://elsewhere.example'`],
    [`remote_grant_id = gen_random_uuid()`],
  ])('M5-3 rises with %s, whoever changes it', async (change) => {
    const id = await addPeer();
    await deps.sql(`update federation_peers set ${change} where id = $1`, [id]);
    expect(await epochOf(id)).toBe(1);
  });

  it('stays with what says nothing about rows', async () => {
    const id = await addPeer();
    const { peers } = deps.storage.stores;
    await peers.recordSuccess(id, new Date(), false);
    await peers.recordFailure(id, new Date(), 'peer_timeout');
    await peers.recordGrantVersion(id, 1);
    await peers.recordGrantVersion(id, 1);
    expect(await epochOf(id)).toBe(0);
    expect((await peers.byId(id))?.remoteGrantVersion).toBe(1);
  });

  it('rises with another version of the grant, and on demand, once for each of many at once', async () => {
    const id = await addPeer();
    const { peers } = deps.storage.stores;
    await peers.recordGrantVersion(id, 1);
    await peers.recordGrantVersion(id, 2);
    await peers.recordGrantVersion(id, 2);
    expect(await epochOf(id)).toBe(1);
    const raised = await Promise.all(Array.from({ length: 20 }, () => peers.raiseCacheEpoch(id)));
    expect(new Set(raised).size).toBe(20);
    expect(await epochOf(id)).toBe(21);
    expect(await peers.raiseCacheEpoch(crypto.randomUUID())).toBeNull();
  });

  it('learnRevoked counts before the database knows, and is written once however often it is learned', async () => {
    const id = await addPeer();
    const { epochs } = deps.outbound;
    const mark = epochs.mark({ id, cacheEpoch: 0, remoteGrantVersion: null });
    const learning = Array.from({ length: 5 }, () => learnRevoked(deps, { id }));
    expect([epochs.isRevoked(id), epochs.isCurrent(mark)]).toEqual([true, false]);
    expect((await Promise.all(learning)).filter(Boolean)).toHaveLength(1);
    expect(await deps.storage.stores.peers.byId(id)).toMatchObject({ state: 'revoked', cacheEpoch: 1 });
    expect(await learnRevoked(deps, { id })).toBe(false);
  });
});
