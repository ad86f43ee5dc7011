import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createStorage } from '../../db/storage.ts';
import { pgliteDriver } from '../../db/driver/pglite.ts';
import type { PgliteStorage } from '../../db/connect/pglite.ts';
import { epochKeeperOf, acceptRestore } from '../../src/services/revocation-epoch.ts';
import { EPOCH_HEADER, isEpochProof, openStatement, signEpoch } from '../../src/federation/statement.ts';
import { loadStatementKey } from '../../src/services/statement-key.ts';
import { createMemorySecrets, createTestSealer } from '../../ca/testing/memory.testkit.ts';
import { federationApp } from './index.ts';
import { certificateHeader } from './certificate-header.ts';
import { startGateway, type Gateway } from '../testing/gateway.testkit.ts';
import { enrolledPeer, seedRows, type EnrolledPeer } from '../testing/peer.testkit.ts';
import { toBase64 } from '../../ca/x509/pem.ts';

let gateway: Gateway;
let alice: { id: string; name: string };
beforeAll(async () => {
  gateway = await startGateway();
  alice = await gateway.user('alice');
  await seedRows(gateway, 'tasks', alice.id, 2);
});
afterAll(() => gateway.close());

const revoke = (grantId: string) => gateway.admin(`/grants/${grantId}/revoke`, {});
const tokenOf = async (peer: EnrolledPeer): Promise<string> =>
  (await peer.get('/tasks')).headers.get(EPOCH_HEADER) ?? '';
const numberOf = (token: string): number => Number(token.split(';')[0]);

/** The same database as a gateway finds it that starts now, and remembers nothing. */
const startedAnew = () => {
  const { client } = gateway.deps.storage as PgliteStorage;
  const deps = { ...gateway.deps, storage: createStorage(pgliteDriver(client)) };
  const app = federationApp(deps, certificateHeader);
  return {
    deps,
    ask: async (peer: EnrolledPeer, token?: string) => {
      const response = await app.request('/federation/v1/tasks', {
        headers: {
          'client-cert': `:${toBase64(peer.der)}:`,
          ...(token === undefined ? {} : { [EPOCH_HEADER]: token }),
        },
      });
      return { status: response.status, body: (await response.json()) as { readonly code?: string } };
    },
  };
};

describe('what a gateway signs about revocations', () => {
  it('M6-7 the refusal of a revoked grant carries a statement of this grant and certificate, and only that one', async () => {
    const [gone, kept] = [await enrolledPeer(gateway, 'alice'), await enrolledPeer(gateway, 'alice')];
    expect((await revoke(gone.grantId)).status).toBe(200);
    const refused = await gone.get('/tasks');
    expect([refused.status, refused.body.code]).toEqual([403, 'grant_revoked']);
    const key = gateway.deps.keys.statements.publicJwk;
    const said = await openStatement(key, refused.body.statement);
    const [row] = await gateway.sql('select serial from issued_certificates where grant_id = $1', [
      gone.grantId,
    ]);
    expect(said).toEqual({
      grant_id: gone.grantId,
      certificate_serial: row?.['serial'],
      revoked_at: expect.stringMatching(/Z$/) as unknown,
    });
    const other = await loadStatementKey(createMemorySecrets(), await createTestSealer());
    expect(await openStatement(other.publicJwk, refused.body.statement)).toBeNull();
    const [header, payload, signature] = refused.body.statement.split('.');
    const forged = btoa(JSON.stringify({ ...said, grant_id: kept.grantId })).replaceAll('=', '');
    for (const text of [
      `${header}.${forged}.${signature}`,
      `${header}.${payload}.`,
      `${btoa('{"alg":"none"}')}.${payload}.`,
      `${header}.${payload}.${signature}.x`,
      '',
      'x'.repeat(5_000),
    ])
      expect(await openStatement(key, text)).toBeNull();
    const denied = await kept.get('/notes');
    expect([denied.status, denied.body.statement]).toEqual([403, undefined]);
  });

  it('the epoch on answers is signed and rises with every revocation, by whatever way', async () => {
    const peers = await Promise.all([1, 2, 3].map(() => enrolledPeer(gateway, 'alice')));
    const [kept, gone, byHand] = peers as [EnrolledPeer, EnrolledPeer, EnrolledPeer];
    const first = await tokenOf(kept);
    expect(await isEpochProof(gateway.deps.keys.statements.publicJwk, first)).toBe(true);
    expect(await tokenOf(kept)).toBe(first);
    await revoke(gone.grantId);
    const second = await tokenOf(kept);
    expect(numberOf(second)).toBeGreaterThan(numberOf(first));
    await gateway.sql(`update federation_grants set status = 'revoked' where id = $1`, [byHand.grantId]);
    await epochKeeperOf(gateway.deps).refresh();
    expect(numberOf(await tokenOf(kept))).toBeGreaterThan(numberOf(second));
    expect(await isEpochProof(gateway.deps.keys.statements.publicJwk, second.replace(/^\d+/, '999'))).toBe(
      false,
    );
  });
});

