import { Hono, type Context } from 'hono';
import { z } from 'zod';
import type { ErrorCode } from '../../domain/errors.ts';
import type { Deps } from '../../src/app/deps.ts';
import { confirmRenewal, renewCertificate } from '../../src/inbound/renewal/renew.ts';
import type { AppEnv } from '../http/http.ts';
import { describe } from '../openapi/describe.ts';
import { timestamp, uuid } from '../http/shapes.ts';
import { validate } from '../http/validate.ts';
import { callerOf, inboundOf } from './inbound.ts';

const tags = ['federation'];
const ERRORS: readonly ErrorCode[] = [
  'grant_unknown',
  'grant_pending',
  'grant_revoked',
  'grant_expired',
  'grant_subject_mismatch',
  'certificate_revoked',
  'forbidden',
  'database_unavailable',
  'unavailable',
];

const renewal = z.strictObject({
  csr: z
    .string()
    .min(1)
    .max(24_576)
    .meta({ description: 'PKCS#10, PEM, over a new key. Only its public key is used.' }),
});

const pem = z.string().meta({ description: 'PEM.' });

const renewed = z
  .strictObject({
    grant_id: uuid,
    subject_user_id: uuid,
    certificate: pem,
    chain: pem.meta({ description: 'What follows the certificate up to the root, PEM.' }),
    ca: pem.meta({
      description: 'The root certificate; while it is replaced, both, the one that issues first.',
    }),
    ca_links: pem.meta({
      description: 'The new root’s name and key, signed by the old one; empty when there is one root.',
    }),
    not_after: timestamp,
  })
  .meta({ id: 'Renewal' });

const confirmed = z.strictObject({
  superseded_until: timestamp.nullable().meta({ description: 'When older certificates end; null: none.' }),
});

/** Notes the verb for the audit, which keeps a keyed hash of what was sent. */
const note = (c: Context<AppEnv>, csr: string | null): void => {
  const inbound = inboundOf(c);
  inbound.verb = 'renew';
  inbound.parameters = csr === null ? {} : { csr };
};

/** Mounted at /federation/v1/renew, behind the same gate as every verb. */
export const renewalRoutes = (deps: Deps): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();

  app.post(
    '/',
    describe({
      summary: 'Renew the certificate the request comes with',
      description:
        'A new certificate for the same grant and subject, over the new key of the CSR. The same CSR again gives the same ' +
        'certificate. The old one goes on until `confirm` and ten minutes more, or until its own end.',
      tags,
      success: { status: 201, description: 'The new certificate.', schema: renewed },
      errors: [...ERRORS, 'invalid_csr', 'renewal_refused', 'ca_unavailable', 'ca_misissued'],
    }),
    (c, next) => {
      note(c, null);
      return next();
    },
    validate('json', renewal),
    async (c) => {
      const { csr } = c.req.valid('json');
      note(c, csr);
      const made = await renewCertificate(deps, callerOf(c).identity, csr);
      return c.json(
        {
          grant_id: made.grantId,
          subject_user_id: made.subjectUserId,
          certificate: made.certificatePem,
          chain: made.chainPem,
          ca: made.trust.rootsPem,
          ca_links: made.trust.linksPem,
          not_after: made.notAfter.toISOString(),
        },
        201,
      );
    },
  );

  app.post(
    '/confirm',
    describe({
      summary: 'Say that the certificate the request comes with is in use',
      description: 'Those made before it for the same grant end ten minutes later.',
      tags,
      success: { status: 200, description: 'Noted.', schema: confirmed },
      errors: ERRORS,
    }),
    (c, next) => {
      note(c, null);
      return next();
    },
    async (c) => {
      const until = await confirmRenewal(deps, callerOf(c).identity);
      return c.json({ superseded_until: until?.toISOString() ?? null });
    },
  );
  return app;
};
