import { z } from 'zod';
import { GRANT_STATUSES } from '../../domain/grants/grant.ts';
import type { Enrollment } from '../../src/inbound/enrollment/enrollment.ts';
import type { GrantView } from '../../src/inbound/grants/grants.ts';
import { scopeShape } from '../http/scope-shape.ts';
import { handle, timestamp, uuid } from '../http/shapes.ts';

const MAX_RATE_PER_MINUTE = 1_000_000;
const MAX_CACHE_SECONDS = 300;

/** A point in time a person writes, RFC 3339 with any offset; read to the millisecond. Postgres knows no year 0. */
export const instant = z.iso
  .datetime({ offset: true, abort: true, error: 'must be a time such as 2027-01-31T12:00:00Z' })
  .refine((text) => /^(?!0000)\d{4}-/.test(new Date(text).toISOString()), 'must lie in the years 1 to 9999')
  .transform((text) => new Date(text))
  .meta({ type: 'string', format: 'date-time' });

export const grantStatus = z.enum(GRANT_STATUSES);

export const rateLimit = z
  .int()
  .min(1)
  .max(MAX_RATE_PER_MINUTE)
  .nullable()
  .meta({ description: 'Requests a minute; null for the gateway’s default.' });

export const cacheTtl = z.int().min(0).max(MAX_CACHE_SECONDS).nullable().meta({
  description:
    'Seconds the asking gateway may keep an answer of `list` and `get`; 0: not at all. null for the default, 30.',
});

export const auditStrict = z.boolean().meta({
  description:
    'No answer leaves before its audit entry is committed. Where the entry cannot be committed, the answer is 503 without rows.',
});

export const grantShape = z
  .strictObject({
    id: uuid,
    peer: z.strictObject({
      id: uuid,
      name: handle.nullable().meta({ description: 'null once the peer is deleted.' }),
    }),
    subject_user_id: uuid,
    scope: scopeShape,
    status: grantStatus,
    version: z.int(),
    rate_limit_per_minute: rateLimit,
    cache_ttl_seconds: cacheTtl,
    audit_strict: auditStrict,
    created_at: timestamp,
    activated_at: timestamp.nullable(),
    expires_at: timestamp.nullable(),
    revoked_at: timestamp.nullable(),
    revoked_reason: z.string().nullable(),
  })
  .meta({ id: 'Grant' });

export const enrollmentShape = z
  .strictObject({
    url: z.url().meta({ description: 'Holds the token. Shown this once.' }),
    expires_at: timestamp,
    ca_fingerprint: z.string(),
  })
  .meta({ id: 'EnrollmentUrl' });

export const grantWithUrlShape = z.strictObject({ grant: grantShape, enrollment: enrollmentShape });

export const showGrantView = ({ grant, status, peer }: GrantView): z.infer<typeof grantShape> => ({
  id: grant.id,
  peer: { id: grant.peerId, name: peer?.name ?? null },
  subject_user_id: grant.subjectUserId,
  scope: {
    resources: [...grant.scope.resources],
    excluded_resources: [...grant.scope.excluded_resources],
    filters: Object.fromEntries(
      Object.entries(grant.scope.filters).map(([resource, filter]) => [
        resource,
        { include_teams: [...filter.include_teams], include_personal: filter.include_personal },
      ]),
    ),
    max_rows_per_query: grant.scope.max_rows_per_query,
  },
  status,
  version: grant.version,
  rate_limit_per_minute: grant.rateLimitPerMinute,
  cache_ttl_seconds: grant.cacheTtlSeconds,
  audit_strict: grant.auditStrict,
  created_at: grant.createdAt.toISOString(),
  activated_at: grant.activatedAt?.toISOString() ?? null,
  expires_at: grant.expiresAt?.toISOString() ?? null,
  revoked_at: grant.revokedAt?.toISOString() ?? null,
  revoked_reason: grant.revokedReason,
});

export const showEnrollment = (enrollment: Enrollment): z.infer<typeof enrollmentShape> => ({
  url: enrollment.url,
  expires_at: enrollment.expiresAt.toISOString(),
  ca_fingerprint: enrollment.caFingerprint,
});
