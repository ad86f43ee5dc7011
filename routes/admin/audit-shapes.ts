import { z } from 'zod';
import type { AuditEntry } from '../../domain/audit/entry.ts';
import { ERROR_CATALOGUE, type ErrorCode } from '../../domain/errors.ts';
import type { AuditFilter } from '../../domain/ports/audit.ts';
import { timestamp, uuid } from '../http/shapes.ts';
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
  'checkpoint',
] as const satisfies readonly AuditEntry['verb'][];
const outcome = z.enum(['allowed', 'denied', 'error']);

export const auditFilters = {
  grant_id: uuid.optional(),
  peer_id: uuid.optional(),
  subject_user_id: uuid.optional(),
  outcome: outcome.optional(),
  verb: z.enum(VERBS).optional(),
  reason_code: z.enum(Object.keys(ERROR_CATALOGUE) as [ErrorCode, ...ErrorCode[]]).optional(),
  trace_id: z
    .string()
    .regex(/^[0-9a-f]{32}$/, 'must be 32 hexadecimal characters')
    .optional(),
  from: instant.optional().meta({ description: 'Entries at or after this time.' }),
  to: instant.optional().meta({ description: 'Entries before this time.' }),
};

const filterShape = z.strictObject(auditFilters);

/** What the store is asked for, from what was given. */
export const readFilter = (given: z.output<typeof filterShape>): AuditFilter => {
  const { grant_id, peer_id, subject_user_id, outcome: only, verb, reason_code, trace_id, from, to } = given;
  return {
    ...(grant_id === undefined ? {} : { grantId: grant_id }),
    ...(peer_id === undefined ? {} : { peerId: peer_id }),
    ...(subject_user_id === undefined ? {} : { subjectUserId: subject_user_id }),
    ...(only === undefined ? {} : { outcome: only }),
    ...(verb === undefined ? {} : { verb }),
    ...(reason_code === undefined ? {} : { reasonCode: reason_code }),
    ...(trace_id === undefined ? {} : { traceId: trace_id }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
};

export const entryShape = z
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
    writer_id: uuid.nullable().meta({ description: 'Which start of which replica wrote it.' }),
    seq: z.int().nullable().meta({ description: 'Its place in the chain of its grant and writer.' }),
    head: z.string().nullable().meta({ description: 'The chain’s head after it: SHA-256.' }),
  })
  .meta({ id: 'AuditEntry' });

export type ShownEntry = z.infer<typeof entryShape>;

export const showEntry = (entry: AuditEntry): ShownEntry => ({
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
  writer_id: entry.writerId,
  seq: entry.seq,
  head: entry.head,
});

/** In the order of the columns of an export. */
export const ENTRY_FIELDS = Object.keys(entryShape.shape) as readonly (keyof ShownEntry)[];

const findingShape = z.strictObject({
  kind: z.enum(['changed', 'missing', 'moved', 'rewritten', 'removed', 'forged', 'lost_tail', 'dropped']),
  grant_id: uuid.nullable(),
  writer_id: uuid,
  from_seq: z.int(),
  to_seq: z.int(),
  entry_id: z.string().nullable(),
});

export const verificationShape = z
  .strictObject({
    verdict: z.enum(['intact', 'incomplete', 'tampered']),
    chains: z.int(),
    entries: z.int(),
    unconfirmed: z.int().meta({ description: 'Entries behind the last checkpoint anybody else holds.' }),
    findings: z.array(findingShape).meta({ description: 'The first of each chain.' }),
    next_cursor: uuid.nullable().meta({ description: 'There are more grants: ask on with it as `cursor`.' }),
  })
  .meta({ id: 'AuditVerification' });

export const histogramShape = z
  .strictObject({
    hours: z.array(z.strictObject({ hour: timestamp, allowed: z.int(), denied: z.int(), error: z.int() })),
  })
  .meta({ id: 'AuditHistogram' });

export const countersShape = z
  .strictObject({
    accepted: z.int(),
    written: z.int(),
    dropped: z.int(),
    dropped_by_class: z.strictObject({
      allowed: z.int(),
      denied: z.int(),
      error: z.int(),
      change: z.int(),
    }),
  })
  .meta({ id: 'AuditCounters' });
