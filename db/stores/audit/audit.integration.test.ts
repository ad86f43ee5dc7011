import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PgliteStorage } from '../../connect/pglite.ts';
import { checkSealingKey } from '../../sealing/seal-check.ts';
import { createSealer, sealingKey } from '../../sealing/seal.ts';
import { memoryStorage, queryAs } from '../../testing/database.testkit.ts';
import { aPeer, aUser, allPages as all, anActiveGrant, anEntry, at } from '../../testing/world.testkit.ts';

let storage: PgliteStorage;
beforeAll(async () => {
  storage = await memoryStorage();
}, 60_000);
afterAll(() => storage.close());

const root = (text: string, params: unknown[] = []) => queryAs(storage.client, 'postgres', text, params);

describe('audit, secrets and the CA’s state', () => {
  it('inserts many at once and pages by every filter, newest first', async () => {
    const { audit } = storage.stores;
    const { grant } = await anActiveGrant(storage, await aUser(storage));
    const { id: grantId, peerId, subjectUserId } = grant;
    const entries = Array.from({ length: 25 }, (_, index) =>
      anEntry({
        // Peer and subject are found with a grant and without one.
        grantId: index === 24 ? null : grantId,
        peerId,
        subjectUserId,
        at: at(Math.floor(index / 3)),
        ...(index % 5 === 0
          ? { outcome: 'denied', reasonCode: 'grant_revoked', status: 403, verb: 'get' }
          : {}),
      }),
    );
    await audit.insertMany([]);
    await audit.insertMany(entries);
    const expected = entries.toSorted((a, b) => b.at.getTime() - a.at.getTime() || (a.id < b.id ? 1 : -1));
    expect(await all((page) => audit.list(page, { grantId }), 4)).toEqual(
      expected.filter((entry) => entry.grantId !== null),
    );
    expect(await all((page) => audit.list(page, { peerId }), 4)).toEqual(expected);
    expect(await all((page) => audit.list(page, { subjectUserId }), 4)).toEqual(expected);
    expect(await all((page) => audit.list(page, { peerId: grantId }), 4)).toEqual([]);
    expect(await all((page) => audit.list(page, { peerId, outcome: 'denied', verb: 'get' }), 2)).toHaveLength(
      5,
    );
    expect(await all((page) => audit.list(page, { peerId, from: at(2), to: at(4) }), 100)).toHaveLength(6);
  });

  it('takes every text there is, and the same entry only once', async () => {
    const { audit } = storage.stores;
    const action = 'a "quoted", {braced} \\ back\\slashed NULL';
    const entry = anEntry({
      action,
      traceId: 'NULL',
      resource: '',
      latencyMs: 0.1 + 0.2,
      writerId: crypto.randomUUID(),
      seq: 3,
      head: 'f'.repeat(64),
    });
    await audit.insertMany([entry, anEntry({ grantId: entry.writerId })]);
    await audit.insertMany([entry]);
    const { items } = await audit.list({ limit: 100, after: null }, {});
    expect(items.filter(({ id }) => id === entry.id)).toEqual([entry]);
  });

  it('an entry, a gap and a lost tail can be neither changed nor deleted by the gateway’s roles', async () => {
    const { audit, auditChain } = storage.stores;
    const writerId = crypto.randomUUID();
    await audit.insertMany([anEntry()]);
    await auditChain.insertLostTail({ writerId, at: at(0), signature: 's' });
    for (const role of ['mosaic_app', 'mosaic_admin'] as const)
      for (const statement of [
        'update federation_audit_log set status = 200',
        'delete from federation_audit_log',
        'truncate federation_audit_log',
        `update federation_audit_gaps set signature = ''`,
        'delete from federation_audit_gaps',
        'delete from federation_audit_writers',
        'delete from federation_audit_seen',
      ])
        await expect(queryAs(storage.client, role, statement)).rejects.toThrow(/permission denied/);
  });

  it('a writer that falls silent is found, and its lost tail is recorded once among replicas', async () => {
    const { auditChain } = storage.stores;
    const [silent, ended, ephemeral, owing] = Array.from({ length: 4 }, () => crypto.randomUUID());
    const writers = [
      [silent, null, false, 0],
      [ended, at(1), false, 0],
      [ephemeral, null, true, 0],
      [owing, null, true, 2],
    ] as const;
    for (const [id = '', stoppedAt, isEphemeral, accepted] of writers) {
      await auditChain.openWriter({ id, startedAt: at(0), isEphemeral });
      await auditChain.openWriter({ id, startedAt: at(9), isEphemeral });
      await auditChain.touchWriter(id, { seenAt: at(1), stoppedAt, accepted, written: 1, dropped: 0 });
    }
    const found = async () =>
      (await auditChain.silentWriters(at(5), crypto.randomUUID())).map(({ id }) => id);
    expect(new Set(await found())).toEqual(new Set([silent, owing]));
    expect(await auditChain.silentWriters(at(1), crypto.randomUUID())).toEqual([]);
    const lost = { writerId: silent ?? '', at: at(6), signature: 's' };
    expect(await Promise.all([1, 2, 3].map(() => auditChain.insertLostTail(lost)))).toEqual(
      expect.arrayContaining([true, false, false]) as boolean[],
    );
    expect(await found()).toEqual([owing]);
    expect(await auditChain.lostTailsOf([silent ?? ''])).toEqual([lost]);
    expect(await auditChain.writersOf([ended ?? ''])).toMatchObject([{ startedAt: at(0), stoppedAt: at(1) }]);
  });

  it('what a peer has seen only goes forward, and only of writers there are', async () => {
    const { auditChain } = storage.stores;
    const [grantId, writerId] = [crypto.randomUUID(), crypto.randomUUID()];
    await auditChain.openWriter({ id: writerId, startedAt: at(0), isEphemeral: false });
    const seen = (seq: number, writer = writerId) => ({
      grantId,
      writerId: writer,
      seq,
      head: 'a'.repeat(64),
      checkpoint: `c${seq}`,
      seenAt: at(seq),
    });
    await auditChain.recordSeen([seen(5), seen(3), seen(9, crypto.randomUUID())]);
    expect(await auditChain.seenOf(grantId)).toEqual([seen(5)]);
    await auditChain.recordSeen([seen(7)]);
    expect(await auditChain.seenOf(grantId)).toEqual([seen(7)]);
  });

  it('keeps one secret among replicas, and a CRL number that only rises', async () => {
    const { secrets, embeddedCa } = storage.stores;
    expect(await secrets.get('ca')).toBeNull();
    const stored = await Promise.all(['x', 'y', 'z'].map((sealed) => secrets.putIfAbsent('ca', sealed)));
    expect(new Set(stored).size).toBe(1);
    expect(await secrets.get('ca')).toBe(stored[0]);
    const numbers = await Promise.all(Array.from({ length: 10 }, () => embeddedCa.nextCrlNumber()));
    expect(new Set(numbers).size).toBe(10);
    await embeddedCa.recordRevocation('0a', 'superseded', at(1));
    await embeddedCa.recordRevocation('0a', 'superseded', at(2));
    expect(await embeddedCa.revocations(at(0), '', 10)).toEqual([
      { serial: '0a', reason: 'superseded', revokedAt: at(1) },
    ]);
    expect(await embeddedCa.revocations(at(0), '0a', 10)).toEqual([]);
  });

  it('a revoked serial is on the list while its certificate lasts; of one that is not known here, a year', async () => {
    const { embeddedCa } = storage.stores;
    const { grant } = await anActiveGrant(storage, await aUser(storage));
    await root(
      `insert into issued_certificates (id, grant_id, status, serial, created_at, not_after)
       values (gen_random_uuid(), $1, 'revoked', 'cc', now(), $2)`,
      [grant.id, at(500).toISOString()],
    );
    await embeddedCa.recordRevocation('cc', 'superseded', at(1));
    await embeddedCa.recordRevocation('dd', 'superseded', at(1));
    const serials = async (endsAfter: Date) =>
      (await embeddedCa.revocations(endsAfter, 'a', 10)).map(({ serial }) => serial);
    expect(await serials(at(499))).toEqual(['cc', 'dd']);
    expect(await serials(at(500))).toEqual(['dd']);
    expect(await serials(new Date(at(1).getTime() + 366 * 86_400_000))).toEqual([]);
  });

  it('M2-5 X-50 holds a peer’s key as ciphertext that opens in its own row only', async () => {
    const sealer = createSealer({ current: await sealingKey(new Uint8Array(32).fill(7)) });
    const pem = '-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----';
    const peerId = await aPeer(storage);
    const identity = `federation_peers/${peerId}/client_key_pem`;
    const sealed = await sealer.seal(new TextEncoder().encode(pem), identity);
    await root('update federation_peers set client_key_pem = $2 where id = $1', [peerId, sealed]);
    const dump = JSON.stringify(await root('select * from federation_peers'));
    expect(dump).toContain('seal1.');
    expect(dump).not.toMatch(/PRIVATE KEY|canary/);
    const stored = (await storage.stores.peers.byId(peerId))?.clientKeyPemSealed ?? '';
    expect(new TextDecoder().decode(await sealer.open(stored, identity))).toBe(pem);
    await expect(
      sealer.open(stored, `federation_peers/${crypto.randomUUID()}/client_key_pem`),
    ).rejects.toMatchObject({ code: 'internal' });
  });

  it('X-50 says at start that the sealing key is the wrong one', async () => {
    const { secrets } = storage.stores;
    const right = createSealer({ current: await sealingKey(new Uint8Array(32).fill(1)) });
    const wrong = createSealer({ current: await sealingKey(new Uint8Array(32).fill(2)) });
    await checkSealingKey(secrets, right);
    await checkSealingKey(secrets, right);
    await expect(checkSealingKey(secrets, wrong)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('does not open this database') as string,
    });
  });
});
