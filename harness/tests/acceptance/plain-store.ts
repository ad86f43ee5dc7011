import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addRow, seedPeople, type Seeded } from './people.ts';
import { call, must, type World } from './world.ts';

/** SPEC M1-6: with federation unused, a gateway is a plain multi-user store. */
export const describePlainStore = (components: string, boot: () => Promise<World>): void => {
  describe(`the plain store on ${components}`, () => {
    let world: World;
    let seeded: Seeded;
    beforeAll(async () => {
      world = await boot();
      seeded = await seedPeople(world, 'm1-');
    });
    afterAll(() => world.close());

    it('M1-6 each person lists own personal rows and rows of own teams, nothing else', async () => {
      const { alice, bob, carol, T1, T2, T3 } = seeded;
      for (const [person, teams] of [
        [alice, [T1, T2]],
        [bob, [T1]],
        [carol, [T3]],
      ] as const) {
        for (const resource of ['tasks', 'notes', 'credentials']) {
          const answer = await must(200, world.work, `/api/resources/${resource}?limit=200`, {
            token: person.token,
          });
          const expected = seeded.rows.filter(
            (row) =>
              row.resource === resource &&
              (row.team === null ? row.owner === person.id : teams.some((team) => team === row.team)),
          );
          expect(answer.items.map((item) => item.id).toSorted()).toEqual(
            expected.map((row) => row.id).toSorted(),
          );
          expect(JSON.stringify(answer)).not.toContain('canary-secret');
        }
      }
    });

    it('M1-6 a row is created, read, changed and deleted by its owner, and is absent for everyone else', async () => {
      const { alice, carol } = seeded;
      const row = await addRow(world.work, alice, 'memory', 'remember the milk');
      const path = `/api/resources/memory/${row.id}`;
      await must(200, world.work, path, { token: alice.token, method: 'PATCH', body: { content: 'oat' } });
      expect(await must(200, world.work, path, { token: alice.token })).toMatchObject({
        title: 'remember the milk',
        content: 'oat',
      });
      for (const options of [{}, { method: 'PATCH', body: { title: 'mine' } }, { method: 'DELETE' }]) {
        expect((await call(world.work, path, { ...options, token: carol.token })).status).toBe(404);
      }
      await must(204, world.work, path, { token: alice.token, method: 'DELETE' });
      expect((await call(world.work, path, { token: alice.token })).status).toBe(404);
    });

    it('M1-6 nobody writes into a team without being in it', async () => {
      const { carol, T1 } = seeded;
      const before = await world.work.sql('select count(*)::int as n from tasks');
      const answer = await call(world.work, '/api/resources/tasks', {
        token: carol.token,
        body: { title: 'x', team_id: T1 },
      });
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
      expect(await world.work.sql('select count(*)::int as n from tasks')).toEqual(before);
    });

    it('M1-6 query without any peer answers from the local store alone', async () => {
      const answer = await must(200, world.home, '/api/query/tasks', { token: seeded.ben.token });
      expect(answer.items.map((item) => [item.title, item._source])).toEqual([['a task of ben', 'local']]);
    });

    it('M2 deleting a user revokes the grants of that subject and keeps grant and audit rows', async () => {
      const user = await must(201, world.work, '/api/admin/users', { body: { name: 'm1-leaver' } });
      const created = await must(201, world.work, '/api/admin/grants', {
        body: { user: user.id, peer: 'm1-home', scope: { resources: ['tasks'], max_rows_per_query: 5 } },
      });
      await must(204, world.work, `/api/admin/users/${user.id}`, { method: 'DELETE' });
      const shown = await must(200, world.work, `/api/admin/grants/${created.grant.id}`);
      expect(JSON.stringify(shown)).toContain('"status":"revoked"');
      await world.work.flushAudit();
      const rows = await world.work.sql(
        `select count(*)::int as n from federation_audit_log where verb = 'admin'`,
      );
      expect(rows[0]?.['n']).toBeGreaterThan(0);
    });
  });
};
