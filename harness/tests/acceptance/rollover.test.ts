import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bootEmbeddedWorld } from './embedded-world.ts';
import { enrollByHand, tlsGet } from './hand-made-client.ts';
import { readFile } from 'node:fs/promises';
import { grantAndEnroll, seedPeople, type Enrolled, type Seeded } from './people.ts';
import { call, must, type World } from './world.ts';

const AT_ONCE = 8;

/** Issue 5 point 7, ABUSE 66: the root of the serving side is replaced while requests go on. */
describe('rollover of the authority’s root on the embedded tier', () => {
  let world: World;
  let seeded: Seeded;
  let peers: readonly Enrolled[];
  const scope = { resources: ['tasks'], max_rows_per_query: 100 };
  const failures: string[] = [];
  let asked = 0;
  const over = new AbortController();
  let load: Promise<unknown>;

  const ask = async (name: string): Promise<void> => {
    const source = `federated:${name}`;
    const { status, body } = await call(world.home, `/api/query/tasks?source=${source}`, {
      token: seeded.ann.token,
    });
    asked += 1;
    if (status !== 200 || body.sources[source]?.status !== 'complete' || body.items.length !== 2)
      failures.push(`${status} ${JSON.stringify(body.sources ?? body)}`);
  };
  const roll = (step: string, force = false) =>
    call(world.work, '/api/admin/authority/roll', { body: { step, force } });
  const renew = (peerId: string) =>
    must(200, world.home, `/api/admin/peers/${peerId}/renew`, { method: 'POST' });
  const fingerprints = () =>
    world.home
      .sql(`select name, ca_fingerprint, (length(ca_pem) - length(replace(ca_pem, 'BEGIN', ''))) / 5 as roots
      from federation_peers where direction = 'outbound' order by name`);

  beforeAll(async () => {
    world = await bootEmbeddedWorld();
    seeded = await seedPeople(world, 'roll-');
    const { alice, ann } = seeded;
    const enroll = (peerName: string) =>
      grantAndEnroll(world, { subject: alice, localUser: ann, peerName, scope });
    peers = [await enroll('one'), await enroll('two')];
    for (const { grantId } of peers) {
      await must(200, world.work, `/api/admin/grants/${grantId}`, {
        method: 'PATCH',
        body: { rate_limit_per_minute: 1_000_000, cache_ttl_seconds: 0 },
      });
    }
    load = Promise.all(
      Array.from({ length: AT_ONCE }, async (_, index) => {
        while (!over.signal.aborted) await ask(index % 2 === 0 ? 'one' : 'two');
      }),
    );
  });
  afterAll(async () => {
    over.abort();
    await load;
    await world.close();
  });

  it(
    'X-66 announce, renew, switch, renew, retire under load: 0 failures, and both peers end with the new root alone',
    { timeout: 300_000 },
    async () => {
      const [first, second] = peers;
      if (first === undefined || second === undefined) throw new Error('no peers');
      const before = await fingerprints();
      expect(before.map(({ roots }) => Number(roots))).toEqual([1, 1]);
      const oldHand = await enrollByHand(world.work, { user: seeded.bob.name, peer: 'roll-by-hand', scope });

      expect((await roll('switch')).body.code).toBe('invalid_transition');
      expect((await roll('announce')).status).toBe(200);
      // Three grants, and nobody knows the new root yet.
      expect((await call(world.work, '/api/admin/authority')).body).toMatchObject({
        phase: 'announced',
        waiting_for: 3,
      });
      const tooEarly = await roll('switch');
      expect([tooEarly.status, tooEarly.body.code]).toEqual([409, 'invalid_transition']);
      await renew(first.peerId);
      await renew(second.peerId);
      expect((await fingerprints()).map(({ roots }) => Number(roots))).toEqual([2, 2]);
      await must(200, world.work, `/api/admin/grants/${oldHand.grantId}/revoke`, { body: {} });
      await oldHand.remove();
      expect((await call(world.work, '/api/admin/authority')).body).toMatchObject({ waiting_for: 0 });

      expect((await roll('switch')).status).toBe(200);
      const halfway = asked;
      await expect.poll(() => asked, { timeout: 60_000 }).toBeGreaterThan(halfway + 50);
      // Who enrolls now pins the new root, and meets it.
      const newHand = await enrollByHand(world.work, {
        user: seeded.bob.name,
        peer: 'roll-by-hand-2',
        scope,
      });
      const tls = {
        ca: await readFile(newHand.caFile, 'utf8'),
        cert: await readFile(newHand.certFile, 'utf8'),
        key: await readFile(newHand.keyFile, 'utf8'),
      };
      expect((await tlsGet(`${world.work.federationUrl}/federation/v1/tasks`, tls)).status).toBe(200);
      await newHand.remove();

      expect((await roll('retire')).body.code).toBe('invalid_transition');
      await renew(first.peerId);
      await renew(second.peerId);
      // The overlap of ten minutes, cut short.
      await world.work.sql(
        `update issued_certificates set revoke_at = now() where revoke_at is not null and status = 'issued'`,
      );
      await expect
        .poll(async () => (await call(world.work, '/api/admin/authority')).body, { timeout: 60_000 })
        .toMatchObject({ phase: 'switched', waiting_for: 0 });
      expect((await roll('retire')).status).toBe(200);
      const retired = asked;
      await expect.poll(() => asked, { timeout: 60_000 }).toBeGreaterThan(retired + 50);
      await renew(first.peerId);
      await renew(second.peerId);
      const after = await fingerprints();
      expect(after.map(({ roots }) => Number(roots))).toEqual([1, 1]);
      for (const [index, row] of after.entries())
        expect(row['ca_fingerprint']).not.toBe(before[index]?.['ca_fingerprint']);
      expect(failures).toEqual([]);
      expect(asked).toBeGreaterThan(200);
    },
  );

  it('a person who is no administrator rolls nothing', async () => {
    const answer = await call(world.work, '/api/admin/authority/roll', {
      token: seeded.alice.token,
      body: { step: 'announce' },
    });
    expect(answer.status).toBe(403);
  });
});
