import { Hono } from 'hono';
import { z } from 'zod';
import type { InboundDeps } from '../../src/inbound/deps.ts';
import { renewEnrollment } from '../../src/inbound/enrollment/enrollment.ts';
import { revokeGrant } from '../../src/inbound/grants/grant-revoke.ts';
import { changeGrant, createGrant, listGrants, showGrant } from '../../src/inbound/grants/grants.ts';
import { actorOf, holderOf } from '../middleware/actor.ts';
import type { AppEnv } from '../http/http.ts';
import { authenticate, requireAdmin } from '../middleware/auth.ts';
import { describe } from '../openapi/describe.ts';
import { pageOf, pageQuery, readPage, writePage } from '../http/paging.ts';
import { scopeInput } from '../http/scope-shape.ts';
import { handle, idParam, label, uuid } from '../http/shapes.ts';
import { validate } from '../http/validate.ts';
import {
  auditStrict,
  cacheTtl,
  grantShape,
  grantStatus,
  grantWithUrlShape,
  instant,
  rateLimit,
  showEnrollment,
  showGrantView,
} from './grant-shapes.ts';

const tags = ['grants'];
const SCOPE_ERRORS = ['invalid_scope', 'sensitive_not_approved', 'invalid_transition'] as const;

const filters = {
  status: grantStatus.optional(),
  subject_user_id: uuid.optional(),
  peer_id: uuid.optional(),
};

const newGrant = z.strictObject({
  user: handle.meta({ description: 'Id or name of the user whose data may be read.' }),
  peer: handle.meta({ description: 'Name of the asking gateway; made, pending, when it is new.' }),
  scope: scopeInput,
  approve_sensitive: z.boolean().default(false),
  expires_at: instant.nullable().default(null),
  rate_limit_per_minute: rateLimit.default(null),
  cache_ttl_seconds: cacheTtl.default(null),
  audit_strict: auditStrict.default(false),
});

const grantChange = z
  .strictObject({
    scope: scopeInput.optional(),
    approve_sensitive: z.boolean().default(false),
    expires_at: instant.nullable().optional(),
    rate_limit_per_minute: rateLimit.optional(),
    cache_ttl_seconds: cacheTtl.optional(),
    audit_strict: auditStrict.optional(),
    version: z
      .int()
      .min(1)
      .optional()
      .meta({ description: 'Refuses the change when the grant is at another one.' }),
  })
  .meta({ minProperties: 1 });

/** Mounted at /api/admin/grants. */
export const grantRoutes = (deps: InboundDeps): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  app.use(authenticate(deps), requireAdmin());

  app.get(
    '/',
    describe({
      summary: 'List grants, newest first',
      tags,
      success: { status: 200, description: 'One page.', schema: pageOf(grantShape) },
      errors: ['invalid_cursor'],
    }),
    validate('query', z.strictObject({ ...pageQuery, ...filters })),
    async (c) => {
      const { status, subject_user_id: subjectUserId, peer_id: peerId } = c.req.valid('query');
      const given = { status, subjectUserId, peerId };
      const page = await listGrants(deps, readPage(deps, c, holderOf(c), 'grants', given), {
        ...(status === undefined ? {} : { status }),
        ...(subjectUserId === undefined ? {} : { subjectUserId }),
        ...(peerId === undefined ? {} : { peerId }),
      });
      return c.json(writePage(deps, page, showGrantView, holderOf(c), 'grants', given));
    },
  );

  app.post(
    '/',
    describe({
      summary: 'Grant a peer one user’s data within a scope',
      description:
        'The answer holds the enrollment URL, shown this once, for the person at the asking gateway.',
      tags,
      success: {
        status: 201,
        description: 'A pending grant.',
        schema: grantWithUrlShape,
        headers: { location: 'Where it is.' },
      },
      errors: [...SCOPE_ERRORS, 'ca_unavailable'],
    }),
    validate('json', newGrant),
    async (c) => {
      const body = c.req.valid('json');
      const { grant, enrollment } = await createGrant(deps, actorOf(c), {
        user: body.user,
        peer: body.peer,
        scope: body.scope,
        approveSensitive: body.approve_sensitive,
        expiresAt: body.expires_at,
        rateLimitPerMinute: body.rate_limit_per_minute,
        cacheTtlSeconds: body.cache_ttl_seconds,
        auditStrict: body.audit_strict,
      });
      c.header('location', `/api/admin/grants/${grant.grant.id}`);
      return c.json({ grant: showGrantView(grant), enrollment: showEnrollment(enrollment) }, 201);
    },
  );

  app.get(
    '/:id',
    describe({
      summary: 'Show a grant',
      tags,
      success: { status: 200, description: 'The grant.', schema: grantShape },
      errors: ['not_found'],
    }),
    validate('param', idParam),
    async (c) => c.json(showGrantView(await showGrant(deps, c.req.valid('param').id))),
  );

  app.patch(
    '/:id',
    describe({
      summary: 'Change scope, expiry, rate limit, caching or strictness of a grant',
      description: 'What is left out stays. The peer’s next request is decided on the change.',
      tags,
      success: { status: 200, description: 'The grant as it is now.', schema: grantShape },
      errors: ['not_found', 'conflict', ...SCOPE_ERRORS],
    }),
    validate('param', idParam),
    validate('json', grantChange),
    async (c) => {
      const body = c.req.valid('json');
      const view = await changeGrant(deps, actorOf(c), c.req.valid('param').id, {
        approveSensitive: body.approve_sensitive,
        ...(body.scope === undefined ? {} : { scope: body.scope }),
        ...(body.expires_at === undefined ? {} : { expiresAt: body.expires_at }),
        ...(body.rate_limit_per_minute === undefined
          ? {}
          : { rateLimitPerMinute: body.rate_limit_per_minute }),
        ...(body.cache_ttl_seconds === undefined ? {} : { cacheTtlSeconds: body.cache_ttl_seconds }),
        ...(body.audit_strict === undefined ? {} : { auditStrict: body.audit_strict }),
        ...(body.version === undefined ? {} : { version: body.version }),
      });
      return c.json(showGrantView(view));
    },
  );

  app.post(
    '/:id/revoke',
    describe({
      summary: 'Revoke a grant for good',
      description:
        'Once this has answered no request sent afterwards gets data. Doing it again changes nothing.',
      tags,
      success: { status: 200, description: 'The revoked grant.', schema: grantShape },
      errors: ['not_found'],
    }),
    validate('param', idParam),
    validate('json', z.strictObject({ reason: label.default('revoked by an administrator') })),
    async (c) => {
      const { reason } = c.req.valid('json');
      return c.json(showGrantView(await revokeGrant(deps, actorOf(c), c.req.valid('param').id, reason)));
    },
  );

  app.post(
    '/:id/enrollment',
    describe({
      summary: 'Make a new enrollment URL for a pending grant',
      description: 'Older URLs of the grant stop working.',
      tags,
      success: { status: 201, description: 'The URL, shown this once.', schema: grantWithUrlShape },
      errors: ['not_found', 'invalid_transition', 'ca_unavailable'],
    }),
    validate('param', idParam),
    async (c) => {
      const { grant, enrollment } = await renewEnrollment(deps, actorOf(c), c.req.valid('param').id);
      const view = await showGrant(deps, grant.id);
      return c.json({ grant: showGrantView(view), enrollment: showEnrollment(enrollment) }, 201);
    },
  );

  return app;
};
