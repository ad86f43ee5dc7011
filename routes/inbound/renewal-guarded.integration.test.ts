import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pemToDer } from '../../ca/x509/pem.ts';
import { MosaicError } from '../../domain/errors.ts';
import { startGateway, type Answer, type Gateway } from '../testing/gateway.testkit.ts';
import { enrolledPeer, type EnrolledPeer } from '../testing/peer.testkit.ts';

describe('MUTANTS renew', () => {
  let gateway: Gateway;
  /** What becomes of the transaction that concludes, from the moment at which the CA has signed. */
  let fault: 'none' | 'before' | 'after' = 'none';
  let isSigned = false;
  const revokedAtCa: string[] = [];

  beforeAll(async () => {
    gateway = await startGateway(({ ca, storage }) => ({
      ca: {
        ...ca,
        issue: async (request) => {
          const issued = await ca.issue(request);
          isSigned = true;
          return issued;
        },
        revoke: (serial, ...more) => {
          revokedAtCa.push(serial);
          return ca.revoke(serial, ...more);
        },
      },
      storage: {
        ...storage,
        transaction: async (...given) => {
          const [now, isNow] = [fault, isSigned];
          isSigned = false;
          if (isNow && now === 'before') throw new MosaicError('database_unavailable');
          const done = await storage.transaction(...given);
          if (isNow && now === 'after') throw new MosaicError('database_unavailable');
          return done;
        },
      },
    }));
    await gateway.user('alice');
  });
  afterAll(() => gateway.close());

  const enroll = async (): Promise<EnrolledPeer> => {
    const peer = await enrolledPeer(gateway, 'alice', { resources: ['tasks'], max_rows_per_query: 5 });
    isSigned = false;
    revokedAtCa.length = 0;
    return peer;
  };
  const post = (der: Uint8Array, path: string, body: unknown = {}): Promise<Answer> =>
    gateway.ask(der, `/federation/v1${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const renew = async (peer: EnrolledPeer, csr?: string): Promise<Answer> =>
    post(peer.der, '/renew', { csr: csr ?? (await gateway.newCsr()) });
  const failing = async (peer: EnrolledPeer, how: 'before' | 'after', csr?: string): Promise<Answer> => {
    fault = how;
    const answer = await renew(peer, csr);
    fault = 'none';
    return answer;
  };
  const certificates = (grantId: string) =>
    gateway.sql(
      'select status, serial from issued_certificates where grant_id = $1 order by created_at, id',
      [grantId],
    );

  it('a certificate that was signed and could not be written down is given up and revoked', async () => {
    const peer = await enroll();
    const answer = await failing(peer, 'before');
    expect([answer.status, answer.body.code]).toEqual([503, 'database_unavailable']);
    expect((await certificates(peer.grantId)).map(({ status }) => status)).toEqual(['issued', 'failed']);
    expect(revokedAtCa).toHaveLength(1);
    expect(revokedAtCa).not.toContain((await certificates(peer.grantId))[0]?.['serial']);
    expect((await renew(peer)).status).toBe(201);
  });

  it('one that was written down although nobody heard of it counts, and is given to whoever asks again', async () => {
    const peer = await enroll();
    const csr = await gateway.newCsr();
    expect((await failing(peer, 'after', csr)).status).toBe(503);
    expect((await certificates(peer.grantId)).map(({ status }) => status)).toEqual(['issued', 'issued']);
    expect(revokedAtCa).toEqual([]);
    expect((await renew(peer, csr)).status).toBe(201);
    expect(await certificates(peer.grantId)).toHaveLength(2);
  });

  it('a certificate that is revoked confirms nothing and is not renewed, though its grant is active', async () => {
    const peer = await enroll();
    const made = pemToDer((await renew(peer)).body.certificate, 'CERTIFICATE');
    if (!made.ok) throw new Error(made.error);
    const [first, second] = await certificates(peer.grantId);
    await gateway.sql(
      `update issued_certificates set status = 'revoked', revoked_at = now() where serial = $1`,
      [second?.['serial']],
    );
    for (const answer of [
      await post(made.value, '/renew/confirm'),
      await post(made.value, '/renew', { csr: await gateway.newCsr() }),
    ])
      expect([answer.status, answer.body.code]).toEqual([403, 'certificate_revoked']);
    const rows = await gateway.sql(
      'select revoke_at, confirmed_at from issued_certificates where grant_id = $1',
      [peer.grantId],
    );
    expect(rows).toEqual([
      { revoke_at: null, confirmed_at: null },
      { revoke_at: null, confirmed_at: null },
    ]);
    expect((await peer.get('/tasks')).status).toBe(200);
    expect(first?.['status']).toBe('issued');
  });

  it.each([
    ['suspended', 'forbidden'],
    ['pending', 'forbidden'],
    ['revoked', 'grant_revoked'],
  ])('a peer that is %s neither renews nor confirms', async (state, code) => {
    const peer = await enroll();
    await gateway.sql('update federation_peers set state = $2::peer_state where id = $1', [
      peer.peerId,
      state,
    ]);
    for (const answer of [await renew(peer), await post(peer.der, '/renew/confirm')])
      expect([answer.status, answer.body.code]).toEqual([403, code]);
    expect(await certificates(peer.grantId)).toHaveLength(1);
  });
});
