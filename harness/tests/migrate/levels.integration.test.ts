import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openMaintenance } from '../../../db/connect/maintenance.ts';
import { openPostgresStorage } from '../../../db/connect/postgres.ts';
import { migrate } from '../../../db/migrate.ts';
import { MIGRATIONS } from '../../../db/migrations/index.ts';
import { allPages } from '../../../db/testing/world.testkit.ts';
import { decide, decideNative } from '../../../domain/access/decide.ts';
import type { Storage } from '../../../domain/ports/storage.ts';
import { urlsOf } from '../../devstack/components/postgres.ts';
import { startCluster, type Cluster } from './cluster.ts';
import { fillingOf, fixturesOf } from './levels.ts';

interface Column {
  readonly of: string;
  readonly name: string;
  readonly type: string;
  /** May be null. */
  readonly optional: boolean;
  /** Of a table of one row, which cannot have it both ways. */
  readonly alone: boolean;
}

interface Certified {
  readonly grantId: string;
  readonly subjectUserId: string;
  readonly serial: string;
  readonly fingerprint: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly isGood: boolean;
}

const FIRST_WITH_GRANTS = 3;

/** A store that has lost revocations serves nobody; database-restored.integration.test.ts has that. */
const LATCH = 'gateway_revocation.lost_since';

const ALONE = `exists (select from pg_constraint k where k.conrelid = c.oid and k.contype = 'c' and pg_get_constraintdef(k.oid) like '%(id = 1)%')`;

describe('X-73 an upgrade from each earlier schema, with rows of its time', () => {
  let cluster: Cluster;
  let url: string;

  beforeAll(async () => {
    cluster = await startCluster();
  }, 120_000);
  afterAll(() => cluster.close());

  const upTo = async (level: number): Promise<void> => {
    const driver = openMaintenance(url, 'test');
    try {
      await migrate(driver, MIGRATIONS.slice(0, level));
    } finally {
      await driver.close();
    }
  };
  const columnsNow = (): Promise<Column[]> =>
    cluster.underneath<Column>(
      url,
      `select c.relname::text as of, a.attname::text as name, format_type(a.atttypid, null) as type, not a.attnotnull as optional, ${ALONE} as alone
       from pg_class c join pg_attribute a on a.attrelid = c.oid
       where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and c.relname <> 'mosaic_migrations'
         and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' order by 1, a.attnum`,
    );
  /** All that each row holds, by an eye that is not the product's. */
  const contents = async (columns: readonly Column[]): Promise<readonly string[]> => {
    const each = [...Map.groupBy(columns, ({ of }) => of)].map(
      ([table, own]) =>
        `select '${table} ' || md5(row(${own.map(({ name }) => name).join(', ')})::text) as line from ${table}`,
    );
    const lines = await cluster.underneath<{ line: string }>(url, `${each.join(' union all ')} order by 1`);
    return lines.map(({ line }) => line);
  };
  /** Columns that no row has, and optional ones that every row has. */
  const untried = async (columns: readonly Column[]): Promise<readonly string[]> => {
    const each = columns.map(
      ({ of, name, optional, alone }) =>
        `select '${of}.${name}' as what from ${of} having count(${name}) = 0 ${optional && !alone ? `or count(*) = count(${name})` : ''}`,
    );
    return (await cluster.underneath<{ what: string }>(url, each.join(' union all '))).map(
      ({ what }) => what,
    );
  };
  const certified = (): Promise<Certified[]> =>
    cluster.underneath<Certified>(
      url,
      `select g.id as "grantId", g.subject_user_id as "subjectUserId", c.serial, c.fingerprint, c.not_before as "notBefore", c.not_after as "notAfter",
         g.status = 'active' and coalesce(g.expires_at > now(), true) and c.status = 'issued' and c.revoked_at is null
           and p.state is not null and p.state in ('active', 'degraded') as "isGood"
       from federation_grants g join issued_certificates c on c.grant_id = g.id left join federation_peers p on p.id = g.peer_id
       where c.status in ('issued', 'revoked')`,
    );
  const isServed = async (storage: Storage, identity: Certified): Promise<boolean> => {
    const record = await storage.stores.grants.byId(identity.grantId);
    if (record === null) throw new Error('the grant is gone');
    const asked = decide.list(
      record.grant,
      identity,
      { resource: 'tasks', limit: 10, after: null },
      new Date(),
    );
    if (!asked.ok) return false;
    const answer = await storage.reader.list(asked.value);
    return answer.admitted && answer.value.items.length > 0;
  };
  const found = async (storage: Storage, userId: string): Promise<number> => {
    const asked = { query: 'strasse', resources: ['tasks'] as const, limit: 100, after: null };
    const answer = await storage.reader.search(
      decideNative.search({ userId, isAdmin: false, access: 'read' }, asked),
    );
    return answer.admitted ? answer.value.hits.length : 0;
  };
  const epochNow = async (): Promise<number> => {
    const [row] = await cluster.underneath<{ epoch: string }>(url, 'select epoch from gateway_revocation');
    return Number(row?.epoch);
  };

  it.each(MIGRATIONS.map(({ name }, index) => [name, index + 1] as const))(
    'from %s: every row as it was, what had ended has ended, and a gateway goes on with the rest',
    async (_name, level) => {
      url = await cluster.create();
      await upTo(level);
      await cluster.underneath(url, fixturesOf(level));
      const columns = await columnsNow();
      await cluster.underneath(url, fillingOf(columns.filter(({ optional }) => optional)));
      expect(await untried(columns.filter(({ of, name }) => `${of}.${name}` !== LATCH))).toEqual([]);
      const before = await contents(columns);
      const known = level < FIRST_WITH_GRANTS ? [] : await certified();

      await upTo(MIGRATIONS.length);
      expect(await contents(columns)).toEqual(before);
      const epoch = await epochNow();
      const storage = await openPostgresStorage(urlsOf(url));
      try {
        const { stores } = storage;
        const users = await allPages((page) => stores.users.list(page), 100);
        const user = users.find(({ name }) => name === 'user-2');
        if (user === undefined) throw new Error('user-2 is gone');
        await allPages((page) => stores.peers.list(page, {}), 100);
        // The own one, and of each of two teams one of everybody's.
        if (level > 1) expect(await found(storage, user.id)).toBe(1 + 2 * 4);

        const served = await Promise.all(known.map((identity) => isServed(storage, identity)));
        expect(known.filter((_, index) => served[index] !== known[index]?.isGood)).toEqual([]);
        if (level >= FIRST_WITH_GRANTS) expect(new Set(served)).toEqual(new Set([true, false]));

        await storage.transaction((inner) => inner.users.delete(user.id), { asAdmin: true });
        const theirs = known.filter(({ subjectUserId }) => subjectUserId === user.id);
        for (const identity of theirs) expect(await isServed(storage, identity)).toBe(false);
        if (theirs.length > 0) expect(await epochNow()).toBeGreaterThan(epoch);
      } finally {
        await storage.close();
      }
    },
  );
});
