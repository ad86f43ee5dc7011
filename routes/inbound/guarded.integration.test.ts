import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createForger } from '../../ca/testing/forge.testkit.ts';
import { encodeIdentityExtension } from '../../ca/x509/extension.ts';
import { pemToDer } from '../../ca/x509/pem.ts';
import { MAX_CHECKPOINT_LENGTH, SEEN_HEADER } from '../../domain/audit/checkpoint.ts';
import { GRANT_ID_OID, SUBJECT_USER_ID_OID } from '../../domain/peers/identity.ts';
import { startGateway, type Answer, type Gateway } from '../testing/gateway.testkit.ts';
import { enrolledPeer, seedRows, type EnrolledPeer } from '../testing/peer.testkit.ts';

const ID = '00000000-0000-4000-8000-000000000001';
const PATHS = ['/capabilities', '/tasks', `/tasks/${ID}`, '/search?q=row'];

describe('MUTANTS serve and inbound', () => {
  let gateway: Gateway;
  let alice: { id: string };
  const seen: (readonly [grantId: string, checkpoint: string])[] = [];

  beforeAll(async () => {
    gateway = await startGateway(({ audit }) => ({
      audit: {
        ...audit,
        seen: (...told) => {
          seen.push(told);
          audit.seen(...told);
        },
      },
    }));
    alice = await gateway.user('alice');
    await seedRows(gateway, 'tasks', alice.id, 3);
  });
  afterAll(() => gateway.close());

  const enroll = (more: object = {}): Promise<EnrolledPeer> =>
    enrolledPeer(gateway, 'alice', { resources: ['tasks'], max_rows_per_query: 10 }, more);
  const codes = async (answers: Promise<Answer>[]) =>
    (await Promise.all(answers)).map(({ status, body }) => [status, body?.code]);

  it('serve: the limit is the grant’s, whichever of its certificates asks', async () => {
    const peer = await enroll({ rate_limit_per_minute: 4 });
    const renewed = await peer.get('/renew', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ csr: await gateway.newCsr() }),
    });
    const next = pemToDer(renewed.body.certificate, 'CERTIFICATE');
    if (!next.ok) throw new Error(renewed.text);
    const ask = async (der: Uint8Array) => (await gateway.ask(der, '/federation/v1/tasks')).status;
    const statuses = [];
    for (const der of [peer.der, next.value, peer.der, next.value, peer.der]) statuses.push(await ask(der));
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    // Another grant of the same person has requests of its own.
    expect(await ask((await enroll({ rate_limit_per_minute: 4 })).der)).toBe(200);
  });

  it('serve: a certificate of the future, and one of the past, read nothing by any verb', async () => {
    const forger = await createForger('work');
    const { grantId } = await enroll();
    const extensions = [
      { oid: GRANT_ID_OID, value: encodeIdentityExtension(grantId) },
      { oid: SUBJECT_USER_ID_OID, value: encodeIdentityExtension(alice.id) },
    ];
    const from = (notBefore: number, notAfter: number) =>
      forger.leaf(extensions, {
        notBefore: new Date(Date.now() + notBefore),
        notAfter: new Date(Date.now() + notAfter),
      });
    for (const [{ der }, detail] of [
      [await from(3_600_000, 7_200_000), 'The certificate is not valid yet.'],
      [await from(-7_200_000, -3_600_000), 'The certificate has expired.'],
    ] as const)
      for (const path of PATHS) {
        const answer = await gateway.ask(der, `/federation/v1${path}`);
        expect([answer.status, answer.body.code]).toEqual([401, 'certificate_untrusted']);
        expect(answer.text).toContain(detail);
      }
  });

  it.each([
    ['suspended', 403, 'forbidden'],
    ['pending', 403, 'grant_pending'],
    ['revoked', 403, 'grant_revoked'],
  ])(
    'serve: a peer that is %s reads nothing by any verb, cursors and ids that are none included',
    async (state, status, code) => {
      const peer = await enroll();
      await gateway.sql('update federation_peers set state = $2::peer_state where id = $1', [
        peer.peerId,
        state,
      ]);
      const paths = [...PATHS, '/tasks?cursor=AAAA', '/search?q=row&cursor=AAAA', '/tasks/none'];
      expect(await codes(paths.map((path) => peer.get(path)))).toEqual(paths.map(() => [status, code]));
    },
  );

  it('serve: a peer that is degraded reads on', async () => {
    const peer = await enroll();
    await gateway.sql(`update federation_peers set state = 'degraded' where id = $1`, [peer.peerId]);
    expect((await peer.get('/tasks')).body.items).toHaveLength(3);
  });

  it('inbound: what a peer has seen of the chain is noted for a grant that there is, and within its length', async () => {
    const peer = await enroll();
    const ask = (der: Uint8Array, text: string) =>
      gateway.ask(der, '/federation/v1/tasks', { headers: { [SEEN_HEADER]: text } });
    seen.length = 0;
    const forger = await createForger('work');
    const { der: unknown } = await forger.leaf([
      { oid: GRANT_ID_OID, value: encodeIdentityExtension(ID) },
      { oid: SUBJECT_USER_ID_OID, value: encodeIdentityExtension(alice.id) },
    ]);
    expect((await ask(unknown, 'x')).body.code).toBe('grant_unknown');
    await ask(peer.der, 'x'.repeat(MAX_CHECKPOINT_LENGTH + 1));
    await peer.get('/tasks');
    expect(seen).toEqual([]);
    const longest = 'x'.repeat(MAX_CHECKPOINT_LENGTH);
    await ask(peer.der, longest);
    expect(seen).toEqual([[peer.grantId, longest]]);
  });

  it('inbound: without a certificate every verb is 401, and each leaves an entry without a grant', async () => {
    const before = (await gateway.audited(({ reasonCode }) => reasonCode === 'certificate_required')).length;
    expect(await codes(PATHS.map((path) => gateway.ask(null, `/federation/v1${path}`)))).toEqual(
      PATHS.map(() => [401, 'certificate_required']),
    );
    const entries = await gateway.audited(({ reasonCode }) => reasonCode === 'certificate_required');
    expect(entries).toHaveLength(before + PATHS.length);
    for (const { grantId, outcome, verb } of entries)
      expect([grantId, outcome, verb]).toEqual([null, 'denied', 'unknown']);
  });
});
