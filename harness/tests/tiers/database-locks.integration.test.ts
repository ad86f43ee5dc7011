import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPostgresStorage } from '../../../db/connect/postgres.ts';
import { aUser, anActiveGrant, must, scopeOf, T0, type Enrolled } from '../../../db/testing/world.testkit.ts';
import { decide, decideNative } from '../../../domain/access/decide.ts';
import type { Hindrance } from '../../../domain/database/hindrance.ts';
import type { MosaicError } from '../../../domain/errors.ts';
import type { Resource } from '../../../domain/resources.ts';
import type { Storage } from '../../../domain/ports/storage.ts';
import { urlsOf } from '../../devstack/components/postgres.ts';
import { startCluster, type Cluster } from '../migrate/cluster.ts';
import { lockTable } from '../migrate/lock-table.ts';

const page = (resource: Resource) => ({ resource, limit: 10, after: null });

describe('a table that somebody else has locked', () => {
  let cluster: Cluster;
  let url: string;
  let storage: Storage;
  let grant: Enrolled;
  const hindrances = new Set<Hindrance>();

  beforeAll(async () => {
    cluster = await startCluster();
    url = await cluster.create();
    storage = await openPostgresStorage({ ...urlsOf(url), onHindered: (met) => hindrances.add(met) });
    grant = await anActiveGrant(storage, await aUser(storage), scopeOf({ resources: ['tasks', 'notes'] }));
  }, 120_000);
  afterAll(async () => {
    await storage.close();
    await cluster.close();
  });

  const outcome = async (
    work: () => Promise<unknown>,
  ): Promise<{ readonly how: string; readonly ms: number }> => {
    const from = performance.now();
    const how = await work().then(
      () => 'answered',
      (error: MosaicError) => error.code,
    );
    return { how, ms: performance.now() - from };
  };
  const asPeer = (resource: Resource) =>
    outcome(() => storage.reader.list(must(decide.list(grant.grant, grant.identity, page(resource), T0))));
  const asPerson = (resource: Resource) =>
    outcome(() =>
      storage.reader.list(
        decideNative.list(
          { userId: grant.grant.subjectUserId, isAdmin: false, access: 'read' },
          page(resource),
        ),
      ),
    );
  it('H-4 is 503 long before a statement runs out of time, and holds up no other table for long', async () => {
    expect(await asPeer('notes')).toMatchObject({ how: 'answered' });
    const letGo = await lockTable(cluster, url, 'tasks');
    const stuck = Array.from({ length: 9 }, () => [asPeer('tasks'), asPerson('tasks')]).flat();
    const others = await Promise.all([
      asPeer('notes'),
      asPerson('notes'),
      outcome(() => storage.stores.grants.byId(grant.grant.id)),
      outcome(() => storage.ping()),
    ]);
    expect(others.map(({ how }) => how)).toEqual(['answered', 'answered', 'answered', 'answered']);
    for (const { how } of await Promise.all(stuck)) expect(how).toBe('database_unavailable');
    const { how, ms } = await asPeer('tasks');
    expect(how).toBe('database_unavailable');
    expect(ms).toBeLessThan(5_000);
    await letGo();
    expect([...hindrances]).toEqual(['locked']);
    expect((await asPeer('tasks')).how).toBe('answered');
  });

  it('F-21 a table that is not there, and a right that was taken, are told although connections are fine', async () => {
    for (const [spoil, mend] of [
      ['alter table tasks rename to gone', 'alter table gone rename to tasks'],
      ['revoke select on tasks from mosaic_peer_reader', ''],
    ] as const) {
      hindrances.clear();
      await cluster.underneath(url, spoil);
      expect((await asPeer('tasks')).how).toBe('database_unavailable');
      expect([...hindrances]).toEqual(['incomplete']);
      expect((await asPeer('notes')).how).toBe('answered');
      if (mend !== '') await cluster.underneath(url, mend);
    }
  });
});
