import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createStorage } from '../../db/storage.ts';
import { pgliteDriver } from '../../db/driver/pglite.ts';
import type { PgliteStorage } from '../../db/connect/pglite.ts';
import { acceptRestore, namedRevocationState } from '../../src/inbound/revocation/lost-revocations.ts';
import { EPOCH_HEADER, isEpochProof, openStatement, signEpoch } from '../../src/protocol/statement.ts';
import { loadStatementKey } from '../../src/inbound/revocation/statement-key.ts';
import { createMemorySecrets, createTestSealer } from '../../ca/testing/memory.testkit.ts';
import { federationApp } from './index.ts';
import { certificateHeader } from './certificate-header.ts';
import { startGateway, type Gateway } from '../testing/gateway.testkit.ts';
import { enrolledPeer, seedRows, type EnrolledPeer } from '../testing/peer.testkit.ts';
import { toBase64 } from '../../ca/x509/pem.ts';
import { assemble } from '../../src/app/assemble.ts';

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
  const deps = assemble({ ...gateway.deps, storage: createStorage(pgliteDriver(client)) });
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
    await gateway.deps.epochs.refresh();
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
    await gateway.deps.epochs.refresh();
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

describe('F-30 revocations that are lost', () => {
  const row = async () => (await gateway.sql('select * from gateway_revocation'))[0] ?? {};
  const history = () => gateway.sql('select epoch from gateway_revocation_epochs');
  /** What a backup of the database would bring back of all this: grant, certificate and epoch, its history too. */
  const saved = async (grantId: string) => {
    const state = await row();
    const epochs = (await history()).map(({ epoch }) => String(epoch));
    return async (): Promise<void> => {
      await gateway.sql(
        `update gateway_revocation set epoch = $1, proven_epoch = $2, lost_since = $3, accepted_epoch = $4`,
        [state['epoch'], state['proven_epoch'], state['lost_since'], state['accepted_epoch']],
      );
      await gateway.sql('delete from gateway_revocation_epochs where epoch <> all ($1::bigint[])', [epochs]);
      await gateway.sql(
        `update federation_grants set status = 'active', revoked_at = null, revoked_reason = null where id = $1`,
        [grantId],
      );
      await gateway.sql(
        `update issued_certificates set status = 'issued', revoked_at = null where grant_id = $1`,
        [grantId],
      );
    };
  };
  const actor = () =>
    ({
      principal: { userId: alice.id, name: 'alice', isAdmin: true },
      traceId: 'c'.repeat(32),
    }) as unknown as Parameters<typeof acceptRestore>[1];
  const three = async () =>
    (await Promise.all([1, 2, 3].map(() => enrolledPeer(gateway, 'alice')))) as [
      EnrolledPeer,
      EnrolledPeer,
      EnrolledPeer,
    ];
  const accepted = async (deps: ReturnType<typeof startedAnew>['deps']) => {
    const state = await acceptRestore(deps, actor());
    await gateway.deps.epochs.refresh();
    return state;
  };

  it('stay lost however many grants are revoked afterwards, until an administrator accepts', async () => {
    const [gone, kept, unrelated] = await three();
    const restore = await saved(gone.grantId);
    await revoke(gone.grantId);
    const remembered = await tokenOf(kept);
    await restore();
    const restored = startedAnew();
    expect((await restored.ask(kept, remembered)).body.code).toBe('revocations_lost');
    for (const { grantId } of [unrelated, await enrolledPeer(gateway, 'alice')]) await revoke(grantId);
    for (const gatewayNow of [restored, startedAnew()]) {
      await gatewayNow.deps.epochs.refresh();
      expect((await gatewayNow.ask(gone)).body.code).toBe('revocations_lost');
    }
    const lost = await namedRevocationState(restored.deps);
    expect(lost.isLost).toBe(true);
    expect(lost.questionable).toContainEqual(
      expect.objectContaining({
        grantId: gone.grantId,
        user: 'alice',
        status: 'active',
        // Only the grant's rows were put back here: the authority's own list goes on saying it.
        isRevokedAtAuthority: true,
      }) as unknown,
    );
    expect(lost.questionable.map(({ grantId }) => grantId)).not.toContain(unrelated.grantId);
    expect(lost.questionable.find(({ grantId }) => grantId === kept.grantId)?.isRevokedAtAuthority).toBe(
      false,
    );
    const state = await accepted(restored.deps);
    expect(state.questionable).toEqual(lost.questionable);
    expect((await restored.ask(kept, remembered)).status).toBe(200);
    await expect(acceptRestore(restored.deps, actor())).rejects.toMatchObject({ code: 'invalid_transition' });
  });

  it('are found out although more was revoked since the restore than was lost', async () => {
    const [gone, kept, unrelated] = await three();
    const restore = await saved(gone.grantId);
    await revoke(gone.grantId);
    const remembered = await tokenOf(kept);
    await restore();
    // Nobody has shown anything yet, and the epoch rises far above the one that was published.
    for (let times = 0; times < 6; times += 1) {
      await gateway.sql(`update federation_grants set status = 'active' where id = $1`, [unrelated.grantId]);
      await gateway.sql(`update federation_grants set status = 'revoked' where id = $1`, [unrelated.grantId]);
    }
    await gateway.sql(`update gateway_revocation set epoch = epoch + $1`, [numberOf(remembered)]);
    const restored = startedAnew();
    expect((await restored.ask(gone)).status).toBe(200);
    expect((await restored.ask(kept, remembered)).body.code).toBe('revocations_lost');
    expect((await restored.ask(gone)).body.code).toBe('revocations_lost');
    await accepted(restored.deps);
    // Whoever shows what was lost and accepted, again and again, stops nobody any more.
    expect((await restored.ask(kept, remembered)).status).toBe(200);
    expect((await startedAnew().ask(kept, remembered)).status).toBe(200);
  });

  it('H-2 are found out by the statement itself in a process that knows of them: not one row, no second to wait for', async () => {
    const [gone, kept, other] = await three();
    const replica = startedAnew();
    const restore = await saved(gone.grantId);
    expect((await replica.ask(gone)).status).toBe(200);
    await revoke(gone.grantId);
    await replica.deps.epochs.refresh();
    // A standby without the revocation takes over, within the second for which an epoch is good.
    await restore();
    for (const peer of [gone, other, kept])
      expect([peer === gone, (await replica.ask(peer)).body.code]).toEqual([
        peer === gone,
        'revocations_lost',
      ]);
    expect((await row())['lost_since']).not.toBeNull();
    // One replica found out: another that knew nothing has its rows refused by the very next statement.
    expect((await startedAnew().ask(gone)).body.code).toBe('revocations_lost');
    await accepted(replica.deps);
  });

  it('H-2 stop another replica at once, whatever it has at hand', async () => {
    const [gone, kept] = await three();
    const [first, second] = [startedAnew(), startedAnew()];
    const restore = await saved(gone.grantId);
    await revoke(gone.grantId);
    const remembered = await tokenOf(kept);
    await restore();
    expect((await second.ask(gone)).status).toBe(200);
    expect((await first.ask(kept, remembered)).body.code).toBe('revocations_lost');
    expect((await second.ask(gone)).body.code).toBe('revocations_lost');
    await accepted(second.deps);
    expect((await second.ask(kept)).status).toBe(200);
  });

  it('are lost again when the backup is restored a second time, in a process that knew', async () => {
    const [gone, kept] = await three();
    const restored = startedAnew();
    const restore = await saved(gone.grantId);
    await revoke(gone.grantId);
    const remembered = await tokenOf(kept);
    await restore();
    expect((await restored.ask(kept, remembered)).body.code).toBe('revocations_lost');
    await restore();
    await gateway.sql(`update gateway_revocation set epoch = epoch + $1`, [2 * numberOf(remembered)]);
    expect((await restored.ask(gone)).body.code).toBe('revocations_lost');
    await restored.deps.epochs.refresh();
    expect((await restored.ask(gone)).body.code).toBe('revocations_lost');
    await accepted(restored.deps);
    expect((await restored.ask(kept)).status).toBe(200);
  });

  it('are not made up by replayed, old or forged tokens, nor by many at once', async () => {
    const [kept, gone, another] = await three();
    const tokens = [await tokenOf(kept)];
    for (const { grantId } of [gone, another]) {
      await revoke(grantId);
      tokens.push(await tokenOf(kept));
    }
    const fresh = startedAnew();
    const own = gateway.deps.keys.statements;
    const stranger = await loadStatementKey(createMemorySecrets(), await createTestSealer());
    const lowest = numberOf(tokens[0] ?? '');
    const forged = [
      await signEpoch(stranger, lowest + 1),
      await signEpoch(stranger, 999_999_999_999_999),
      (await signEpoch(own, lowest)).replace(/^\d+/, String(lowest + 1)),
    ];
    const answers = await Promise.all(
      [...tokens, ...forged, ...tokens, ...forged].map(
        async (token) => (await fresh.ask(kept, token)).status,
      ),
    );
    expect(answers.filter((status) => status !== 200)).toEqual([]);
    expect(await row()).toMatchObject({ lost_since: null });
    // A number that we did sign, however large, is ours.
    const huge = await signEpoch(own, 999_999_999_999_999);
    expect((await fresh.ask(kept, huge)).body.code).toBe('revocations_lost');
  });
});
