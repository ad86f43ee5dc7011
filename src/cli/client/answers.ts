import { z } from 'zod';

/**
 * What the gateway answers, as far as this program reads it. Objects are loose: what is not read here still
 * passes through to `--json`. An answer that does not fit is reported as such and never half-shown.
 */
const text = z.string();
const maybeText = z.string().nullish();

export const userAnswer = z.looseObject({ id: text, name: text, is_admin: z.boolean(), created_at: text });
export const teamAnswer = z.looseObject({ id: text, name: text, created_at: text });
export const memberAnswer = z.looseObject({ team_id: text, user_id: text, role: text });

export const tokenAnswer = z.looseObject({
  id: text,
  user_id: text,
  name: text,
  access: text,
  created_at: text,
  expires_at: maybeText,
  revoked_at: maybeText,
});
/** The text is answered once, when the token is made. */
export const newTokenAnswer = tokenAnswer.extend({ text });

export const bootstrapAnswer = z.looseObject({ user: userAnswer, token: newTokenAnswer });

export const grantAnswer = z.looseObject({
  id: text,
  /** The name is null once the peer was removed. */
  peer: z.looseObject({ id: text, name: maybeText }),
  subject_user_id: text,
  scope: z.looseObject({ resources: z.array(text), max_rows_per_query: z.number() }),
  /** As of now by the gateway's clock: a grant past its end is expired. */
  status: text,
  version: z.number(),
  rate_limit_per_minute: z.number().nullish(),
  cache_ttl_seconds: z.number().nullish(),
  audit_strict: z.boolean().default(false),
  created_at: text,
  activated_at: maybeText,
  expires_at: maybeText,
  revoked_at: maybeText,
  revoked_reason: maybeText,
});

const enrollmentAnswer = z.looseObject({ url: text, expires_at: text, ca_fingerprint: text });
export const newGrantAnswer = z.looseObject({ grant: grantAnswer, enrollment: enrollmentAnswer });

export const peerAnswer = z.looseObject({
  id: text,
  direction: text,
  name: text,
  state: text,
  created_at: text,
  local_user_id: maybeText,
  federation_url: maybeText,
  ca_fingerprint: maybeText,
  remote_grant_id: maybeText,
  remote_subject_user_id: maybeText,
  certificate_not_after: maybeText,
  last_success_at: maybeText,
  last_failure_at: maybeText,
  last_failure_code: maybeText,
  circuit: z.looseObject({ state: text, since: maybeText, next_probe: maybeText }).nullish(),
});

export const auditAnswer = z.looseObject({
  id: text,
  at: text,
  verb: text,
  outcome: text,
  status: z.number(),
  resource: maybeText,
  action: maybeText,
  reason_code: maybeText,
  grant_id: maybeText,
  peer_id: maybeText,
  subject_user_id: maybeText,
  actor_user_id: maybeText,
  bytes_out: z.number().nullish(),
  latency_ms: z.number().nullish(),
  trace_id: maybeText,
});

export const federationStatusAnswer = z.looseObject({
  status: text,
  findings: z.array(z.looseObject({ status: text, message: text, cure: text, peer: maybeText })).optional(),
  at: text,
  gateway: text,
  peers: z.array(peerAnswer.extend({ status: text })),
  more_peers: z.boolean(),
  cache: z.looseObject({ hits: z.number(), misses: z.number(), hit_rate: z.number().nullable() }),
  audit: z.looseObject({ written: z.number(), waiting: z.number(), dropped: z.number() }),
  alerts: z.looseObject({
    raised: z.record(text, z.number()),
    last: z.record(text, text).optional(),
    lost: z.number(),
  }),
  revocation: z.looseObject({ status: text }),
  database: z.looseObject({ condition: text, since: text, cure: maybeText }).optional(),
  front: z.looseObject({ status: text, certificate_not_after: text }).nullable(),
});

export const authorityAnswer = z.looseObject({
  kind: text,
  phase: text,
  announced_at: maybeText,
  switched_at: maybeText,
  roots: z.array(z.looseObject({ fingerprint: text, not_after: maybeText, use: text })),
  waiting_for: z.number(),
});

export const verificationAnswer = z.looseObject({
  verdict: text,
  chains: z.number(),
  entries: z.number(),
  unconfirmed: z.number(),
  findings: z.array(
    z.looseObject({
      kind: text,
      grant_id: maybeText,
      writer_id: text,
      from_seq: z.number(),
      to_seq: z.number(),
      entry_id: maybeText,
    }),
  ),
  next_cursor: z.string().nullish(),
});

export const reconciliationAnswer = z.looseObject({
  verdict: text,
  key: text,
  places: z.array(z.looseObject({ writer_id: text, seq: z.number(), signed: z.boolean(), verdict: text })),
});

export const histogramAnswer = z.looseObject({
  hours: z.array(z.looseObject({ hour: text, allowed: z.number(), denied: z.number(), error: z.number() })),
});

/** Fields differ by resource: the resources table says which are shown. */
export const rowAnswer = z.looseObject({ id: text, created_at: text });

const sourceAnswer = z.looseObject({
  status: text,
  count: z.number().nullish(),
  latency_ms: z.number().nullish(),
  code: maybeText,
  message: maybeText,
});

const noticeAnswer = z.looseObject({ source: text, code: text, message: maybeText });

const blendedRow = rowAnswer.extend({ _source: text });

export const queryAnswer = z.looseObject({
  items: z.array(blendedRow),
  next_cursor: maybeText,
  sources: z.record(z.string(), sourceAnswer),
  notices: z.array(noticeAnswer).default([]),
});

export const searchAnswer = queryAnswer.extend({
  items: z.array(
    blendedRow.extend({
      _resource: text,
      _rank: z.number(),
      /** By field: start and end of words that were found, in UTF-16 code units. */
      _highlights: z.record(z.string(), z.array(z.array(z.number()))),
    }),
  ),
});

/** For answers whose content does not matter, such as 204. */
export const anyAnswer = z.unknown();

export type UserAnswer = z.infer<typeof userAnswer>;
export type TeamAnswer = z.infer<typeof teamAnswer>;
export type MemberAnswer = z.infer<typeof memberAnswer>;
export type TokenAnswer = z.infer<typeof tokenAnswer>;
export type GrantAnswer = z.infer<typeof grantAnswer>;
export type EnrollmentAnswer = z.infer<typeof enrollmentAnswer>;
export type AuthorityAnswer = z.infer<typeof authorityAnswer>;
export type PeerAnswer = z.infer<typeof peerAnswer>;
export type AuditAnswer = z.infer<typeof auditAnswer>;
export type VerificationAnswer = z.infer<typeof verificationAnswer>;
export type ReconciliationAnswer = z.infer<typeof reconciliationAnswer>;
export type HistogramAnswer = z.infer<typeof histogramAnswer>;
export type RowAnswer = z.infer<typeof rowAnswer>;
export type QueryAnswer = z.infer<typeof queryAnswer>;
export type SearchAnswer = z.infer<typeof searchAnswer>;
export type FederationStatusAnswer = z.infer<typeof federationStatusAnswer>;
