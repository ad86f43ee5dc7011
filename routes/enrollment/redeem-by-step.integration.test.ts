import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type Gateway } from '../testing/gateway.testkit.ts';

let gateway: Gateway;
/** Runs when the CA has signed. */
let whileSigning: () => Promise<unknown> = () => Promise.resolve();
/** What has changed since the claim was changed back before anybody looked again. */
let isQuickWayShut = false;

beforeAll(async () => {
  gateway = await startGateway(({ ca, storage }) => ({
    ca: {
      ...ca,
      issue: async (request) => {
        const issued = await ca.issue(request);
        await whileSigning();
        return issued;
      },
    },
    storage: {
      ...storage,
      stores: {
        ...storage.stores,
        enrollments: {
          ...storage.stores.enrollments,
          conclude: (given) =>
            isQuickWayShut ? Promise.resolve(null) : storage.stores.enrollments.conclude(given),
        },
      },
    },
  }));
  await gateway.user('alice');
});
afterAll(() => gateway.close());

const tokenOf = async (grantId: string) =>
  (await gateway.sql('select used_at from federation_enrollment_tokens where grant_id = $1', [grantId]))[0];
const entriesOf = async (grantId: string) =>
  (await gateway.audited((entry) => entry.grantId === grantId && entry.action === 'grant.enroll')).map(
    ({ status, outcome, peerId }) => [status, outcome, peerId],
  );

describe('MUTANTS redeem-conclude step by step', () => {
  it('a redemption that is concluded has a grant, a certificate, a peer, a spent token and one audit entry', async () => {
    const { grant, token } = await gateway.grant('alice');
    isQuickWayShut = true;
    const answer = await gateway.redeem({ token, csr: await gateway.newCsr() });
    isQuickWayShut = false;
    expect(answer.status).toBe(201);
    const rows = await gateway.sql(
      `select g.status as grant, p.state as peer, c.status as certificate from federation_grants g
        join federation_peers p on p.id = g.peer_id join issued_certificates c on c.grant_id = g.id where g.id = $1`,
      [grant.id],
    );
    expect(rows).toEqual([{ grant: 'active', peer: 'active', certificate: 'issued' }]);
    expect((await tokenOf(grant.id))?.['used_at']).not.toBeNull();
    expect(await entriesOf(grant.id)).toEqual([[201, 'allowed', grant.peer.id]]);
    const again = await gateway.redeem({ token, csr: await gateway.newCsr() });
    expect(again.body.code).toBe('token_used');
  });

  it('a grant that ended while the CA signed leaves no token open, whoever wrote that down', async () => {
    const { grant, token } = await gateway.grant('alice');
    whileSigning = () =>
      gateway.sql(`update federation_grants set status = 'expired' where id = $1`, [grant.id]);
    const answer = await gateway.redeem({ token, csr: await gateway.newCsr() });
    whileSigning = () => Promise.resolve();
    expect(answer.body.code).toBe('token_expired');
    expect((await tokenOf(grant.id))?.['used_at']).not.toBeNull();
    const certificates = await gateway.sql('select status from issued_certificates where grant_id = $1', [
      grant.id,
    ]);
    expect(certificates).toEqual([{ status: 'revoked' }]);
  });
});
