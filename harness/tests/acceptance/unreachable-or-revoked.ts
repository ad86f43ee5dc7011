import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBrokenProxy, type BrokenProxy } from '../../devstack/components/broken-proxy.ts';
import { openLink, type Link } from '../../devstack/components/link.ts';
import { stop } from '../../devstack/components/process.ts';
import { grantAndEnroll, seedPeople, type Seeded } from './people.ts';
import { call, must, type ApiAnswer, type World } from './world.ts';

const SCOPE = { resources: ['tasks'], max_rows_per_query: 100 };
/** The worlds' `federation.crl_poll_seconds` is 1: a few rounds, each of which may fail. */
const ROUNDS_MS = 3_500;
/** A round, and what a loaded machine adds. */
const LEARNED = { timeout: 20_000, interval: 100 };

/** ABUSE 56, SPEC M6-7: what is between home and work breaks in every way, and only a revocation makes a peer revoked. */
export const describeUnreachableOrRevoked = (components: string, boot: () => Promise<World>): void => {
  describe(`unreachable or revoked on ${components}`, () => {
    let world: World;
    let seeded: Seeded;
    let folder: string;
    let proxy: BrokenProxy;
    const links: Link[] = [];
    let serial = 0;

    beforeAll(async () => {
      world = await boot();
      seeded = await seedPeople(world, 'between-');
      folder = await mkdtemp(path.join(tmpdir(), 'mosaic-between-'));
      proxy = await startBrokenProxy(folder, await world.work.serverTls());
    });
    afterAll(async () => {
      await stop(proxy.component);
      for (const link of links) await link.close();
      await rm(folder, { recursive: true, force: true });
      await world.close();
    });

    const linkTo = async (url: string): Promise<Link> => {
      const link = await openLink(Number(new URL(url).port));
      links.push(link);
      return link;
    };
    const through = (url: string, port: number): string => {
      const changed = new URL(url);
      changed.port = String(port);
      return changed.href.replace(/\/$/, '');
    };

    /** A peer whose every way to work leads through two links: one to the verbs, one to the list. */
    const enrolled = async (cacheTtlSeconds: number) => {
      serial += 1;
      const peer = await grantAndEnroll(world, {
        subject: seeded.alice,
        localUser: seeded.ann,
        peerName: `between${serial}`,
        scope: SCOPE,
        cacheTtlSeconds,
      });
      const { peerId } = peer;
      const [row] = await world.home.sql('select crl_url from federation_peer_trust where peer_id = $1', [
        peerId,
      ]);
      const crlUrl = String(row?.['crl_url']);
      const [verbs, list] = [await linkTo(world.work.federationUrl), await linkTo(crlUrl)];
      const route = async (toVerbs: number, toList: number): Promise<void> => {
        await world.home.sql('update federation_peers set federation_url = $2 where id = $1', [
          peerId,
          through(world.work.federationUrl, toVerbs),
        ]);
        await world.home.sql('update federation_peer_trust set crl_url = $2 where peer_id = $1', [
          peerId,
          through(crlUrl, toList),
        ]);
      };
      await route(verbs.port, list.port);
      return { ...peer, source: `federated:${peer.peerName}`, verbs, list, route };
    };
    type Enrolled = Awaited<ReturnType<typeof enrolled>>;

    const ask = (source: string): Promise<ApiAnswer> =>
      call(world.home, `/api/query/tasks?source=${source}&limit=100`, { token: seeded.ann.token });
    const stateOf = async ({ peerId }: Enrolled): Promise<unknown> =>
      (await world.home.sql('select state::text from federation_peers where id = $1', [peerId]))[0]?.[
        'state'
      ];
    const statusOf = async ({ source }: Enrolled): Promise<unknown> =>
      (await ask('all')).body.sources[source]?.status;

    const faults: readonly (readonly [string, (peer: Enrolled) => Promise<void>])[] = [
      [
        'resets',
        async ({ verbs, list }) => {
          verbs.set('reset');
          list.set('reset');
        },
      ],
      [
        'timeouts',
        async ({ verbs, list }) => {
          verbs.set('slow');
          list.set('slow');
        },
      ],
      ['502 of an nginx in between', ({ route }) => route(proxy.port, proxy.port)],
    ];

    it.each(faults)(
      'X-56 M6-7 %s leave the peer as it is, whether the grant lives or not; the list alone makes it revoked',
      async (_what, breakIt) => {
        const peer = await enrolled(0);
        expect(await statusOf(peer)).toBe('complete');
        await breakIt(peer);
        expect(await statusOf(peer)).toBe('unreachable');
        await wait(ROUNDS_MS);
        expect(await statusOf(peer)).toBe('unreachable');
        expect(await stateOf(peer)).toBe('active');
        // Revoked now, but nothing of it gets through: home can not know, and does not guess.
        await must(200, world.work, `/api/admin/grants/${peer.grantId}/revoke`, { body: {} });
        await wait(ROUNDS_MS);
        expect(await statusOf(peer)).toBe('unreachable');
        expect(await stateOf(peer)).toBe('active');
        // The list alone gets through again, and nobody asks.
        peer.list.set('through');
        await peer.route(peer.verbs.port, peer.list.port);
        await expect.poll(() => stateOf(peer), LEARNED).toBe('revoked');
        expect(await statusOf(peer)).toBe('denied');
      },
      60_000,
    );

    it('X-56 M6-7 a peer that was only unreachable is asked again when the way is clear', async () => {
      const peer = await enrolled(0);
      for (const mode of ['reset', 'through'] as const) {
        peer.verbs.set(mode);
        peer.list.set(mode);
        await expect.poll(() => statusOf(peer), LEARNED).toBe(mode === 'reset' ? 'unreachable' : 'complete');
      }
      expect(await stateOf(peer)).toBe('active');
    });

    it('M5-3 what is cached ends with the list although every question is answered from the cache', async () => {
      const peer = await enrolled(300);
      expect(await statusOf(peer)).toBe('complete');
      expect(await statusOf(peer)).toBe('cached');
      await must(200, world.work, `/api/admin/grants/${peer.grantId}/revoke`, { body: {} });
      await expect.poll(() => statusOf(peer), LEARNED).toBe('denied');
      // Not one question went to work meanwhile.
      await world.work.flushAudit();
      const asked = `select count(*)::int as n from federation_audit_log where grant_id = $1 and verb = 'list'`;
      expect((await world.work.sql(asked, [peer.grantId]))[0]?.['n']).toBe(1);
      expect(await stateOf(peer)).toBe('revoked');
    });
  });
};
