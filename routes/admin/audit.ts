import { Hono } from 'hono';
import { z } from 'zod';
import type { Deps } from '../../src/app/deps.ts';
import { auditHistogram, auditPages, listAudit } from '../../src/audit/audit.ts';
import { verifyAudit } from '../../src/audit/audit-verify.ts';
import { holderOf } from '../middleware/actor.ts';
import type { AppEnv } from '../http/http.ts';
import { authenticate, requireAdmin } from '../middleware/auth.ts';
import { describe } from '../openapi/describe.ts';
import { pageOf, pageQuery, readPage, writePage } from '../http/paging.ts';
import { uuid, noQuery } from '../http/shapes.ts';
import { validate } from '../http/validate.ts';
import { EXPORT_BYTES, EXPORT_TYPES, exportStream } from './audit-export.ts';
import {
  auditFilters,
  countersShape,
  entryShape,
  histogramShape,
  readFilter,
  showEntry,
  verificationShape,
} from './audit-shapes.ts';

const tags = ['audit'];

/** Mounted at /api/admin/audit. */
export const auditRoutes = (deps: Deps): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  app.use(authenticate(deps), requireAdmin());

  app.get(
    '/',
    describe({
      summary: 'Read the audit log, newest first',
      tags,
      success: { status: 200, description: 'One page.', schema: pageOf(entryShape) },
      errors: ['invalid_cursor'],
    }),
    validate('query', z.strictObject({ ...pageQuery, ...auditFilters })),
    async (c) => {
      const { limit: _limit, cursor: _cursor, ...filters } = c.req.valid('query');
      const given = { ...filters, from: filters.from?.toISOString(), to: filters.to?.toISOString() };
      const asked = readPage(deps, c, holderOf(c), 'audit', given);
      const page = await listAudit(deps, asked, readFilter(filters));
      return c.json(writePage(deps, page, showEntry, holderOf(c), 'audit', given));
    },
  );

  app.get(
    '/export',
    describe({
      summary: 'Every matching entry, newest first, as one stream',
      description:
        'One entry a line: JSON (`ndjson`), or comma-separated with a header line (`csv`, RFC 4180; texts a spreadsheet ' +
        'would take for a formula begin with an apostrophe). A stream that breaks off is not complete.',
      tags,
      success: {
        status: 200,
        description: 'The entries.',
        contentType: EXPORT_TYPES.ndjson,
        otherTypes: [EXPORT_TYPES.csv],
      },
    }),
    validate(
      'query',
      z.strictObject({ format: z.enum(['ndjson', 'csv']).default('ndjson'), ...auditFilters }),
    ),
    (c) => {
      const { format, ...filters } = c.req.valid('query');
      const pages = auditPages(deps, readFilter(filters));
      const party = `user ${c.get('principal').userId}`;
      const turn = () => deps.work.enter({ party, holder: party }, EXPORT_BYTES);
      return c.body(exportStream(format, pages, turn), 200, {
        'content-type': EXPORT_TYPES[format],
        'content-disposition': `attachment; filename="audit.${format}"`,
      });
    },
  );

  app.get(
    '/histogram',
    describe({
      summary: 'Entries an hour, by outcome',
      description:
        'Hours (UTC) without any entry are left out. The last 24 hours, unless told otherwise; at most 31 days.',
      tags,
      success: { status: 200, description: 'Oldest first.', schema: histogramShape },
    }),
    validate('query', z.strictObject(auditFilters)),
    async (c) => {
      const hours = await auditHistogram(deps, readFilter(c.req.valid('query')));
      return c.json({ hours: hours.map(({ hour, ...counts }) => ({ hour: hour.toISOString(), ...counts })) });
    },
  );

  app.get(
    '/counters',
    describe({
      summary: 'What this replica’s queue has accepted, written and dropped since its start',
      description:
        '`accepted` = `written` + `dropped` + what still waits. Allowed entries are dropped first.',
      tags,
      success: { status: 200, description: 'The counters.', schema: countersShape },
    }),
    validate('query', noQuery),
    (c) => {
      const { accepted, written, dropped, droppedByClass } = deps.audit.counters;
      return c.json({ accepted, written, dropped, dropped_by_class: { ...droppedByClass } });
    },
  );

  app.get(
    '/verify',
    describe({
      summary: 'Verify the hash chains of the log and name the first entry that was changed',
      description:
        'Reads all entries of one grant, or of all grants in parts of some seconds: as long as there is a `next_cursor` this ' +
        'was one part, and its verdict is about that part alone. See docs/explanation/audit.md.',
      tags,
      success: { status: 200, description: 'What was found.', schema: verificationShape },
    }),
    validate(
      'query',
      z
        .strictObject({
          grant_id: uuid.optional(),
          cursor: uuid.optional().meta({ description: '`next_cursor` of the part before.' }),
        })
        .refine(({ grant_id, cursor }) => grant_id === undefined || cursor === undefined, {
          path: ['cursor'],
          message: 'cannot be given together with grant_id',
        }),
    ),
    async (c) => {
      const { grant_id: grantId, cursor: after } = c.req.valid('query');
      const { findings, next, ...result } = await verifyAudit(deps, { grantId, after });
      return c.json({
        ...result,
        next_cursor: next,
        findings: findings.map((finding) => ({
          kind: finding.kind,
          grant_id: finding.grantId,
          writer_id: finding.writerId,
          from_seq: finding.fromSeq,
          to_seq: finding.toSeq,
          entry_id: finding.entryId,
        })),
      });
    },
  );

  return app;
};
