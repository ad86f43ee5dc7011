import { Hono } from 'hono';
import { z } from 'zod';
import type { AuditEntry } from '../../domain/audit/entry.ts';
import type { Deps } from '../../src/deps.ts';
import { listAudit } from '../../src/services/audit.ts';
import { holderOf } from '../actor.ts';
import type { AppEnv } from '../http.ts';
import { authenticate, requireAdmin } from '../middleware/auth.ts';
import { describe } from '../openapi/describe.ts';
import { pageOf, pageQuery, readPage, writePage } from '../paging.ts';
import { timestamp, uuid } from '../shapes.ts';
import { validate } from '../validate.ts';
import { instant } from './grant-shapes.ts';

const VERBS = [
  'capabilities',
  'list',
  'get',
  'search',
  'unknown',
  'enroll',
  'revoke',
  'renew',
  'admin',
] as const satisfies readonly AuditEntry['verb'][];
const outcome = z.enum(['allowed', 'denied', 'error']);

const filters = {
  grant_id: uuid.optional(),
  peer_id: uuid.optional(),
  subject_user_id: uuid.optional(),
  outcome: outcome.optional(),
  verb: z.enum(VERBS).optional(),
  from: instant.optional().meta({ description: 'Entries at or after this time.' }),
  to: instant.optional().meta({ description: 'Entries before this time.' }),
};

const entryShape = z
  .strictObject({
    id: uuid,
    at: timestamp,
    grant_id: uuid.nullable(),
    peer_id: uuid.nullable(),
    subject_user_id: uuid.nullable(),
    actor_user_id: uuid.nullable(),
    verb: z.enum(VERBS),
    resource: z.string().nullable(),
    action: z.string().nullable(),
    query_hash: z
      .string()
      .nullable()
      .meta({ description: 'HMAC-SHA-256 of the query; the query itself is nowhere.' }),
    outcome,
    reason_code: z.string().nullable(),
    status: z.int(),
    bytes_out: z.int(),
    latency_ms: z.number(),
    trace_id: z.string().nullable(),
  })
  .meta({ id: 'AuditEntry' });

const showEntry = (entry: AuditEntry): z.infer<typeof entryShape> => ({
  id: entry.id,
  at: entry.at.toISOString(),
  grant_id: entry.grantId,
  peer_id: entry.peerId,
  subject_user_id: entry.subjectUserId,
  actor_user_id: entry.actorUserId,
  verb: entry.verb,
  resource: entry.resource,
  action: entry.action,
  query_hash: entry.queryHash,
  outcome: entry.outcome,
  reason_code: entry.reasonCode,
  status: entry.status,
  bytes_out: entry.bytesOut,
  latency_ms: entry.latencyMs,
  trace_id: entry.traceId,
});

/** Mounted at /api/admin/audit. */
export const auditRoutes = (deps: Deps): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  app.use(authenticate(deps), requireAdmin());

  app.get(
    '/',
    describe({
      summary: 'Read the audit log, newest first',
      tags: ['audit'],
      success: { status: 200, description: 'One page.', schema: pageOf(entryShape) },
      errors: ['invalid_cursor'],
    }),
    validate('query', z.strictObject({ ...pageQuery, ...filters })),
    async (c) => {
      const { grant_id, peer_id, subject_user_id, outcome: only, verb, from, to } = c.req.valid('query');
      const given = {
        grant_id,
        peer_id,
        subject_user_id,
        outcome: only,
        verb,
        from: from?.toISOString(),
        to: to?.toISOString(),
      };
      const page = await listAudit(deps, readPage(deps, c, holderOf(c), 'audit', given), {
        ...(grant_id === undefined ? {} : { grantId: grant_id }),
        ...(peer_id === undefined ? {} : { peerId: peer_id }),
        ...(subject_user_id === undefined ? {} : { subjectUserId: subject_user_id }),
        ...(only === undefined ? {} : { outcome: only }),
        ...(verb === undefined ? {} : { verb }),
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
      });
      return c.json(writePage(deps, page, showEntry, holderOf(c), 'audit', given));
    },
  );

  return app;
};