describe('a database from before a revocation', () => {
  it('X-53 is found out by one peer’s memory, serves none of them, and goes on when an administrator accepts it', async () => {
    const [one, other, gone] = [
      await enrolledPeer(gateway, 'alice'),
      await enrolledPeer(gateway, 'alice'),
      await enrolledPeer(gateway, 'alice'),
    ];
    const before = await gateway.sql('select * from gateway_revocation');
    await revoke(gone.grantId);
    const remembered = await tokenOf(one);
    // Restored: the grant lives again, and nothing of the revocation is left in the database.
    await gateway.sql('update gateway_revocation set epoch = $1, proven_epoch = 0', [before[0]?.['epoch']]);
    const restored = startedAnew();
    expect((await restored.ask(other)).status).toBe(200);
    const refused = await restored.ask(one, remembered);
    expect([refused.status, refused.body.code]).toEqual([503, 'revocations_lost']);
    expect((await restored.ask(other)).body.code).toBe('revocations_lost');
    // Another replica, or the same after a restart, finds it in the database.
    expect((await startedAnew().ask(other)).body.code).toBe('revocations_lost');
    expect(gateway.lines.join('\n')).toContain('revocations_lost');

    const [listBefore] = await gateway.sql('select crl_number::text as n from embedded_ca_state');
    const actor = { principal: { userId: alice.id, name: 'alice', isAdmin: true }, traceId: 'c'.repeat(32) };
    const accepted = await acceptRestore(
      restored.deps,
      actor as unknown as Parameters<typeof acceptRestore>[1],
    );
    expect(accepted.isLost).toBe(false);
    expect(accepted.epoch).toBeGreaterThan(numberOf(remembered));
    expect((await restored.ask(one, remembered)).status).toBe(200);
    const [listAfter] = await gateway.sql('select crl_number::text as n from embedded_ca_state');
    expect(Number(listAfter?.['n'])).toBeGreaterThan(Number(listBefore?.['n']));
    await epochKeeperOf(gateway.deps).refresh();
  });

  it('a lying peer stops nobody: only our own signature over a higher epoch counts', async () => {
    const peer = await enrolledPeer(gateway, 'alice');
    const genuine = await tokenOf(peer);
    const stranger = await loadStatementKey(createMemorySecrets(), await createTestSealer());
    const higher = numberOf(genuine) + 5;
    const lies = [
      await signEpoch(stranger, higher),
      genuine.replace(/^\d+/, String(higher)),
      `${higher};`,
      `99999999999999999999;${'A'.repeat(86)}`,
      'x'.repeat(4_000),
      `-1;${'A'.repeat(86)}`,
    ];
    for (const lie of lies) {
      const answer = await peer.get('/tasks', { headers: { [EPOCH_HEADER]: lie } });
      expect([lie.slice(0, 20), answer.status]).toEqual([lie.slice(0, 20), 200]);
    }
    expect(await gateway.sql('select proven_epoch::text as p from gateway_revocation')).toEqual([{ p: '0' }]);
  });
});
