import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PeerState } from '../../../domain/peers/peer.ts';
import type { PgliteStorage } from '../../connect/pglite.ts';
import { memoryStorage, queryAs } from '../../testing/database.testkit.ts';
import { aPeer, aUser, anEntry, at, FAR, pendingGrant, scopeOf, T0 } from '../../testing/world.testkit.ts';

let storage: PgliteStorage;
beforeAll(async () => {
  storage = await memoryStorage();
}, 60_000);
afterAll(() => storage.close());

const root = (text: string, params: unknown[] = []) => queryAs(storage.client, 'postgres', text, params);

/** A pending grant with a token, and a peer in some state. */
const anInvitation = async (state: PeerState = 'pending', expiresAt: Date | null = null) => {
  const [peerId, subjectUserId] = [await aPeer(storage), await aUser(storage)];
  await root(`update federation_peers set state = $2::peer_state where id = $1`, [peerId, state]);
  const grant = { ...pendingGrant(peerId, subjectUserId, scopeOf({ max_rows_per_query: 7 })), expiresAt };
  await storage.stores.grants.insert({ grant, auditKeySealed: 'x' });
  const hash = crypto.randomUUID();
  await storage.stores.enrollmentTokens.insert({
    hash,
    grantId: grant.id,
    createdAt: T0,
    expiresAt: at(900),
  });
  const certificateId = crypto.randomUUID();
  const begin = (claimId = 'mine', id = certificateId) =>
    storage.stores.enrollments.begin(
      { hash, claimId, now: at(1), leaseUntil: at(31) },
      { certificateId: id, publicKeyHash: 'p' },
    );
  const entry = anEntry({ grantId: grant.id, peerId, subjectUserId, verb: 'enroll', action: 'grant.enroll' });
  const serial = crypto.randomUUID().replaceAll('-', '');
  const conclude = () =>
    storage.stores.enrollments.conclude({
      hash,
      claimId: 'mine',
      grantId: grant.id,
      certificateId,
      serial,
      fingerprint: 'f',
      notBefore: T0,
      notAfter: FAR,
      at: at(2),
      entry,
    });
  /** Every row an enrollment may touch. */
  const rows = async () => ({
    grant: await root('select to_jsonb(g) as row from federation_grants g where id = $1', [grant.id]),
    peer: await root('select to_jsonb(p) as row from federation_peers p where id = $1', [peerId]),
    token: await root('select to_jsonb(t) as row from federation_enrollment_tokens t where hash = $1', [
      hash,
    ]),
    certificates: await root(
      'select to_jsonb(c) as row from issued_certificates c where grant_id = $1 order by id',
      [grant.id],
    ),
    entries: await root('select to_jsonb(a) as row from federation_audit_log a where grant_id = $1', [
      grant.id,
    ]),
  });
  return { grant, peerId, subjectUserId, hash, certificateId, serial, entry, begin, conclude, rows };
};

