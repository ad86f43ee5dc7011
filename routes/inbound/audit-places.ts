import { Hono, type Context } from 'hono';
import { z } from 'zod';
import { MosaicError } from '../../domain/errors.ts';
import type { Deps } from '../../src/app/deps.ts';
import { MAX_PLACES, servePlaces, type AskedPlace } from '../../src/audit/audit-heads.ts';
import type { Serving } from '../../src/inbound/read/serve.ts';
import type { AppEnv } from '../http/http.ts';
import { describe } from '../openapi/describe.ts';
import { uuid } from '../http/shapes.ts';
import { validate } from '../http/validate.ts';
import { callerOf, inboundOf } from './inbound.ts';

const PLACE = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([1-9][0-9]{0,14})$/;

const ONE = PLACE.source.slice(1, -1).replaceAll(/\((?!\?)/g, '(?:');
const PLACES = new RegExp(`^(?:${ONE}(?:,${ONE}){0,${MAX_PLACES - 1}})?$`);

const placesQuery = z.strictObject({
  at: z
    .string()
    .max(MAX_PLACES * 64)
    .regex(PLACES, 'is not a list of places')
    .default('')
    .meta({
      description: `Up to ${MAX_PLACES} places, \`<writer>.<seq>\` each, parted by commas.`,
    }),
});

const placesAnswer = z
  .strictObject({
    key: z.string().meta({ description: 'Public key of checkpoints: ECDSA P-256, SPKI, base64url.' }),
    places: z.array(
      z.strictObject({
        writer_id: uuid,
        seq: z.int(),
        state: z.enum(['entry', 'dropped', 'missing']),
        head: z.string().nullable(),
        consistent: z.boolean().nullable(),
        lost_tail: z.boolean(),
      }),
    ),
  })
  .meta({ id: 'AuditPlaces' });

/** @throws MosaicError `invalid_request` */
const readPlaces = (text: string): readonly AskedPlace[] => {
  const parts = text === '' ? [] : text.split(',');
  return parts.map((part) => {
    const [, writerId, seq] = PLACE.exec(part) ?? [];
    if (writerId === undefined || parts.length > MAX_PLACES)
      throw new MosaicError('invalid_request', {
        issues: [{ path: 'at', message: 'is not a list of places', expected: 'writer.seq, …' }],
      });
    return { writerId, seq: Number(seq) };
  });
};

/** Mounted at /audit of the federation listener: the grant's own chains, and nothing else of the log. */
export const auditPlacesRoutes = (
  deps: Deps,
  serving: Serving,
  answer: (c: Context<AppEnv>, make: () => Promise<unknown>) => Promise<Response>,
): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  app.get(
    '/checkpoint',
    describe({
      summary: 'What the audit log of this grant says now about entries it has reported',
      tags: ['federation'],
      success: { status: 200, description: 'The entries, in the order asked.', schema: placesAnswer },
      errors: ['grant_unknown', 'grant_revoked', 'grant_expired', 'certificate_revoked', 'invalid_request'],
    }),
    (c, next) => {
      inboundOf(c).verb = 'checkpoint';
      return next();
    },
    validate('query', placesQuery),
    async (c) => {
      const { at } = c.req.valid('query');
      inboundOf(c).parameters = { at };
      const asked = readPlaces(at);
      return answer(c, async () => {
        // The same gate as for everything else: grant, certificate and fence.
        await serving.capabilities(callerOf(c));
        const { key, places } = await servePlaces(deps, callerOf(c).identity.grantId, asked);
        return {
          key,
          places: places.map((place) => ({
            writer_id: place.writerId,
            seq: place.seq,
            state: place.state,
            head: place.head,
            consistent: place.isConsistent,
            lost_tail: place.hasLostTail,
          })),
        };
      });
    },
  );
  return app;
};
