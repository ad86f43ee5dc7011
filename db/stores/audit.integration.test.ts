import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PgliteStorage } from '../connect/pglite.ts';
import { checkSealingKey } from '../seal-check.ts';
import { createSealer, sealingKey } from '../seal.ts';
import { memoryStorage, queryAs } from '../testing/database.testkit.ts';
import { aPeer, allPages as all, anEntry, at } from '../testing/world.testkit.ts';

let storage: PgliteStorage;
beforeAll(async () => {
  storage = await memoryStorage();
}, 60_000);
afterAll(() => storage.close());

const root = (text: string, params: unknown[] = []) => queryAs(storage.client, 'postgres', text, params);

describe('audit, secrets and the CA’s state', () => {
  it('inserts many at once and pages by every filter, newest first', async () => {
    const { audit } = storage.stores;
    const [grantId, peerId] = [crypto.randomUUID(), crypto.randomUUID()];
    const entries = Array.from({ length: 25 }, (_, index) =>
      anEntry({
        grantId,
        peerId,
        at: at(Math.floor(index / 3)),
        ...(index % 5 === 0
          ? { outcome: 'denied', reasonCode: 'grant_revoked', status: 403, verb: 'get' }
          : {}),
      }),
    );
    await audit.insertMany([]);
    await audit.insertMany(entries);
    const expected = entries.toSorted((a, b) => b.at.getTime() - a.at.getTime() || (a.id < b.id ? 1 : -1));
    expect(await all((page) => audit.list(page, { grantId }), 4)).toEqual(expected);
    expect(await all((page) => audit.list(page, { peerId, outcome: 'denied', verb: 'get' }), 2)).toHaveLength(
      5,
    );
    expect(await all((page) => audit.list(page, { peerId, from: at(2), to: at(4) }), 100)).toHaveLength(6);
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
    expect(await embeddedCa.revocations()).toEqual([
      { serial: '0a', reason: 'superseded', revokedAt: at(1) },
    ]);
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
