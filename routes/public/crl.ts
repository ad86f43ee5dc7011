import { Hono } from 'hono';
import { z } from 'zod';
import type { Deps } from '../../src/deps.ts';
import type { AppEnv } from '../http.ts';
import { describe } from '../openapi/describe.ts';
import { validate } from '../validate.ts';

const PEM = 'application/x-pem-file';
const DER = 'application/pkix-crl';

/** Mounted at /: what others need to check this gateway's certificates. Public by nature, signed by the CA. */
export const crlRoutes = (deps: Deps): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  app.get(
    '/pki/crl',
    describe({
      summary: 'The current certificate revocation list (RFC 5280)',
      description: 'DER, or PEM with `format=pem`. Its number only rises.',
      tags: ['pki'],
      success: { status: 200, description: 'Signed by the CA.', contentType: DER },
      errors: ['ca_unavailable'],
    }),
    validate('query', z.strictObject({ format: z.enum(['der', 'pem']).default('der') })),
    async (c) => {
      const crl = await deps.ca.crl();
      if (c.req.valid('query').format === 'pem') return c.body(crl.pem, 200, { 'content-type': PEM });
      return c.body(new Uint8Array(crl.der), 200, { 'content-type': DER });
    },
  );
  app.get(
    '/pki/root.pem',
    describe({
      summary: 'The root certificate that peers pin',
      tags: ['pki'],
      success: { status: 200, description: 'One certificate, PEM.', contentType: PEM },
      errors: ['ca_unavailable'],
    }),
    async (c) => c.body(await deps.ca.rootPem(), 200, { 'content-type': PEM }),
  );
  return app;
};
