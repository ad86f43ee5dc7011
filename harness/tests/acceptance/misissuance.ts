import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEmbeddedAuthority } from '../../../ca/embedded/authority.ts';
import { embeddedDeps } from '../../../ca/testing/embedded.testkit.ts';
import { makeKeyMaker } from '../../../ca/x509/request.ts';
import { stop, type Component } from '../../devstack/components/process.ts';
import { startGatewayProcess } from '../../devstack/stack/gateway.ts';
import { socketsOf } from '../../devstack/stack/plan.ts';
import { requestSocket } from '../../devstack/stack/unix-request.ts';
import type { FederatedWorld } from './federated-world.ts';
import { startLyingAuthority, type Lie, type LyingAuthority } from './lying-authority.ts';
import { must, type Body } from './world.ts';

const NAME = 'gateway-b-misled';

/** SPEC M2 "refuses one whose extensions, public key, usage or lifetime are not what it asked for", with an authority that lies. */
export const describeMisissuance = (components: string, boot: () => Promise<FederatedWorld>): void => {
  describe(`an authority that lies, on ${components}`, () => {
    let world: FederatedWorld;
    let authority: LyingAuthority;
    let misled: Component;

    beforeAll(async () => {
      world = await boot();
      const { state } = world.handle;
      authority = await startLyingAuthority(state, await createEmbeddedAuthority(await embeddedDeps()));
      misled = await startGatewayProcess(state, 'b', NAME, { environment: { STEP_CA_URL: authority.url } });
      await must(201, world.work, '/api/admin/users', { body: { name: 'misled-subject' } });
    });
    afterAll(async () => {
      await stop(misled);
      await authority.close();
      await world.close();
    });

    const grant = (peer: string) =>
      must(201, world.work, '/api/admin/grants', {
        body: {
          user: 'misled-subject',
          peer,
          scope: { resources: ['tasks'], max_rows_per_query: 5 },
        },
      });
    const redeem = async (enrollmentUrl: string) => {
      const token = new URLSearchParams(new URL(enrollmentUrl).hash.slice(1)).get('token');
      const { csrPem } = await makeKeyMaker().keyAndCsr();
      const { public: socket } = socketsOf(world.handle.state, NAME);
      const answer = await requestSocket(socket, '/enrollment/v1/redeem', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ token, csr: csrPem }),
      });
      return { status: answer.status, body: JSON.parse(answer.text) as Body };
    };

    it.each<[string, Lie]>([
      ['another public key', 'key'],
      ['another grant in the extension', 'extension'],
      ['a server certificate without the extensions', 'usage'],
      ['another issuer', 'issuer'],
    ])('M2-2 M2-3 %s: 503 ca_misissued, the grant stays pending and the token usable', async (_what, lie) => {
      const created = await grant(`misled-${lie}`);
      authority.tell(lie);
      const answer = await redeem(created.enrollment.url);
      expect([answer.status, answer.body.code]).toEqual([503, 'ca_misissued']);
      expect(answer.body.certificate).toBeUndefined();
      const certificates = await world.work.sql(
        'select distinct status::text from issued_certificates where grant_id = $1',
        [created.grant.id],
      );
      expect(certificates).toEqual([{ status: 'failed' }]);
      const path = `/api/admin/grants/${created.grant.id}`;
      expect(await must(200, world.work, path)).toMatchObject({ status: 'pending' });
      authority.tell(null);
      expect((await redeem(created.enrollment.url)).status).toBe(201);
      expect(await must(200, world.work, path)).toMatchObject({ status: 'active' });
    });
  });
};
