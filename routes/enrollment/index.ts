import { Hono } from 'hono';
import { z } from 'zod';
import type { Deps } from '../../src/app/deps.ts';
import { redeem } from '../../src/inbound/enrollment/redeem.ts';
import type { AppEnv } from '../http/http.ts';
import { describe } from '../openapi/describe.ts';
import { scopeShape } from '../http/scope-shape.ts';
import { timestamp, uuid } from '../http/shapes.ts';
import { validate } from '../http/validate.ts';
import { addressFromEnvironment, type ClientAddressSource } from '../http/client-address.ts';
import { earlyGuard } from './early-guard.ts';

const redemption = z.strictObject({
  // Any text: what is malformed is answered exactly as what is unknown.
  token: z.string().min(1).max(512).meta({ description: 'From the fragment of the enrollment URL.' }),
  csr: z.string().min(1).max(12_288).meta({ description: 'PKCS#10, PEM. Only its public key is used.' }),
});

const pem = z.string().meta({ description: 'PEM.' });

const redeemed = z
  .strictObject({
    grant_id: uuid,
    subject_user_id: uuid,
    gateway_name: z.string(),
    federation_url: z.url(),
    certificate: pem,
    chain: pem.meta({ description: 'What follows the certificate up to the root, PEM.' }),
    ca: pem.meta({ description: 'The root certificate, the one the enrollment URL pins.' }),
    not_after: timestamp,
    audit_key: z
      .string()
      .meta({ description: 'Signs checkpoints of the audit log: ECDSA P-256, SPKI, base64url.' }),
    signing_key: z
      .strictObject({ kty: z.literal('EC'), crv: z.literal('P-256'), x: z.string(), y: z.string() })
      .meta({ description: 'JWK that this gateway signs statements about revocations with: pin it.' }),
    scope: scopeShape,
  })
  .meta({ id: 'Enrollment' });

/** Mounted at /enrollment/v1. */
export const enrollmentRoutes = (
  deps: Deps,
  addressOf: ClientAddressSource = addressFromEnvironment,
): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();

  app.post(
    '/redeem',
    describe({
      summary: 'Redeem an enrollment token for a client certificate',
      description:
        'A token works once. Any number of concurrent redemptions yields one certificate; the others wait for its outcome.',
      tags: ['enrollment'],
      success: { status: 201, description: 'The grant is active.', schema: redeemed },
      errors: [
        'invalid_csr',
        'token_unknown',
        'token_used',
        'token_expired',
        'rate_limited',
        'ca_unavailable',
        'ca_misissued',
      ],
    }),
    earlyGuard(deps, addressOf),
    validate('json', redemption),
    async (c) => {
      const { grant, certificate, rootPem } = await redeem(deps, {
        ...c.req.valid('json'),
        address: addressOf(c),
        traceId: c.get('traceId'),
      });
      return c.json(
        {
          grant_id: grant.id,
          subject_user_id: grant.subjectUserId,
          gateway_name: deps.settings.gatewayName,
          federation_url: deps.settings.federationUrl,
          certificate: certificate.pem,
          chain: certificate.chainPem,
          ca: rootPem,
          not_after: certificate.notAfter.toISOString(),
          audit_key: deps.keys.auditSigner.publicKey,
          signing_key: deps.keys.statements.publicJwk,
          scope: grant.scope,
        },
        201,
      );
    },
  );

  return app;
};
