import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { decide, decideNative } from '../../domain/access/decide.ts';
import type { Grant } from '../../domain/grants/grant.ts';
import type { CertificateIdentity } from '../../domain/peers/identity.ts';
import { PEER_STATES } from '../../domain/peers/peer.ts';
import type { PgliteStorage } from '../connect/pglite.ts';
import { memoryStorage, seed } from '../testing/database.testkit.ts';
import { aUser, anActiveGrant, T0, type Enrolled } from '../testing/world.testkit.ts';
import { listStatement } from './read.ts';

/*
 * MUTANTS sql/read and 0021: the fence by itself. Everything before it is made to say yes: the decision is on the newest version of the
 * grant and by an old clock, so that only what the statement looks at can refuse.
 */
let storage: PgliteStorage;
let enrolled: Enrolled;
let me: string;

beforeAll(async () => {
  storage = await memoryStorage();
}, 120_000);
afterAll(() => storage.close());

beforeEach(async () => {
  me = await aUser(storage);
  enrolled = await anActiveGrant(storage, me);
  await seed(
    storage.client,
    `insert into tasks (id, owner_id, created_at, updated_at, title) values (gen_random_uuid(), '${me}', now(), now(), 'mine')`,
  );
});

const edit = (table: string, change: string): Promise<void> => {
  const key = {
    federation_grants: `id = '${enrolled.grant.id}'`,
    federation_peers: `id = '${enrolled.grant.peerId}'`,
    issued_certificates: `grant_id = '${enrolled.grant.id}'`,
    gateway_revocation: 'id = 1',
  }[table];
  return seed(storage.client, `update ${table} set ${change} where ${key ?? 'false'}`);
};

/** Rows that the statement gives, or null when it was not let in. */
const read = async (
  over: {
    readonly grant?: Partial<Grant>;
    readonly identity?: Partial<CertificateIdentity>;
    readonly epoch?: number;
  } = {},
): Promise<number | null> => {
  const record = await storage.stores.grants.byId(enrolled.grant.id);
  const newest = { ...enrolled.grant, version: record?.grant.version ?? 0, ...over.grant };
  const identity = { ...enrolled.identity, ...over.identity };
  const query = { resource: 'tasks', limit: 10, after: null } as const;
  const decided = decide.list(newest, identity, query, T0, over.epoch ?? 0);
  if (!decided.ok) throw new Error(decided.error);
  const page = await storage.reader.list(decided.value);
  return page.admitted ? page.value.items.length : null;
};

