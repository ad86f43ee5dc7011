import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLink, type Link } from '../../devstack/components/link.ts';
import { grantAndEnroll, seedPeople, type Seeded } from './people.ts';
import { call, must, type ApiAnswer, type World } from './world.ts';

const SCOPE = { resources: ['tasks'], max_rows_per_query: 100 };
const HEAL = { timeout: 20_000, interval: 200 };
/** More than any default number of failures that opens a circuit. */
const MANY = 12;

/** SPEC M5 as a person at home meets it: work is cached, down, back, or has ended the grant. */
export const describeOffline = (components: string, boot: () => Promise<World>): void => {
  describe(`cache and outages on ${components}`, () => {
    let world: World;
    let seeded: Seeded;
    let link: Link;
    let serial = 0;

    beforeAll(async () => {
      world = await boot();
      seeded = await seedPeople(world, 'off-');
      link = await openLink(Number(new URL(world.work.federationUrl).port));
    });
    afterAll(async () => {
      await link.close();
      await world.close();
    });

    /** Home reaches work by the link, which can be cut. */
    const enrolled = async (cacheTtlSeconds: number | null) => {
      serial += 1;
      const peer = await grantAndEnroll(world, {
        subject: seeded.alice,
        localUser: seeded.ann,
        peerName: `off${serial}`,
        scope: SCOPE,
        cacheTtlSeconds,
      });
      const { hostname } = new URL(world.work.federationUrl);
      await world.home.sql('update federation_peers set federation_url = $2 where id = $1', [
        peer.peerId,
        `https://${hostname}:${link.port}`,
      ]);
      return { ...peer, source: `federated:${peer.peerName}` };
    };
    const query = (path: string, session = 'one'): Promise<ApiAnswer> =>
      call(world.home, `/api/query/tasks${path}`, {
        token: seeded.ann.token,
        headers: { 'x-mosaic-session': session },
      });
    const statusOf = (source: string) => async (): Promise<string | undefined> =>
      (await query('?source=all')).body.sources[source]?.status;
    const circuitOf = (peerId: string): Promise<unknown> =>
      must(200, world.home, `/api/admin/peers/${peerId}`);
    const stateOf = async (peerId: string): Promise<unknown> =>
      (await world.home.sql('select state::text from federation_peers where id = $1', [peerId]))[0]?.[
        'state'
      ];
    const remove = (peerId: string): Promise<ApiAnswer> =>
      call(world.home, `/api/admin/peers/${peerId}`, { method: 'DELETE' });

    it('M5-1 the second identical list within 30 s is served from the cache and does not reach work', async () => {
      const { source, grantId, peerId } = await enrolled(null);
      const first = await query(`?source=${source}`);
      const second = await query(`?source=${source}`);
      expect(second.body.items.map(({ id }) => id)).toEqual(first.body.items.map(({ id }) => id));
      expect(second.body.items.length).toBeGreaterThan(0);
      expect(second.body.items.every(({ _cached }) => _cached === true)).toBe(true);
      expect(second.body.sources[source]).toMatchObject({ status: 'cached', _cached: true });
      expect(second.headers.get('cache-status')).toMatch(new RegExp(`^"${source}"; hit; ttl=\\d+$`));
      expect(second.headers.get('cache-control')).toBe('no-store');
      await world.work.flushAudit();
      const asked = `select count(*)::int as n from federation_audit_log where grant_id = $1 and verb = 'list'`;
      expect((await world.work.sql(asked, [grantId]))[0]?.['n']).toBe(1);
      await remove(peerId);
    });

    it('a grant with cache_ttl_seconds 0 is asked each time', async () => {
      const { source, grantId, peerId } = await enrolled(0);
      for (const _time of [1, 2, 3])
        expect((await query(`?source=${source}`)).body.sources[source]?.status).toBe('complete');
      await world.work.flushAudit();
      const asked = `select count(*)::int as n from federation_audit_log where grant_id = $1 and verb = 'list'`;
      expect((await world.work.sql(asked, [grantId]))[0]?.['n']).toBe(3);
      await remove(peerId);
    });

    it('M5-3 nothing kept is served once home has learned that the grant is revoked or narrowed', async () => {
      const { source, grantId, peerId } = await enrolled(null);
      const kept = (limit: number) => query(`?source=${source}&limit=${limit}`);
      await kept(20);
      expect((await kept(20)).body.sources[source]?.status).toBe('cached');
      await must(200, world.work, `/api/admin/grants/${grantId}`, {
        method: 'PATCH',
        body: { scope: { resources: ['tasks'], max_rows_per_query: 1 } },
      });
      // Home hears of it with the next question that is not in the cache.
      expect((await kept(21)).body.items).toHaveLength(1);
      await expect.poll(async () => (await kept(20)).body.items.length, HEAL).toBe(1);
      await kept(20);
      await must(200, world.work, `/api/admin/grants/${grantId}/revoke`, { body: { reason: 'over' } });
      expect((await kept(22)).status).toBe(502);
      const after = await kept(20);
      expect([after.status, after.body.items]).toEqual([502, undefined]);
      await remove(peerId);
    });

    it('X-44 two grants, the same questions, 10,000 interleaved: no answer of the other, and no search is kept', async () => {
      serial += 1;
      const peerName = `twin${serial}`;
      const pairs = [
        { subject: seeded.alice, localUser: seeded.ann },
        { subject: seeded.bob, localUser: seeded.ben },
      ] as const;
      const twins = await Promise.all(
        pairs.map(async (pair) => {
          const input = { ...pair, peerName, scope: SCOPE, cacheTtlSeconds: null };
          const own = seeded.rows.filter(
            ({ resource, owner, team }) => resource === 'tasks' && owner === pair.subject.id && team === null,
          );
          const enrolledTwin = await grantAndEnroll(world, input);
          await must(200, world.work, `/api/admin/grants/${enrolledTwin.grantId}`, {
            method: 'PATCH',
            body: { rate_limit_per_minute: 10_000 },
          });
          return { ...enrolledTwin, token: pair.localUser.token, own };
        }),
      );
      const source = `source=federated:${peerName}`;
      let [kept, wrong, next] = [0, 0, 0];
      const ask = async (number: number): Promise<void> => {
        const [me, other] = number % 2 === 0 ? [twins[0], twins[1]] : [twins[1], twins[0]];
        if (me === undefined || other === undefined) return;
        const isOfOther = number % 100 < 2;
        const row = (isOfOther ? other : me).own[0]?.id;
        const path =
          number % 500 < 2
            ? `search?q=tasks&${source}`
            : number % 10 < 4
              ? `tasks/${row}?${source}`
              : `tasks?${source}&limit=${20 + (number % 3)}`;
        const { status, body } = await call(world.home, `/api/query/${path}`, { token: me.token });
        const found = status === 404 ? [] : body.items;
        const wanted = path.startsWith('tasks/') ? me.own.filter(({ id }) => id === row) : me.own;
        const titles = wanted.map(({ title }) => title).toSorted();
        if (
          found
            .map(({ title }) => title)
            .toSorted()
            .join() !== titles.join()
        )
          wrong += 1;
        if (found.some(({ _cached }) => _cached === true)) kept += 1;
      };
      const askers = Array.from({ length: 40 }, async () => {
        while (next < 10_000) {
          next += 1;
          await ask(next - 1);
        }
      });
      await Promise.all(askers);
      expect([wrong, kept > 9_000]).toEqual([0, true]);
      await world.work.flushAudit();
      for (const { grantId, peerId } of twins) {
        const [row] = await world.work.sql(
          `select count(*)::int as searches from federation_audit_log where grant_id = $1 and verb = 'search'`,
          [grantId],
        );
        expect(row?.['searches']).toBe(20);
        await remove(peerId);
      }
    }, 180_000);

    it('M5-4 M5-5 X-56 the circuit opens, fails at once without a connection, and closes when work is back', async () => {
      const { source, peerId } = await enrolled(0);
      expect(await statusOf(source)()).toBe('complete');
      link.set('reset');
      try {
        for (let time = 0; time < MANY; time += 1) expect((await query('?source=all')).status).toBe(200);
        expect(await circuitOf(peerId)).toMatchObject({ circuit: { state: 'open' } });
        const before = link.connections();
        const start = performance.now();
        const answers = await Promise.all(Array.from({ length: MANY }, () => query('?source=all')));
        // Unless the cooldown happened to end just now.
        expect(link.connections() - before).toBeLessThanOrEqual(performance.now() - start > 1_000 ? 1 : 0);
        for (const { body } of answers)
          expect(body.sources[source]).toMatchObject({ status: 'unreachable', code: 'peer_circuit_open' });
        expect(await stateOf(peerId)).toBe('active');
      } finally {
        link.set('through');
      }
      await expect.poll(statusOf(source), HEAL).toBe('complete');
      expect(await circuitOf(peerId)).toMatchObject({ circuit: { state: 'closed' } });
      await remove(peerId);
    });

    it('M5-6 while work is down a session goes on with what is at home, and is told once', async () => {
      const { source, peerId } = await enrolled(0);
      const session = `session-${serial}`;
      const goOn = async (): Promise<number> => {
        let signals = 0;
        for (let time = 0; time < MANY; time += 1) {
          const { status, body } = await query('?source=all&limit=100', session);
          expect(status).toBe(200);
          expect(body.items.some(({ _source }) => _source === 'local')).toBe(true);
          expect(body.notices).toHaveLength(body.sources[source]?.status === 'unreachable' ? 1 : 0);
          signals += body.notices.filter(({ code }) => code === 'federation_offline').length;
        }
        return signals;
      };
      expect(await goOn()).toBe(0);
      for (const outage of [1, 2]) {
        link.set('reset');
        try {
          expect(await goOn()).toBe(1);
        } finally {
          link.set('through');
        }
        await expect.poll(statusOf(source), HEAL).toBe('complete');
        // That it is back is noted beside the answers.
        const outages = 'select outages from federation_peers where id = $1';
        await expect
          .poll(async () => (await world.home.sql(outages, [peerId]))[0]?.['outages'], HEAL)
          .toBe(outage);
        expect(await goOn()).toBe(0);
      }
      await remove(peerId);
    }, 90_000);
  });
};
