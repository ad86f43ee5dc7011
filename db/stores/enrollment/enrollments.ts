import type { Grant } from '../../../domain/grants/grant.ts';
import { PEER_STATES, nextPeerState } from '../../../domain/peers/peer.ts';
import type { EnrollmentStore } from '../../../domain/ports/enrollment.ts';
import { readStoredScope } from '../../../domain/scope/parse.ts';
import { AUDIT_COLUMNS, auditRow } from '../audit/audit.ts';
import { claimOutcome, type ClaimRow } from './enrollment-tokens.ts';
import { unwrapped, type Session } from '../session.ts';

const ENROLLABLE = PEER_STATES.filter((state) => nextPeerState(state, 'enrolled') !== null);
const ENROLLED_AS = (column: string): string =>
  `case ${column} ${ENROLLABLE.map((state) => `when '${state}' then '${nextPeerState(state, 'enrolled')}'`).join(' ')} end`;
const IS_ENROLLABLE = `p.state in (${ENROLLABLE.map((state) => `'${state}'`).join(', ')})`;

/**
 * The claim of `EnrollmentTokenStore`, and what else has to be known or written before the authority is asked. `$1` hash, `$2`
 * claim, `$3` now, `$4` end of its lease, `$5` id of the certificate, `$6` hash of its key.
 */
const BEGIN = `with claimed as (
  update federation_enrollment_tokens set claim_id = $2, claim_until = $4::timestamptz
  where hash = $1 and used_at is null and expires_at > $3::timestamptz
    and (claim_id is null or claim_until <= $3::timestamptz)
  returning grant_id
), enrollable as (
  select g.id, g.peer_id, g.subject_user_id, g.expires_at
  from claimed join federation_grants g on g.id = claimed.grant_id join federation_peers p on p.id = g.peer_id
  where g.status = 'pending' and (g.expires_at is null or g.expires_at > $3::timestamptz) and ${IS_ENROLLABLE}
), intent as (
  insert into issued_certificates (id, grant_id, status, created_at, public_key_hash)
  select $5::uuid, id, 'requested', $3::timestamptz, $6 from enrollable
)
select claimed.grant_id, t.used_at is not null as used,
  t.expires_at > $3::timestamptz or (t.claim_id is not null and t.claim_until > $3::timestamptz) as claimed,
  e.id, e.peer_id, e.subject_user_id, e.expires_at
from federation_enrollment_tokens t left join claimed on true left join enrollable e on true
where t.hash = $1`;

interface BegunRow extends ClaimRow {
  readonly id: string | null;
  readonly peer_id: string;
  readonly subject_user_id: string;
  readonly expires_at: string | null;
}

/**
 * All four rows are locked and looked at again as they are then, before one is changed: the grant first, as a revocation
 * does, so that the two can't wait for each other. `$1` grant, `$2` hash, `$3` claim, `$4` certificate, `$5` now; then the
 * certificate and the audit entry.
 */
const CONCLUDE = `with held as (
  select g.id, g.peer_id
  from federation_grants g join issued_certificates c on c.grant_id = g.id
    join federation_enrollment_tokens t on t.grant_id = g.id join federation_peers p on p.id = g.peer_id
  where g.id = $1::uuid and g.status = 'pending' and c.id = $4::uuid and c.status = 'requested'
    and t.hash = $2 and t.claim_id = $3 and t.used_at is null and ${IS_ENROLLABLE}
  for no key update of g for no key update of c for no key update of t for no key update of p
), activated as (
  update federation_grants g set status = 'active', activated_at = $5::timestamptz, version = g.version + 1
  from held where g.id = held.id returning g.*
), certified as (
  update issued_certificates c set status = 'issued', serial = $6, fingerprint = $7, not_before = $8::timestamptz,
    not_after = $9::timestamptz
  from held where c.id = $4::uuid
), spent as (
  update federation_enrollment_tokens t set used_at = $5::timestamptz from held where t.hash = $2
), peered as (
  update federation_peers p set state = (${ENROLLED_AS('p.state')})::peer_state
  from held where p.id = held.peer_id and p.state <> (${ENROLLED_AS('p.state')})::peer_state
), noted as (
  insert into federation_audit_log (${AUDIT_COLUMNS.map(({ name }) => name).join(', ')})
  select ${AUDIT_COLUMNS.map(({ type }, index) => `$${index + 10}::${type}`).join(', ')} from held
)
select id, peer_id, subject_user_id, scope, status, version, rate_limit_per_minute, cache_ttl_seconds, audit_strict, created_at,
  activated_at, expires_at, revoked_at, revoked_reason from activated`;

interface GrantRow {
  readonly id: string;
  readonly peer_id: string;
  readonly subject_user_id: string;
  readonly scope: string;
  readonly status: Grant['status'];
  readonly version: number;
  readonly rate_limit_per_minute: number | null;
  readonly cache_ttl_seconds: number | null;
  readonly audit_strict: boolean;
  readonly created_at: string;
  readonly activated_at: string | null;
  readonly expires_at: string | null;
  readonly revoked_at: string | null;
  readonly revoked_reason: string | null;
}

const dateOf = (text: string | null): Date | null => (text === null ? null : new Date(text));

const toGrant = (row: GrantRow): Grant => ({
  id: row.id,
  peerId: row.peer_id,
  subjectUserId: row.subject_user_id,
  scope: readStoredScope(JSON.parse(row.scope)),
  status: row.status,
  version: row.version,
  rateLimitPerMinute: row.rate_limit_per_minute,
  cacheTtlSeconds: row.cache_ttl_seconds,
  auditStrict: row.audit_strict,
  createdAt: new Date(row.created_at),
  activatedAt: dateOf(row.activated_at),
  expiresAt: dateOf(row.expires_at),
  revokedAt: dateOf(row.revoked_at),
  revokedReason: row.revoked_reason,
});

export const createEnrollmentStore = ({ raw }: Session): EnrollmentStore =>
  unwrapped<EnrollmentStore>({
    begin: async ({ hash, claimId, now, leaseUntil }, { certificateId, publicKeyHash }) => {
      const [row] = await raw.query<BegunRow>(BEGIN, [
        hash,
        claimId,
        now.toISOString(),
        leaseUntil.toISOString(),
        certificateId,
        publicKeyHash,
      ]);
      const outcome = claimOutcome(row);
      if (outcome.kind !== 'claimed' || row === undefined)
        return outcome as Exclude<typeof outcome, { kind: 'claimed' }>;
      const { id, peer_id: peerId, subject_user_id: subjectUserId, expires_at: expiresAt } = row;
      return {
        ...outcome,
        grant: id === null ? null : { id, peerId, subjectUserId, expiresAt: dateOf(expiresAt) },
      };
    },

    conclude: async ({ grantId, hash, claimId, certificateId, at, entry, ...issued }) => {
      const [row] = await raw.query<GrantRow>(CONCLUDE, [
        grantId,
        hash,
        claimId,
        certificateId,
        at.toISOString(),
        issued.serial,
        issued.fingerprint,
        issued.notBefore.toISOString(),
        issued.notAfter.toISOString(),
        ...auditRow(entry),
      ]);
      return row === undefined ? null : toGrant(row);
    },
  });
