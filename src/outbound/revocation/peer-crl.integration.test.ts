import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { grantFor, startSide, type PairSide } from '../../../routes/query/pair.testkit.ts';
import type { Author } from '../../audit/audit.ts';
import { fetchPeerCrl, ownSerial } from './peer-crl.ts';
import { renewPeer } from '../renewal/peer-renewal.ts';

const author: Author = { principal: null, traceId: null };

let home: PairSide;
let work: PairSide;

beforeAll(async () => {
  [home, work] = await Promise.all([startSide('home'), startSide('work')]);
  await Promise.all([home.person('ann'), work.person('alice')]);
});
afterAll(() => Promise.all([home.close(), work.close()]));

const enrolled = async (name: string) => {
  const grant = await grantFor(work, 'alice', `home-${name}`);
  const body = { enrollment_url: grant.url, user: 'ann', name };
  const added = await home.call('/api/admin/peers', { status: 201, body });
  return { id: String(added.body['id']), grantId: grant.id };
};
const peerOf = async (id: string) => {
  const peer = await home.deps.storage.stores.peers.byId(id);
  if (peer === null) throw new Error('no such peer');
  return peer;
};
/** What the asking side makes of the serving side's list: null when it believes none of it. */
const isListed = async ({ id }: { readonly id: string }): Promise<boolean | null> => {
  const peer = await peerOf(id);
  const list = await fetchPeerCrl(home.deps, peer);
  return list.ok ? list.value.revokes(ownSerial(peer) ?? '') : null;
};
const renew = async ({ id }: { readonly id: string }): Promise<void> => {
  expect(await renewPeer(home.deps, id, { author, mustBeDue: false })).toEqual({ kind: 'renewed' });
};
const roll = async (step: string): Promise<void> => {
  await work.call('/api/admin/authority/roll', { status: 200, body: { step, force: true } });
  await work.refreshFront();
};
const revoke = ({ grantId }: { readonly grantId: string }) =>
  work.call(`/api/admin/grants/${grantId}/revoke`, { status: 200, body: {} });

describe('a peer’s revocation list while its root is replaced', () => {
  it('X-53 numbers are compared with those of the same signer only, and never go back there', async () => {
    const { peerTrust } = home.deps.storage.stores;
    const { id } = await enrolled('numbers');
    const seen: boolean[] = [];
    for (const [signer, number] of [
      ['old', 500n],
      ['old', 500n],
      ['old', 499n],
      ['new', 2n],
      ['new', 1n],
      ['new', 3n],
    ] as const)
      seen.push(await peerTrust.rememberCrl(id, signer, number));
    expect(seen).toEqual([true, true, false, true, false, true]);
  });

  it('M6-7 a list of the authority that signed our certificate is there in each phase, and tells of a revocation', async () => {
    const [first, second, third, fourth] = [
      await enrolled('one'),
      await enrolled('two'),
      await enrolled('three'),
      await enrolled('four'),
    ];
    const all = [first, second, third, fourth];
    const look = () => Promise.all(all.map(isListed));
    expect(await look()).toEqual([false, false, false, false]);
    await roll('announce');
    for (const peer of all) await renew(peer);
    expect(await look()).toEqual([false, false, false, false]);
    await revoke(first);
    expect(await look()).toEqual([true, false, false, false]);
    await roll('switch');
    // The new root issues, and nobody has renewed since: the list by the old one is what counts.
    expect(await look()).toEqual([true, false, false, false]);
    await revoke(second);
    expect(await look()).toEqual([true, true, false, false]);
    await renew(third);
    await renew(fourth);
    await revoke(third);
    expect(await look()).toEqual([true, true, true, false]);
    await roll('retire');
    // Those of the old root that did not renew find no list of their authority any more: nothing is concluded.
    expect(await look()).toEqual([null, null, true, false]);
    await revoke(fourth);
    expect(await look()).toEqual([null, null, true, true]);
    expect(home.deps.logged.filter(({ fields }) => fields['alert'] === 'peer_list_older')).toEqual([]);
  });
});
