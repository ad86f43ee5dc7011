import { describe, expect, it } from 'vitest';
import { makeKeyMaker } from '../../../../ca/x509/request.ts';
import { enroll, expectProblem, redeem } from '../client.ts';
import { scopeOf, type World } from './world.ts';

export const enrollmentCases = (world: World) =>
  describe('enrollment', () => {
    it('M2-7 refuses a scope that is not valid, with its paths', async () => {
      const bad = scopeOf({ resources: ['tasks', 'dreams'] });
      const answer = await world.ask(world.admin, 'POST', '/api/admin/grants', {
        user: 'alice',
        peer: 'home',
        scope: bad,
      });
      expectProblem(answer, 400, 'invalid_scope');
      expect(answer.body.issues[0]?.path).toContain('resources[1]');
    });

    it('M2-2 turns a token and a CSR into a certificate, once', async () => {
      const scope = scopeOf({
        excluded_resources: ['credentials'],
        filters: { notes: { include_personal: false } },
      });
      world.grant = await enroll(world.gateway, world.admin, { user: 'alice', peer: 'home', scope });
      expect(world.grant.redeemed).toMatchObject({
        status: 201,
        body: { grant_id: world.grant.id, subject_user_id: world.alice.id },
      });
      expect(world.grant.client.certificate).toMatch(/^-----BEGIN CERTIFICATE-----/);
      const { csrPem } = await makeKeyMaker().keyAndCsr();
      expectProblem(await redeem(world.gateway, world.grant.token, csrPem), 410, 'token_used');
      expectProblem(await redeem(world.gateway, 'A'.repeat(43), csrPem), 404, 'token_unknown');
      // One character of the signature, which ends the document.
      const changed = csrPem.replace(
        /(.)(.{9}=*\n-----END)/,
        (_, char: string, rest: string) => `${char === 'A' ? 'B' : 'A'}${rest}`,
      );
      expectProblem(await redeem(world.gateway, 'A'.repeat(43), changed), 400, 'invalid_csr');
    });
  });