describe('an enrollment in two statements', () => {
  it('M2-3 claims the token and writes the intent down, then makes grant, peer and certificate count', async () => {
    const one = await anInvitation();
    expect(await one.begin()).toEqual({
      kind: 'claimed',
      grantId: one.grant.id,
      grant: {
        id: one.grant.id,
        peerId: one.peerId,
        subjectUserId: one.subjectUserId,
        expiresAt: null,
      },
    });
    const { certificates } = storage.stores;
    expect(await certificates.ofGrant(one.grant.id)).toEqual([
      expect.objectContaining({
        id: one.certificateId,
        status: 'requested',
        publicKeyHash: 'p',
        serial: null,
      }),
    ]);
    const active = { ...one.grant, status: 'active' as const, version: 2, activatedAt: at(2) };
    expect(await one.conclude()).toEqual(active);
    expect((await storage.stores.grants.byId(one.grant.id))?.grant).toEqual(active);
    expect((await storage.stores.peers.byId(one.peerId))?.state).toBe('active');
    expect(await certificates.ofGrant(one.grant.id)).toEqual([
      expect.objectContaining({
        status: 'issued',
        serial: one.serial,
        fingerprint: 'f',
        notBefore: T0,
        notAfter: FAR,
      }),
    ]);
    expect(
      (await storage.stores.audit.list({ limit: 9, after: null }, { grantId: one.grant.id })).items,
    ).toEqual([one.entry]);
    expect(await one.begin('late')).toEqual({ kind: 'used' });
  });

  it('a peer that is active already stays as it is', async () => {
    const one = await anInvitation('active');
    await one.begin();
    const before = await one.rows();
    expect((await one.conclude())?.status).toBe('active');
    expect((await one.rows()).peer).toEqual(before.peer);
  });

  it('M2-3 X-23 of a hundred at once one claims, and one intent is written', async () => {
    const one = await anInvitation();
    const tries = Array.from({ length: 100 }, (_, index) => one.begin(`claim-${index}`, crypto.randomUUID()));
    const kinds = (await Promise.all(tries)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'claimed')).toHaveLength(1);
    expect(kinds.filter((kind) => kind === 'busy')).toHaveLength(99);
    expect(await storage.stores.certificates.ofGrant(one.grant.id)).toHaveLength(1);
  });

  it('M2-3 X-22 X-24 unknown, used and expired tokens claim nothing and write nothing', async () => {
    const [used, expired] = [await anInvitation(), await anInvitation()];
    await storage.stores.enrollmentTokens.closeForGrant(used.grant.id, T0);
    await root('update federation_enrollment_tokens set expires_at = $2 where hash = $1', [expired.hash, T0]);
    const intent = { certificateId: crypto.randomUUID(), publicKeyHash: 'p' };
    const claim = { hash: 'nothing', claimId: 'a', now: T0, leaseUntil: at(30) };
    expect(await storage.stores.enrollments.begin(claim, intent)).toEqual({ kind: 'unknown' });
    expect(await used.begin()).toEqual({ kind: 'used' });
    expect(await expired.begin()).toEqual({ kind: 'expired' });
    for (const { grant } of [used, expired])
      expect(await storage.stores.certificates.ofGrant(grant.id)).toEqual([]);
  });

  it.each<[string, () => ReturnType<typeof anInvitation>]>([
    ['the peer is suspended', () => anInvitation('suspended')],
    ['the peer is revoked', () => anInvitation('revoked')],
    ['the grant has expired', () => anInvitation('pending', at(1))],
  ])('no intent where %s', async (_what, invite) => {
    const one = await invite();
    expect(await one.begin()).toEqual({ kind: 'claimed', grantId: one.grant.id, grant: null });
    expect(await storage.stores.certificates.ofGrant(one.grant.id)).toEqual([]);
  });

  it.each<[string, string]>([
    ['the grant was revoked', `update federation_grants set status = 'revoked' where id = $1`],
    ['the grant is active', `update federation_grants set status = 'active' where id = $1`],
    ['the token was spent', `update federation_enrollment_tokens set used_at = now() where grant_id = $1`],
    ['another holds the token', `update federation_enrollment_tokens set claim_id = 'x' where grant_id = $1`],
    ['the token was released', `update federation_enrollment_tokens set claim_id = null where grant_id = $1`],
    ['the intent was given up', `update issued_certificates set status = 'failed' where grant_id = $1`],
    [
      'the peer was suspended',
      `update federation_peers set state = 'suspended' where id = (select peer_id from federation_grants where id = $1)`,
    ],
    [
      'the peer was revoked',
      `update federation_peers set state = 'revoked' where id = (select peer_id from federation_grants where id = $1)`,
    ],
  ])('concludes nothing, and changes no row, when %s', async (_what, change) => {
    const one = await anInvitation();
    await one.begin();
    await root(change, [one.grant.id]);
    const before = await one.rows();
    expect(await one.conclude()).toBeNull();
    expect(await one.rows()).toEqual(before);
  });

  it('all or nothing: an entry that can not be written leaves everything as it was', async () => {
    const [first, second] = [await anInvitation(), await anInvitation()];
    await first.begin();
    await first.conclude();
    await second.begin();
    const before = await second.rows();
    // The serial of another certificate: the last thing but one that is written.
    await root('update issued_certificates set serial = $2 where id = $1', [
      first.certificateId,
      second.serial,
    ]);
    await expect(second.conclude()).rejects.toMatchObject({ code: 'conflict' });
    expect(await second.rows()).toEqual(before);
  });
});
