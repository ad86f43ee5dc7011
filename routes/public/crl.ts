import { Hono } from 'hono';
import { z } from 'zod';
import { toHex } from '../../domain/bytes.ts';
import type { Deps } from '../../src/app/deps.ts';
import { answerCacheable, limitPages, NOT_MODIFIED } from '../http/conditional.ts';
import type { AppEnv } from '../http/http.ts';
import { describe } from '../openapi/describe.ts';
import { validate } from '../http/validate.ts';

const PEM = 'application/x-pem-file';
const DER = 'application/pkix-crl';

/** How long whoever stands between may keep a list: short, because a revocation must be seen soon. */
const MAX_AGE_SECONDS = 15;
const TAG_LENGTH = 32;
const encoder = new TextEncoder();

type List = Awaited<ReturnType<Deps['pki']['list']>>;

/** The number alone does not name a text: another authority counts anew, and a second list may stand beside it. */
const tagOf = ({ number, thisUpdate, others = [] }: List, format: string): string =>
  [number, thisUpdate.getTime() / 1_000, ...others.map((other) => other.number), format].join('-');

/** Mounted at /: what others need to check this gateway's certificates. Public by nature, signed by the CA. */
export const crlRoutes = (deps: Deps): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  app.use('/pki/*', limitPages(deps));
  app.get(
    '/pki/crl',
    describe({
      summary: 'The current certificate revocation list (RFC 5280)',
      description:
        'DER, or PEM with `format=pem`. Its number only rises, and the `ETag` is made of it: with `If-None-Match` the answer is 304 until there is another list.',
      tags: ['pki'],
      success: { status: 200, description: 'Signed by the CA.', contentType: DER, otherTypes: [PEM] },
      otherAnswers: [NOT_MODIFIED],
      errors: ['ca_unavailable'],
    }),
    validate('query', z.strictObject({ format: z.enum(['der', 'pem']).default('der') })),
    async (c) => {
      const { format } = c.req.valid('query');
      const crl = await deps.pki.list();
      const secondsLeft = (crl.nextUpdate.getTime() - deps.clock.now().getTime()) / 1_000;
      return answerCacheable(c, {
        ...(format === 'pem'
          ? { body: crl.pem, contentType: PEM }
          : { body: new Uint8Array(crl.der), contentType: DER }),
        tag: tagOf(crl, format),
        maxAgeSeconds: Math.min(MAX_AGE_SECONDS, secondsLeft),
      });
    },
  );
  app.get(
    '/pki/root.pem',
    describe({
      summary: 'The root certificate that peers pin',
      tags: ['pki'],
      success: { status: 200, description: 'One certificate, PEM.', contentType: PEM },
      otherAnswers: [NOT_MODIFIED],
      errors: ['ca_unavailable'],
    }),
    async (c) => {
      const body = await deps.pki.rootPem();
      const tag = toHex(deps.hash(encoder.encode(body))).slice(0, TAG_LENGTH);
      return answerCacheable(c, { body, contentType: PEM, tag, maxAgeSeconds: MAX_AGE_SECONDS });
    },
  );
  return app;
};
