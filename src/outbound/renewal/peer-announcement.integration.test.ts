import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEmbeddedAuthority } from '../../../ca/embedded/authority.ts';
import { embeddedDeps } from '../../../ca/testing/embedded.testkit.ts';
import type { RootGenerations } from '../../../domain/ports/authority.ts';
import { grantFor, startSide, type PairSide } from '../../../routes/query/pair.testkit.ts';
import type { Deps } from '../../app/deps.ts';
import { renewPeer } from './peer-renewal.ts';

const now = { author: { principal: null, traceId: null }, mustBeDue: false };

let home: PairSide;
let work: PairSide;
let peerId: string;

beforeAll(async () => {
  [home, work] = await Promise.all([startSide('home'), startSide('work')]);
  await Promise.all([home.person('ann'), work.person('alice')]);
  const { url } = await grantFor(work, 'alice', 'home');
  const body = { enrollment_url: url, user: 'ann', name: 'work' };
  peerId = String((await home.call('/api/admin/peers', { status: 201, body })).body['id']);
}, 120_000);
afterAll(() => Promise.all([home.close(), work.close()]));

const peerOf = async (id: string) => {
  const peer = await home.deps.storage.stores.peers.byId(id);
  if (peer === null) throw new Error('no such peer');
  return peer;
};

/** A gateway that hears this in place of what the serving side answers to a renewal. */
const answering = (change: (body: Record<string, unknown>) => Record<string, unknown>): Deps => ({
  ...home.deps,
  transport: {
    ...home.deps.transport,
    connect: (credentials) => {
      const client = home.deps.transport.connect(credentials);
      return {
        ...client,
        fetch: async (url, init) => {
          const answer = await client.fetch(url, init);
          if (!url.endsWith('/renew')) return answer;
          return Response.json(change((await answer.json()) as Record<string, unknown>), { status: 201 });
        },
      };
    },
  },
});

/** A rollover of its own: what it does leaves no trace in the database but the root that it made. */
const fixedRoots = () => {
  const start = { oldest: 1, issuing: 1, newest: 1, announcedAt: null, switchedAt: null };
  const state: { roots: RootGenerations } = { roots: start };
  return {
    roots: () => Promise.resolve(state.roots),
    changeRoots: (_from: RootGenerations, to: RootGenerations) => {
      state.roots = to;
      return Promise.resolve(true);
    },
  };
};

describe('a new root that a serving side names', () => {
  it.each([
    ['a root whose cross-certificate another root signed', 'stranger'],
    ['a root in whose place the old one announced another key', 'another key'],
    ['a root that nothing announces', 'nothing'],
  ])('X-66 a renewal that names %s is not believed: nothing is swapped', async (_what, kind) => {
    const before = await peerOf(peerId);
    // Authorities of their own, each with a next root that it announced: as good as ours in all but the old key.
    const rolled = async (commonName: string) => {
      const authority = await createEmbeddedAuthority({ ...(await embeddedDeps()), commonName });
      await authority.roll('announce');
      return authority.trust();
    };
    const stranger = await rolled(kind === 'stranger' ? 'Mosaic work' : 'Mosaic other');
    const root = stranger.rootsPem.slice(stranger.rootsPem.lastIndexOf('-----BEGIN'));
    const links = {
      stranger: () => Promise.resolve(stranger.linksPem),
      // Signed by the pinned root indeed, over its own next one.
      'another key': async () => {
        const again = await createEmbeddedAuthority({
          store: { ...work.deps.storage.stores.embeddedCa, ...fixedRoots() },
          secrets: work.deps.storage.stores.secrets,
          sealer: work.deps.sealer,
          clock: work.deps.clock,
          random: work.deps.random,
          crlLifetimeSeconds: 3_600,
          commonName: 'Mosaic other',
        });
        await again.roll('announce');
        return (await again.trust()).linksPem;
      },
      nothing: () => Promise.resolve(''),
    } as const;
    const link = await links[kind as keyof typeof links]();
    const lying = answering((body) => ({ ...body, ca: `${String(body['ca'])}${root}`, ca_links: link }));
    expect(await renewPeer(lying, peerId, now)).toMatchObject({
      kind: 'failed',
      error: { code: 'peer_protocol' },
    });
    const { clientCertPem, clientKeyPemSealed, caPem } = before;
    expect(await peerOf(peerId)).toMatchObject({ clientCertPem, clientKeyPemSealed, caPem });
    // What was held goes on as it was.
    expect(await renewPeer(home.deps, peerId, now)).toEqual({ kind: 'renewed' });
  });
});
