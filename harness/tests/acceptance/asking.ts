import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addRow, grantAndEnroll, seedPeople, type Seeded } from './people.ts';
import { call, must, type World } from './world.ts';

const personalTasks = { resources: ['tasks'], max_rows_per_query: 100 };

/** SPEC M2-6 and M3 as a person at home sees them: two gateways, real mutual TLS. */
export const describeAsking = (components: string, boot: () => Promise<World>): void => {
  describe(`asking from home on ${components}`, () => {
    let world: World;
    let seeded: Seeded;
    let serial = 0;

    beforeAll(async () => {
      world = await boot();
      seeded = await seedPeople(world, 'ask-');
    });
    afterAll(() => world.close());

    const federated = async (scope: unknown, options: { approveSensitive?: boolean } = {}) => {
      serial += 1;
      return grantAndEnroll(world, {
        subject: seeded.alice,
        localUser: seeded.ann,
        peerName: `work${serial}`,
        scope,
        ...options,
      });
    };
    const query = (path: string) => call(world.home, path, { token: seeded.ann.token });
    const ids = (items: readonly { id: string }[]): string[] => items.map((item) => item.id).sort();
    const seededIds = (resource: string, keep: (row: Seeded['rows'][number]) => boolean): string[] =>
      ids(seeded.rows.filter((row) => row.resource === resource && keep(row)));

    it('M2-6 peer add yields an active peer with a working certificate and key', async () => {
      const { peerId, peerName } = await federated(personalTasks);
      const shown = await must(200, world.home, `/api/admin/peers/${peerId}`);
      expect(shown).toMatchObject({ name: peerName, state: 'active', direction: 'outbound' });
      expect(JSON.stringify(shown)).not.toContain('PRIVATE KEY');
      const [row] = await world.home.sql(
        'select client_key_pem, client_cert_pem from federation_peers where id = $1',
        [peerId],
      );
      expect(String(row?.['client_cert_pem'])).toContain('BEGIN CERTIFICATE');
      expect(String(row?.['client_key_pem'])).not.toContain('PRIVATE');
      expect((await query(`/api/query/tasks?source=federated:${peerName}`)).status).toBe(200);
    });

    it('M3-1 a list of tasks is the subject’s tasks ∩ scope', async () => {
      const { alice, T1, T2, T3 } = seeded;
      const { peerName } = await federated({
        resources: ['tasks'],
        filters: { tasks: { include_teams: [T1, T2, T3], include_personal: true } },
        max_rows_per_query: 100,
      });
      const answer = await query(`/api/query/tasks?source=federated:${peerName}&limit=100`);
      const expected = seededIds('tasks', (row) =>
        row.team === null ? row.owner === alice.id : [T1, T2].includes(row.team),
      );
      expect(ids(answer.body.items)).toEqual(expected);
      expect(answer.body.sources[`federated:${peerName}`]).toMatchObject({
        status: 'complete',
        count: expected.length,
      });
    });

    it('M3-2 include_teams [T1] leaves out T2’s tasks although the user is in T2', async () => {
      const { peerName } = await federated({
        resources: ['tasks'],
        filters: { tasks: { include_teams: [seeded.T1], include_personal: false } },
        max_rows_per_query: 100,
      });
      const answer = await query(`/api/query/tasks?source=federated:${peerName}`);
      expect(ids(answer.body.items)).toEqual(seededIds('tasks', (row) => row.team === seeded.T1));
    });

    it('M3-8 source=all merges local and federated rows, each tagged _source', async () => {
      const { peerName } = await federated(personalTasks);
      const answer = await query(`/api/query/tasks?source=all&limit=200`);
      const sources = new Set(answer.body.items.map((item: { _source: string }) => item._source));
      expect(sources).toContain('local');
      expect(sources).toContain(`federated:${peerName}`);
      const order = answer.body.items.map(
        (item: { created_at: string; id: string }) => `${item.created_at}/${item.id}`,
      );
      expect(order).toEqual([...order].sort().toReversed());
      expect(answer.body.items.some((item: { title: string }) => item.title === 'a task of ben')).toBe(false);
    });

    it('M3-9 X-48 row counts at home are equal before and after a federated list, in every table, and no title of work is stored', async () => {
      const { peerName } = await federated(personalTasks);
      const counts = async () => {
        const tables = await world.home.sql(
          `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema') order by 1`,
        );
        expect(tables.length).toBeGreaterThan(10);
        return Promise.all(
          tables.map(async ({ name }) => [
            name,
            (await world.home.sql(`select count(*)::int as n from ${String(name)}`))[0]?.['n'],
          ]),
        );
      };
      const mark = `canary-${crypto.randomUUID()}`;
      await addRow(world.work, seeded.alice, 'tasks', mark);
      await world.home.flushAudit();
      const before = await counts();
      const answer = await query(`/api/query/tasks?source=federated:${peerName}&limit=1`);
      expect(answer.body.items[0]?.title).toBe(mark);
      await world.home.flushAudit();
      expect(await counts()).toEqual(before);
      const peers = await world.home.sql('select to_jsonb(p)::text as text from federation_peers p');
      expect(JSON.stringify(peers)).not.toContain(mark);
    });

    it('M3-10 a scope that allows a team the user is not in gives []', async () => {
      const { peerName } = await federated({
        resources: ['notes'],
        filters: { notes: { include_teams: [seeded.T3], include_personal: false } },
        max_rows_per_query: 10,
      });
      const answer = await query(`/api/query/notes?source=federated:${peerName}`);
      expect([answer.status, answer.body.items]).toEqual([200, []]);
    });

    it('M3-7 max_rows_per_query caps a page and the cursor reaches the rest, every row once, through both gateways', async () => {
      const { peerName } = await federated({
        resources: ['tasks'],
        filters: { tasks: { include_teams: [seeded.T1, seeded.T2] } },
        max_rows_per_query: 2,
      });
      const native = await call(world.work, '/api/resources/tasks?limit=200', { token: seeded.alice.token });
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const suffix: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
        const page = await query(`/api/query/tasks?source=federated:${peerName}&limit=100${suffix}`);
        expect(page.status).toBe(200);
        expect(page.body.items.length).toBeLessThanOrEqual(2);
        seen.push(...page.body.items.map((item: { id: string }) => item.id));
        cursor = page.body.next_cursor;
      } while (cursor !== null && seen.length < 500);
      expect(seen).toEqual(native.body.items.map((item: { id: string }) => item.id));
    });

    it('the same query is addressed by grant with x-federation-grant', async () => {
      const { grantId, peerName } = await federated(personalTasks);
      const byGrant = await call(world.home, '/api/federation/tasks', {
        token: seeded.ann.token,
        headers: { 'x-federation-grant': grantId },
      });
      const byPeer = await query(`/api/query/tasks?source=federated:${peerName}`);
      expect(byGrant.status).toBe(200);
      expect(ids(byGrant.body.items)).toEqual(ids(byPeer.body.items));
    });

    it('a user of home only ever reaches peers that are the user’s own', async () => {
      const { grantId, peerName } = await federated(personalTasks);
      const ben = { token: seeded.ben.token };
      expect((await call(world.home, `/api/query/tasks?source=federated:${peerName}`, ben)).body.code).toBe(
        'peer_unknown',
      );
      const byGrant = await call(world.home, '/api/federation/tasks', {
        ...ben,
        headers: { 'x-federation-grant': grantId },
      });
      expect([byGrant.status, byGrant.body.code]).toEqual([404, 'peer_unknown']);
      const all = await call(world.home, '/api/query/tasks?source=all', ben);
      expect(Object.keys(all.body.sources)).toEqual(['local']);
    });

    it('M3-6 a good certificate of a revoked grant is 403, and home says so without losing its own rows', async () => {
      const { grantId, peerName } = await federated(personalTasks);
      await must(200, world.work, `/api/admin/grants/${grantId}/revoke`, {
        body: { reason: 'left the company' },
      });
      const answer = await query(`/api/query/tasks?source=all&limit=200`);
      expect(answer.status).toBe(200);
      expect(answer.body.sources[`federated:${peerName}`]?.status).toBe('denied');
      expect(answer.body.items.some((item: { _source: string }) => item._source === 'local')).toBe(true);
      expect(
        answer.body.items.some((item: { _source: string }) => item._source === `federated:${peerName}`),
      ).toBe(false);
    });
  });
};
