import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drainRevocations, startRevocationWorker } from '../../src/inbound/revocation/revocation.ts';
import { deleteInboundPeer } from '../../src/inbound/peers/peers-inbound.ts';
import { deleteUser } from '../../src/directory/users.ts';
import { opensslText } from '../../ca/testing/openssl.testkit.ts';
import { startGateway, unreachable, type Gateway } from '../testing/gateway.testkit.ts';
import { enrolledPeer } from '../testing/peer.testkit.ts';

const tasks = { resources: ['tasks'], max_rows_per_query: 100 };

describe('grants', () => {
  let gateway: Gateway;
  let alice: { id: string; name: string };
  let isCaAway = false;
  /** How many certificates were revoked at the CA when the front was told. */
  const frontTold: number[] = [];
  let frontFollows: Promise<void> = Promise.resolve();
  let revokedAtCa = 0;

  beforeAll(async () => {
    gateway = await startGateway(({ ca }) => ({
      ca: {
        kind: ca.kind,
        rootPem: () => ca.rootPem(),
        issue: (request) => ca.issue(request),
        crl: () => ca.crl(),
        revoke: async (...revocation) => {
          if (isCaAway) return unreachable();
          await ca.revoke(...revocation);
          revokedAtCa += 1;
        },
      },
      refreshFront: async () => {
        frontTold.push(revokedAtCa);
        await frontFollows;
      },
    }));
    alice = await gateway.user('alice');
  });
  afterAll(() => gateway.close());

  const actions = async (grantId: string) =>
    (await gateway.audited((entry) => entry.grantId === grantId))
      .map(({ action }) => action ?? '')
      .toSorted();
  const serialOf = async (grantId: string) =>
    String(
      (await gateway.sql('select serial from issued_certificates where grant_id = $1', [grantId]))[0]?.[
        'serial'
      ],
    );
  const crlText = async () => {
    const { pem } = await gateway.deps.ca.crl();
    return (await opensslText(['crl', '-in', '@crl', '-noout', '-text'], { crl: pem })).toLowerCase();
  };

  it('M2-7 a scope with an unknown resource is refused with its path, and nothing is written', async () => {
    const count = async () =>
      (await gateway.sql('select count(*)::int as n from federation_peers'))[0]?.['n'];
    const before = await count();
    const answer = await gateway.admin('/grants', {
      user: 'alice',
      peer: 'nobody',
      scope: { resources: ['tasks', 'mails'], max_rows_per_query: 0, x: 1 },
    });
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid_scope']);
    expect(answer.body.issues.map(({ path }) => path)).toEqual(['x', 'resources[1]', 'max_rows_per_query']);
    for (const scope of [null, [], 'tasks', 5, {}]) {
      expect((await gateway.admin('/grants', { user: 'alice', peer: 'nobody', scope })).body.code).toBe(
        'invalid_scope',
      );
    }
    expect(await count()).toBe(before);
  });

  it('the subject by id or name must exist; the peer’s name is checked', async () => {
    const by = (user: string, peer = gateway.unique('peer')) =>
      gateway.admin('/grants', { user, peer, scope: tasks });
    expect((await by(alice.id)).body.grant.subject_user_id).toBe(alice.id);
    expect((await by('alice')).body.grant.subject_user_id).toBe(alice.id);
    for (const user of ['nobody', crypto.randomUUID()]) {
      const answer = await by(user);
      expect([answer.status, answer.body.code, answer.body.issues[0]?.path]).toEqual([
        400,
        'invalid_request',
        'user',
      ]);
    }
    expect((await by('alice', 'Not A Name')).body.code).toBe('invalid_request');
  });

  it('sensitive resources need approval, and the approval leaves an audit entry', async () => {
    const scope = { resources: ['tasks', 'credentials'], max_rows_per_query: 10 };
    const body = { user: 'alice', peer: gateway.unique('peer'), scope };
    const refused = await gateway.admin('/grants', body);
    expect([refused.status, refused.body.code]).toEqual([400, 'sensitive_not_approved']);
    const made = await gateway.admin('/grants', { ...body, approve_sensitive: true });
    expect(made.status).toBe(201);
    expect(await actions(made.body.grant.id)).toEqual(['grant.create', 'grant.sensitive_approved']);
    const plain = await gateway.grant('alice');
    expect((await gateway.admin(`/grants/${plain.grant.id}`, { scope }, 'PATCH')).body.code).toBe(
      'sensitive_not_approved',
    );
    await gateway.admin(`/grants/${plain.grant.id}`, { scope, approve_sensitive: true }, 'PATCH');
    expect(await actions(plain.grant.id)).toEqual([
      'grant.change',
      'grant.create',
      'grant.sensitive_approved',
    ]);
  });

  it('a change raises the version, names what it clashes with, and refuses to do nothing', async () => {
    const { grant } = await gateway.grant('alice');
    const path = `/grants/${grant.id}`;
    const change = { rate_limit_per_minute: 7, cache_ttl_seconds: 0, version: 1 };
    const changed = await gateway.admin(path, change, 'PATCH');
    const { version: _version, ...changes } = change;
    expect(changed.body).toMatchObject({ version: 2, ...changes, scope: grant.scope });
    expect((await gateway.admin(path, { cache_ttl_seconds: 301 }, 'PATCH')).body.code).toBe(
      'invalid_request',
    );
    expect((await gateway.admin(path, { rate_limit_per_minute: null, version: 1 }, 'PATCH')).body.code).toBe(
      'conflict',
    );
    expect((await gateway.admin(path, {}, 'PATCH')).body.code).toBe('invalid_request');
    expect(
      (await gateway.admin(path, { expires_at: '2020-01-01T00:00:00Z' }, 'PATCH')).body.issues[0]?.path,
    ).toBe('expires_at');
    expect((await gateway.admin(path, { subject_user_id: alice.id }, 'PATCH')).body.code).toBe(
      'invalid_request',
    );
    expect(
      (await gateway.admin(`/grants/${crypto.randomUUID()}`, { rate_limit_per_minute: 7 }, 'PATCH')).status,
    ).toBe(404);
    expect((await gateway.admin('/grants/nonsense')).status).toBe(400);
  });

  it('revoking is final, and answers the same when done again', async () => {
    const peer = await enrolledPeer(gateway, 'alice', tasks);
    const first = await gateway.admin(`/grants/${peer.grantId}/revoke`, { reason: 'left the company' });
    const again = await gateway.admin(`/grants/${peer.grantId}/revoke`, { reason: 'another' });
    expect(first.body).toMatchObject({ status: 'revoked', revoked_reason: 'left the company' });
    expect([again.status, again.body]).toEqual([200, first.body]);
    expect((await actions(peer.grantId)).filter((action) => action === 'grant.revoke')).toHaveLength(1);
    expect(
      (await gateway.admin(`/grants/${peer.grantId}`, { rate_limit_per_minute: 7 }, 'PATCH')).body.code,
    ).toBe('invalid_transition');
    expect((await gateway.admin(`/grants/${crypto.randomUUID()}/revoke`, {})).status).toBe(404);
    expect((await peer.get('/tasks')).body.code).toBe('grant_revoked');
    expect(await crlText()).toContain(await serialOf(peer.grantId));
  });

  it('a revocation that the CA could not be told of waits in the outbox until it can', async () => {
    const peer = await enrolledPeer(gateway, 'alice', tasks);
    isCaAway = true;
    expect((await gateway.admin(`/grants/${peer.grantId}/revoke`, {})).body.status).toBe('revoked');
    isCaAway = false;
    expect((await peer.get('/tasks')).body.code).toBe('grant_revoked');
    const serial = await serialOf(peer.grantId);
    expect(await crlText()).not.toContain(serial);
    expect(await drainRevocations(gateway.deps)).toBe(0);
    const worker = startRevocationWorker(gateway.deps);
    await expect.poll(crlText, { timeout: 10_000, interval: 200 }).toContain(serial);
    await worker.stop();
  });

  it('M6-2 what deleting a user leaves in the outbox reaches the CRL', async () => {
    const user = await gateway.user();
    const peer = await enrolledPeer(gateway, user.name, tasks);
    await gateway.admin(`/users/${user.id}`, undefined, 'DELETE');
    await drainRevocations(gateway.deps);
    expect(await crlText()).toContain(await serialOf(peer.grantId));
  });

  it('M6-1 grants that end together do not wait for the front one after the other, and their end waits for the last', async () => {
    const user = await gateway.user();
    const count = 6;
    for (let n = 0; n < count; n += 1) await enrolledPeer(gateway, user.name, tasks);
    const before = revokedAtCa;
    frontTold.length = 0;
    let follow = (): void => undefined;
    frontFollows = new Promise((resolve) => (follow = resolve));
    let isDone = false;
    const deleted = gateway.admin(`/users/${user.id}`, undefined, 'DELETE').then(() => (isDone = true));
    await expect.poll(() => frontTold.length).toBe(count);
    expect(frontTold).toEqual(Array.from({ length: count }, (_, n) => before + n + 1));
    expect(isDone).toBe(false);
    follow();
    await deleted;
    expect(frontTold).toHaveLength(count);
  });

  it('deleting an inbound peer revokes its grants, keeps them, and frees the name', async () => {
    const peer = await enrolledPeer(gateway, 'alice', tasks);
    const name = (await gateway.admin(`/grants/${peer.grantId}`)).body.peer.name;
    const actor = {
      principal: { userId: alice.id, isAdmin: true, access: 'write' },
      traceId: 'e'.repeat(32),
    } as const;
    await deleteInboundPeer(gateway.deps, actor, peer.peerId);
    expect((await gateway.admin(`/grants/${peer.grantId}`)).body).toMatchObject({
      status: 'revoked',
      peer: { id: peer.peerId, name: null },
    });
    expect((await peer.get('/tasks')).body.code).toBe('grant_revoked');
    expect(await crlText()).toContain(await serialOf(peer.grantId));
    await expect(deleteInboundPeer(gateway.deps, actor, peer.peerId)).rejects.toMatchObject({
      code: 'not_found',
    });
    expect((await gateway.admin('/grants', { user: 'alice', peer: name, scope: tasks })).status).toBe(201);
  });

  it('a second grant joins the peer of that name, unless it is suspended or revoked', async () => {
    const { grant } = await gateway.grant('alice');
    const again = () => gateway.admin('/grants', { user: 'alice', peer: grant.peer.name, scope: tasks });
    expect((await again()).body.grant.peer.id).toBe(grant.peer.id);
    for (const state of ['suspended', 'revoked']) {
      await gateway.sql('update federation_peers set state = $1::peer_state where id = $2', [
        state,
        grant.peer.id,
      ]);
      expect((await again()).body.code).toBe('invalid_transition');
    }
  });

  it('M2-8 lists every state accurately, filtered and paged', async () => {
    const bob = await gateway.user('bob');
    const [pending, active, revoked, expired] = [
      (await gateway.grant('bob')).grant.id,
      (await enrolledPeer(gateway, 'bob', tasks)).grantId,
      (await gateway.grant('bob')).grant.id,
      (await gateway.grant('bob')).grant.id,
    ];
    await gateway.admin(`/grants/${revoked}/revoke`, {});
    await gateway.sql(`update federation_grants set expires_at = now() - interval '1 s' where id = $1`, [
      expired,
    ]);
    const list = async (query: string) =>
      (await gateway.admin(`/grants?subject_user_id=${bob.id}${query}`)).body;
    const states = (await list('')).items.map(({ id, status }) => [id, status] as const);
    expect(Object.fromEntries(states)).toEqual(
      Object.fromEntries([
        [pending, 'pending'],
        [active, 'active'],
        [revoked, 'revoked'],
        [expired, 'expired'],
      ]),
    );
    const page = await list('&limit=3');
    expect((await list(`&limit=3&cursor=${page.next_cursor}`)).items).toHaveLength(1);
    expect((await list('&status=revoked')).items.map(({ id }) => id)).toEqual([revoked]);
    expect((await list('&status=gone')).code).toBe('invalid_request');
  });

  it.each([
    '9999-12-31T23:59:59-14:00',
    '0000-01-01T00:00:00Z',
    '2031-02-31T00:00:00Z',
    '2031-01-01T24:00:00Z',
    '2031-01-01T00:00:00+99:99',
  ])('X-32 a time no calendar or database has (%s) is refused and never an error of ours', async (time) => {
    const query = `/audit?to=${encodeURIComponent(time)}`;
    const { grant } = await gateway.grant('alice');
    const patched = await gateway.admin(`/grants/${grant.id}`, { expires_at: time }, 'PATCH');
    expect([patched.status, (await gateway.admin(query)).status]).toEqual([400, 400]);
    expect(patched.body.issues.map(({ path }) => path)).toEqual(['expires_at']);
  });

  it('deleting a peer revokes also a grant that another administrator makes in that moment', async () => {
    const { grant } = await gateway.grant('alice');
    const late = crypto.randomUUID();
    const { storage } = gateway.deps;
    // What commits between two statements of a transaction the later one sees: READ COMMITTED.
    const raced = {
      ...gateway.deps,
      storage: {
        ...storage,
        transaction: ((work, options) =>
          storage.transaction(
            (stores) =>
              work({
                ...stores,
                peers: {
                  ...stores.peers,
                  delete: async (id) => {
                    const found = await stores.grants.byId(grant.id);
                    if (found === null) throw new Error('no grant to copy');
                    await stores.grants.insert({
                      ...found,
                      grant: { ...found.grant, id: late, status: 'pending', revokedAt: null },
                    });
                    return stores.peers.delete(id);
                  },
                },
              }),
            options,
          )) satisfies typeof storage.transaction,
      },
    };
    const principal = { userId: alice.id, isAdmin: true, access: 'write' as const };
    await deleteInboundPeer(raced, { principal, traceId: 'e'.repeat(32) }, grant.peer.id);
    for (const id of [grant.id, late]) {
      expect((await gateway.admin(`/grants/${id}`)).body.status).toBe('revoked');
      expect(await actions(id)).toContain('grant.revoke');
    }
  });

  it('of two administrators who delete each other at once one remains', async () => {
    const [one, two] = [await gateway.user(), await gateway.user()];
    await gateway.sql('update users set is_admin = true where id in ($1, $2)', [one.id, two.id]);
    // Both requests were let in before either was carried out.
    const as = (user: { id: string }) => ({
      principal: { userId: user.id, isAdmin: true, access: 'write' as const },
      traceId: 'f'.repeat(32),
    });
    await deleteUser(gateway.deps, as(one), two.id);
    await expect(deleteUser(gateway.deps, as(two), one.id)).rejects.toMatchObject({ code: 'conflict' });
    expect((await gateway.admin(`/users/${one.id}`)).status).toBe(200);
  });

  it.each([
    ['GET', '/grants'],
    ['POST', '/grants'],
    ['GET', '/audit'],
    ['PATCH', '/grants/0f8fad5b-d9cb-469f-a165-70867728950e'],
    ['POST', '/grants/0f8fad5b-d9cb-469f-a165-70867728950e/revoke'],
    ['POST', '/grants/0f8fad5b-d9cb-469f-a165-70867728950e/enrollment'],
  ])('X-80 %s %s takes an administrator’s token', async (method, path) => {
    expect((await gateway.call(`/api/admin${path}`, { method })).status).toBe(401);
    expect((await gateway.call(`/api/admin${path}`, { method, token: `mos_${'A'.repeat(43)}` })).status).toBe(
      401,
    );
  });
});