describe('MUTANTS sql/read the fence, one condition at a time', () => {
  it('lets in what holds', async () => expect(await read()).toBe(1));

  it.each([
    ['the grant is pending', 'federation_grants', `status = 'pending'`],
    ['the grant is revoked', 'federation_grants', `status = 'revoked'`],
    ['the grant is expired', 'federation_grants', `status = 'expired'`],
    ['the grant ended a moment ago', 'federation_grants', `expires_at = now() - interval '1 ms'`],
    ['the certificate was asked for only', 'issued_certificates', `status = 'requested'`],
    ['the certificate failed', 'issued_certificates', `status = 'failed'`],
    ['the certificate is revoked', 'issued_certificates', `status = 'revoked'`],
    [
      'the certificate has a time of revocation',
      'issued_certificates',
      `revoked_at = now() + interval '1 day'`,
    ],
    ['the certificate ended a moment ago', 'issued_certificates', `not_after = now() - interval '1 ms'`],
    [
      'the certificate was superseded a moment ago',
      'issued_certificates',
      `revoke_at = now() - interval '1 ms'`,
    ],
    ['a revocation was lost', 'gateway_revocation', 'lost_since = now()'],
  ])('reads nothing when %s', async (_what, table, change) => {
    await edit(table, change);
    expect(await read()).toBeNull();
    if (table === 'gateway_revocation') await edit(table, 'lost_since = null');
  });

  it.each([
    ['the grant ends later', 'federation_grants', `expires_at = now() + interval '1 minute'`],
    ['the certificate is superseded later', 'issued_certificates', `revoke_at = now() + interval '1 minute'`],
    ['the certificate ends in a moment', 'issued_certificates', `not_after = now() + interval '1 minute'`],
  ])('reads on when %s', async (_what, table, change) => {
    await edit(table, change);
    expect(await read()).toBe(1);
  });

  it.each(PEER_STATES)('reads by a peer in use only, and not by chance by one that is %s', async (state) => {
    await edit('federation_peers', `state = '${state}'`);
    expect(await read()).toBe(state === 'active' || state === 'degraded' ? 1 : null);
  });

  it('is of this version, this certificate and this subject, and of no mixture', async () => {
    await edit('federation_grants', 'version = version + 1');
    expect(await read()).toBe(1);
    const { version } = enrolled.grant;
    for (const old of [version, version + 2]) expect(await read({ grant: { version: old } })).toBeNull();
    const other = await anActiveGrant(storage, await aUser(storage));
    for (const identity of [
      { serial: 'ff' },
      { fingerprint: '0'.repeat(64) },
      { serial: other.identity.serial },
    ])
      expect(await read({ identity })).toBeNull();
    const foreign = { subjectUserId: other.grant.subjectUserId };
    expect(await read({ grant: foreign, identity: foreign })).toBeNull();
    const theirs = { id: other.grant.id };
    expect(await read({ grant: theirs, identity: { grantId: other.grant.id } })).toBeNull();
    // Another certificate of the very grant is as good.
    const [id, serial] = [crypto.randomUUID(), 'abc1'];
    const { certificates } = storage.stores;
    await certificates.insertRequested(id, enrolled.grant.id, T0);
    const fingerprint = 'e'.repeat(64);
    const { notBefore, notAfter } = enrolled.identity;
    await certificates.markIssued(id, { serial, fingerprint, notBefore, notAfter });
    expect(await read({ identity: { serial, fingerprint } })).toBe(1);
    expect(await read({ identity: { serial } })).toBeNull();
  });

  it('reads nothing in a database that is older than what this process knows of', async () => {
    const [row] = (
      await storage.client.query<{ epoch: number }>('select epoch::int from gateway_revocation where id = 1')
    ).rows;
    const epoch = row?.epoch ?? 0;
    expect(await read({ epoch })).toBe(1);
    expect(await read({ epoch: epoch - 1 })).toBe(1);
    expect(await read({ epoch: epoch + 1 })).toBeNull();
  });

  it('leaves neither subject nor fence on the session, let in or not, by a peer or a person', async () => {
    const left = async (): Promise<unknown> =>
      (
        await storage.client.query(
          `select nullif(current_setting('app.subject', true), '') as subject, nullif(current_setting('app.fence', true), '') as fence`,
        )
      ).rows[0];
    expect(await read()).toBe(1);
    expect(await left()).toEqual({ subject: null, fence: null });
    expect(await read({ identity: { serial: 'ff' } })).toBeNull();
    expect(await left()).toEqual({ subject: null, fence: null });
    // A person's statement sets the subject by itself.
    const own = decideNative.list(
      { userId: me, isAdmin: false, access: 'read' },
      { resource: 'tasks', limit: 10, after: null },
    );
    const { text, params } = listStatement(own.terms);
    expect((await storage.client.query(text, [...params])).rows).toHaveLength(1);
    expect(await left()).toEqual({ subject: null, fence: null });
  });

  it('gives no subject to a statement that comes after a refusal in the same transaction', async () => {
    const { identity, grant } = enrolled;
    const enter = (serial: string): [string, unknown[]] => [
      'select app.enter_fence($1, $2, $3, $4, $5) as subject',
      [me, grant.id, grant.version, serial, identity.fingerprint],
    ];
    await storage.client.transaction(async (transaction) => {
      await transaction.exec('set local role mosaic_app');
      const first = await transaction.query<{ subject: string | null }>(...enter(identity.serial));
      expect(first.rows[0]?.subject).toBe(me);
      expect((await transaction.query('select title from tasks')).rows).toHaveLength(1);
      const second = await transaction.query<{ subject: string | null }>(...enter('ff'));
      expect(second.rows[0]?.subject).toBeNull();
      expect((await transaction.query('select title from tasks')).rows).toEqual([]);
    });
  });

  it.each(['', 'x', '1 2 3 4', '1 2 3 4 5 6'])(
    'takes a fence of the wrong form (%j) for none',
    async (fence) => {
      await storage.client.transaction(async (transaction) => {
        await transaction.query(`select set_config('app.fence', $1, true)`, [fence]);
        const { rows } = await transaction.query<{ subject: string | null }>(
          'select app.fenced_subject() as subject',
        );
        expect(rows).toEqual([{ subject: null }]);
      });
    },
  );
});
