import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setTimeout as wait } from 'node:timers/promises';
import { grantAndEnroll, seedPeople, type Enrolled, type Seeded } from './people.ts';
import { call, must, type ApiAnswer, type World } from './world.ts';

const scope = { resources: ['tasks'], max_rows_per_query: 100 };

/** SPEC M6-1, M6-3, M6-4 and M6-7 as a person at home sees them. */
export const describeRevoking = (components: string, boot: () => Promise<World>): void => {
  describe(`revoking on ${components}`, () => {
    let world: World;
    let seeded: Seeded;
    let serial = 0;

    beforeAll(async () => {
      world = await boot();
      seeded = await seedPeople(world, 'revoke-');
    });
    afterAll(() => world.close());

    const enrolled = (): Promise<Enrolled> => {
      serial += 1;
      const peerName = `revoke-work${serial}`;
      return grantAndEnroll(world, { subject: seeded.alice, localUser: seeded.ann, peerName, scope });
    };
    const ask = (source: string): Promise<ApiAnswer> =>
      call(world.home, `/api/query/tasks?source=${source}&limit=100`, { token: seeded.ann.token });
    const stateOf = async (peerId: string): Promise<unknown> =>
      (await world.home.sql('select state::text from federation_peers where id = $1', [peerId]))[0]?.[
        'state'
      ];
    const noticesOf = ({ body }: ApiAnswer, peerName: string): readonly string[] =>
      body.notices.filter(({ source }) => source === `federated:${peerName}`).map(({ code }) => code);
    const revoke = (grantId: string) =>
      must(200, world.work, `/api/admin/grants/${grantId}/revoke`, { body: {} });

    it('M6-1 M6-7 the next request is refused, the peer becomes revoked, and the person is told once', async () => {
      const { grantId, peerId, peerName } = await enrolled();
      const before = await ask(`federated:${peerName}`);
      expect(before.status).toBe(200);
      expect(before.body.items.length).toBeGreaterThan(0);
      await revoke(grantId);
      // The gateway's signed refusal, or the front's and then the authority's list: both within moments.
      const told: string[] = [];
      for (const end = Date.now() + 15_000; told.length === 0 && Date.now() < end; await wait(100)) {
        const answer = await ask('all');
        expect(answer.body.items.filter(({ _source }) => _source === `federated:${peerName}`)).toEqual([]);
        told.push(...noticesOf(answer, peerName).filter((code) => code === 'grant_revoked'));
      }
      expect(told).toEqual(['grant_revoked']);
      expect(await stateOf(peerId)).toBe('revoked');
      const later = await ask('all');
      expect(noticesOf(later, peerName)).toEqual([]);
      expect(later.body.sources[`federated:${peerName}`]).toMatchObject({ status: 'denied' });
      expect((await ask(`federated:${peerName}`)).status).toBe(502);
    });

    it('M6-7 deleting the person at work has the same end', async () => {
      const { id, name } = await must(201, world.work, '/api/admin/users', {
        body: { name: 'revoke-dora' },
      }).then((user) => ({ id: user.id, name: 'revoke-dora', token: '' }));
      const peerName = 'revoke-of-dora';
      const { peerId } = await grantAndEnroll(world, {
        subject: { id, name, token: '' },
        localUser: seeded.ann,
        peerName,
        scope,
      });
      expect((await ask(`federated:${peerName}`)).status).toBe(200);
      await must(204, world.work, `/api/admin/users/${id}`, { method: 'DELETE' });
      await expect
        .poll(
          async () => {
            await ask('all');
            return stateOf(peerId);
          },
          { timeout: 15_000 },
        )
        .toBe('revoked');
    });

    it('M6-2 M6-7 so has a row that the database’s owner deletes by hand, past every code of ours', async () => {
      const { id } = await must(201, world.work, '/api/admin/users', { body: { name: 'revoke-erin' } });
      const peerName = 'revoke-of-erin';
      const { peerId, grantId } = await grantAndEnroll(world, {
        subject: { id, name: 'revoke-erin', token: '' },
        localUser: seeded.ann,
        peerName,
        scope,
      });
      expect((await ask(`federated:${peerName}`)).status).toBe(200);
      await world.work.sql('delete from users where id = $1', [id]);
      const next = await ask('all');
      expect(next.body.sources[`federated:${peerName}`]).toMatchObject({ status: 'denied' });
      const grant = await must(200, world.work, `/api/admin/grants/${grantId}`);
      expect(grant).toMatchObject({ status: 'revoked', subject_user_id: id });
      // The authority hears of it from the outbox, and home from the authority or the gateway.
      const outbox = `select count(*)::int as n from revocation_outbox o join issued_certificates c on c.serial = o.serial
        where c.grant_id = $1 and o.done_at is null`;
      await expect
        .poll(async () => (await world.work.sql(outbox, [grantId]))[0]?.['n'], { timeout: 15_000 })
        .toBe(0);
      await expect.poll(() => stateOf(peerId), { timeout: 15_000 }).toBe('revoked');
    });

    it('M6-4 of two enrollments of one person only the revoked one ends', async () => {
      const [gone, kept] = [await enrolled(), await enrolled()];
      await revoke(gone.grantId);
      await expect.poll(async () => (await ask(`federated:${gone.peerName}`)).status).toBe(502);
      expect((await ask(`federated:${kept.peerName}`)).status).toBe(200);
      expect(await stateOf(kept.peerId)).toBe('active');
    });

    it('X-53 a database from before a revocation is found out by what the peer remembers, for all peers, until accepted', async () => {
      const [gone, kept] = [await enrolled(), await enrolled()];
      const saved = await world.work.sql('select epoch::text as epoch from gateway_revocation');
      await revoke(gone.grantId);
      // The kept one hears of the new epoch.
      await expect
        .poll(
          async () => {
            await ask(`federated:${kept.peerName}`);
            const [row] = await world.home.sql(
              'select epoch::text as epoch from federation_peer_trust where peer_id = $1',
              [kept.peerId],
            );
            return Number(row?.['epoch'] ?? 0);
          },
          { timeout: 10_000 },
        )
        .toBeGreaterThan(Number(saved[0]?.['epoch']));
      await world.work.sql('update gateway_revocation set epoch = $1::bigint', [String(saved[0]?.['epoch'])]);
      // What was read before is good for a second; from then on nobody is served.
      await expect
        .poll(async () => JSON.stringify((await ask(`federated:${kept.peerName}`)).body), { timeout: 5_000 })
        .toContain('revocations_lost');
      expect(await stateOf(kept.peerId)).toBe('active');
      const lost = await must(200, world.work, '/api/admin/revocation');
      expect(lost).toMatchObject({ status: 'lost' });
      await must(200, world.work, '/api/admin/revocation/accept-restore', { method: 'POST' });
      await expect
        .poll(async () => (await ask(`federated:${kept.peerName}`)).status, { timeout: 5_000 })
        .toBe(200);
      const again = await call(world.work, '/api/admin/revocation/accept-restore', { method: 'POST' });
      expect([again.status, again.body.code]).toEqual([409, 'invalid_transition']);
    });
  });
};
