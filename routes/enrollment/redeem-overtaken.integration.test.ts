import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCertificate } from '../../ca/x509/certificate.ts';
import { pemToDer } from '../../ca/x509/pem.ts';
import { startGateway, type Gateway } from '../testing/gateway.testkit.ts';

const PEM = 'CERTIFICATE';

let gateway: Gateway;
let holdCa: Promise<void> = Promise.resolve();
let aheadMs = 0;

beforeAll(async () => {
  gateway = await startGateway(({ ca }) => ({
    clock: { now: () => new Date(Date.now() + aheadMs) },
    ca: {
      kind: ca.kind,
      rootPem: () => ca.rootPem(),
      revoke: (...revocation) => ca.revoke(...revocation),
      crl: () => ca.crl(),
      issue: async (request) => {
        await holdCa;
        return ca.issue(request);
      },
    },
  }));
  await gateway.user('alice');
});
afterAll(() => gateway.close());

const certificates = (grantId: string) =>
  gateway.sql('select status, serial from issued_certificates where grant_id = $1', [grantId]);

describe('F-35 a redemption whose lease passed while the CA signs', () => {
  /** Longer than a lease: another redemption may take over what a process seems to have died with. */
  const passLease = (): void => void (aheadMs += 31_000);
  const held = async (token: string, grantId: string) => {
    let letGo = (): void => {};
    holdCa = new Promise((resolve) => (letGo = resolve));
    const late = gateway.redeem({ token, csr: await gateway.newCsr() });
    await expect.poll(() => certificates(grantId)).toMatchObject([{ status: 'requested' }]);
    holdCa = Promise.resolve();
    return { late, letGo };
  };
  const enrolled = async (grantId: string) =>
    (await gateway.audited((entry) => entry.grantId === grantId && entry.action === 'grant.enroll')).map(
      ({ outcome, reasonCode }) => reasonCode ?? outcome,
    );

  it('ends its own certificate and not that of the redemption which took over', async () => {
    const { grant, token } = await gateway.grant('alice');
    const { late, letGo } = await held(token, grant.id);
    passLease();
    const winner = await gateway.redeem({ token, csr: await gateway.newCsr() });
    expect(winner.status).toBe(201);
    letGo();
    expect([(await late).status, (await late).body.code]).toEqual([410, 'token_used']);
    const der = pemToDer(winner.body.certificate, PEM);
    const own = der.ok ? readCertificate(der.value) : der;
    const states = await certificates(grant.id);
    expect(states.map(({ status }) => String(status)).toSorted()).toEqual(['issued', 'revoked']);
    expect(states.find(({ status }) => status === 'issued')?.['serial']).toBe(own.ok ? own.value.serial : '');
    expect((await gateway.admin(`/grants/${grant.id}`)).body).toMatchObject({ status: 'active' });
    expect((await enrolled(grant.id)).toSorted()).toEqual(['allowed', 'token_used']);
  });

  it('is not free to others before it has passed, and then is at once', async () => {
    const { grant, token } = await gateway.grant('alice');
    const { late, letGo } = await held(token, grant.id);
    aheadMs += 29_000;
    const waiting = gateway.redeem({ token, csr: await gateway.newCsr() });
    letGo();
    expect((await late).status).toBe(201);
    expect([(await waiting).status, (await waiting).body.code]).toEqual([410, 'token_used']);
    expect((await certificates(grant.id)).map(({ status }) => status)).toEqual(['issued']);
  });

  it('loses to the one that took over and still waits for its own certificate', async () => {
    const { grant, token } = await gateway.grant('alice');
    const { late, letGo } = await held(token, grant.id);
    passLease();
    let letSecondGo = (): void => {};
    holdCa = new Promise((resolve) => (letSecondGo = resolve));
    const second = gateway.redeem({ token, csr: await gateway.newCsr() });
    await expect.poll(async () => (await certificates(grant.id)).length).toBe(2);
    holdCa = Promise.resolve();
    letGo();
    expect([(await late).status, (await late).body.code]).toEqual([410, 'token_used']);
    expect((await gateway.admin(`/grants/${grant.id}`)).body).toMatchObject({ status: 'pending' });
    letSecondGo();
    expect((await second).status).toBe(201);
    const states = (await certificates(grant.id)).map(({ status }) => String(status)).toSorted();
    expect(states).toEqual(['failed', 'issued']);
    expect((await enrolled(grant.id)).toSorted()).toEqual(['allowed', 'token_used']);
  });

  it('gets nobody in when the grant was revoked or its peer suspended meanwhile, and the token stays spent or open', async () => {
    const [revoked, suspended] = [await gateway.grant('alice'), await gateway.grant('alice')];
    const first = await held(revoked.token, revoked.grant.id);
    await gateway.admin(`/grants/${revoked.grant.id}/revoke`, {});
    passLease();
    first.letGo();
    expect((await first.late).body.code).toBe('token_expired');
    expect(await certificates(revoked.grant.id)).toMatchObject([{ status: 'revoked' }]);
    const [token] = await gateway.sql(
      'select used_at from federation_enrollment_tokens where grant_id = $1',
      [revoked.grant.id],
    );
    expect(token?.['used_at']).not.toBeNull();

    const second = await held(suspended.token, suspended.grant.id);
    await gateway.sql(`update federation_peers set state = 'suspended' where id = $1`, [
      suspended.grant.peer.id,
    ]);
    second.letGo();
    expect((await second.late).body.code).toBe('token_expired');
    expect(await certificates(suspended.grant.id)).toMatchObject([{ status: 'failed' }]);
    expect((await gateway.admin(`/grants/${suspended.grant.id}`)).body).toMatchObject({
      status: 'pending',
    });
    await gateway.sql(`update federation_peers set state = 'pending' where id = $1`, [
      suspended.grant.peer.id,
    ]);
    const again = await gateway.redeem({ token: suspended.token, csr: await gateway.newCsr() });
    expect(again.status).toBe(201);
  });
});
