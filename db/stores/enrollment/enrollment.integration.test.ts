import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PgliteStorage } from '../../connect/pglite.ts';
import { memoryStorage, queryAs } from '../../testing/database.testkit.ts';
import {
  aPeer,
  aTeam,
  aUser,
  anActiveGrant,
  anEntry,
  at,
  FAR,
  pendingGrant,
  scopeOf,
  T0,
} from '../../testing/world.testkit.ts';

let storage: PgliteStorage;
beforeAll(async () => {
  storage = await memoryStorage();
}, 60_000);
afterAll(() => storage.close());

const root = (text: string, params: unknown[] = []) => queryAs(storage.client, 'postgres', text, params);
const asAdmin = { asAdmin: true };
const anyDate = expect.any(Date) as Date;

describe('enrollment', () => {
  const aToken = async (): Promise<{ hash: string; grantId: string }> => {
    const grant = pendingGrant(await aPeer(storage), await aUser(storage), scopeOf());
    await storage.stores.grants.insert({ grant, auditKeySealed: 'x' });
    const hash = crypto.randomUUID();
    await storage.stores.enrollmentTokens.insert({
      hash,
      grantId: grant.id,
      createdAt: T0,
      expiresAt: at(900),
    });
    return { hash, grantId: grant.id };
  };

  it('X-23 M2-3 gives a token to one of a hundred claims; the others wait, then learn that it is used', async () => {
    const { enrollmentTokens: tokens } = storage.stores;
    const { hash, grantId } = await aToken();
    const claims = Array.from({ length: 100 }, (_, index) => `claim-${index}`);
    const outcomes = await Promise.all(claims.map((claim) => tokens.claim(hash, claim, at(1), at(31))));
    const winners = claims.filter((_, index) => outcomes[index]?.kind === 'claimed');
    expect(winners).toHaveLength(1);
    expect(outcomes.filter(({ kind }) => kind === 'busy')).toHaveLength(99);
    expect(outcomes.find(({ kind }) => kind === 'claimed')).toEqual({ kind: 'claimed', grantId });
    expect(await tokens.finish(hash, 'somebody else', at(2))).toBe(false);
    expect(await tokens.finish(hash, winners[0] ?? '', at(2))).toBe(true);
    expect(await tokens.finish(hash, winners[0] ?? '', at(2))).toBe(false);
    expect(await tokens.claim(hash, 'late', at(3), at(33))).toEqual({ kind: 'used' });
  });

  it('gives a token back when the CA failed, and takes over from one who died', async () => {
    const { enrollmentTokens: tokens } = storage.stores;
    const { hash } = await aToken();
    expect(await tokens.claim(hash, 'a', at(1), at(31))).toMatchObject({ kind: 'claimed' });
    await tokens.release(hash, 'b');
    expect(await tokens.claim(hash, 'b', at(2), at(32))).toEqual({ kind: 'busy' });
    await tokens.release(hash, 'a');
    expect(await tokens.claim(hash, 'b', at(2), at(32))).toMatchObject({ kind: 'claimed' });
    expect(await tokens.claim(hash, 'c', at(32), at(62))).toMatchObject({ kind: 'claimed' });
    expect(await tokens.finish(hash, 'b', at(33))).toBe(false);
    expect(await tokens.finish(hash, 'c', at(33))).toBe(true);
  });

  it('knows unknown, expired and closed tokens', async () => {
    const { enrollmentTokens: tokens } = storage.stores;
    const [expired, closed] = [await aToken(), await aToken()];
    expect(await tokens.claim('nothing', 'a', T0, at(30))).toEqual({ kind: 'unknown' });
    expect(await tokens.claim(expired.hash, 'a', at(900), at(930))).toEqual({ kind: 'expired' });
    expect(await tokens.claim(closed.hash, 'a', at(1), at(31))).toMatchObject({ kind: 'claimed' });
    await tokens.closeForGrant(closed.grantId, at(2));
    expect(await tokens.finish(closed.hash, 'a', at(3))).toBe(false);
    expect(await tokens.claim(closed.hash, 'b', at(3), at(33))).toEqual({ kind: 'used' });
  });

  it('M6-2 deleting a user revokes grants and certificates and queues the serials; ids stay', async () => {
    const { grants, certificates, revocationOutbox, audit } = storage.stores;
    const subject = await aUser(storage);
    const team = await aTeam(storage, subject);
    const { grant, identity } = await anActiveGrant(storage, subject);
    await root(
      `insert into notes (id, owner_id, team_id, created_at, updated_at, title) values
        (gen_random_uuid(), $1, null, now(), now(), 'personal'), (gen_random_uuid(), $1, $2, now(), now(), 'of the team')`,
      [subject, team],
    );
    const entry = anEntry({ grantId: grant.id, subjectUserId: subject });
    await audit.insertMany([entry]);
    // A right that the role lacks is a database that does not stand as it should (F-21).
    await expect(storage.transaction(({ users }) => users.delete(subject))).rejects.toMatchObject({
      code: 'database_unavailable',
    });
    expect(await storage.transaction(({ users }) => users.delete(subject), asAdmin)).toBe(true);
    expect((await grants.byId(grant.id))?.grant).toMatchObject({
      status: 'revoked',
      version: grant.version + 1,
      subjectUserId: subject,
      revokedReason: 'user_deleted',
      revokedAt: anyDate,
    });
    expect(await certificates.ofGrant(grant.id)).toEqual([
      expect.objectContaining({ status: 'revoked', revokedAt: anyDate }),
    ]);
    const now = new Date(Date.now() + 1000);
    const [item, ...others] = (
      await revocationOutbox.take(100, now, new Date(now.getTime() + 30_000))
    ).filter(({ serial }) => serial === identity.serial);
    expect(others).toEqual([]);
    expect(item).toMatchObject({ reason: 'user_deleted', attempts: 1 });
    expect((await audit.list({ limit: 9, after: null }, { grantId: grant.id })).items).toEqual([entry]);
    expect(await root('select title, owner_id, team_id from notes')).toEqual([
      { title: 'of the team', owner_id: null, team_id: team },
    ]);
    await root('delete from revocation_outbox');
  });

  it('hands each revocation to one worker at a time until it is done', async () => {
    const { certificates, revocationOutbox: outbox } = storage.stores;
    const { grant, identity } = await anActiveGrant(storage, await aUser(storage));
    expect(await certificates.revokeOfGrant(grant.id, 'superseded', at(1))).toEqual([identity.serial]);
    expect(await certificates.revokeOfGrant(grant.id, 'superseded', at(1))).toEqual([]);
    const [item] = await outbox.take(10, at(2), at(32));
    expect(item).toMatchObject({ serial: identity.serial, reason: 'superseded', attempts: 1 });
    expect(await outbox.take(10, at(2), at(32))).toEqual([]);
    await outbox.failed(item?.id ?? '', at(10));
    expect(await outbox.take(10, at(10), at(40))).toEqual([expect.objectContaining({ attempts: 2 })]);
    await outbox.done(item?.id ?? '', at(11));
    expect(await outbox.take(10, at(99), at(120))).toEqual([]);
  });

  it('records an intent before its outcome, and one outcome only', async () => {
    const { certificates } = storage.stores;
    const { grant } = await anActiveGrant(storage, await aUser(storage));
    const id = crypto.randomUUID();
    await certificates.insertRequested(id, grant.id, at(1));
    await certificates.markFailed(id);
    const issued = { serial: crypto.randomUUID(), fingerprint: 'f', notBefore: T0, notAfter: FAR };
    await expect(certificates.markIssued(id, issued)).rejects.toMatchObject({ code: 'conflict' });
    expect((await certificates.ofGrant(grant.id))[0]).toMatchObject({ id, status: 'failed', serial: null });
  });
});
