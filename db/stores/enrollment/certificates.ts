import { and, desc, eq, ne } from 'drizzle-orm';
import { MosaicError } from '../../../domain/errors.ts';
import type { CertificateStore } from '../../../domain/ports/certificates.ts';
import { issuedCertificates as certificates } from '../../schema/index.ts';
import { unwrapped, type Session } from '../session.ts';

/** Revokes what matches, and leaves each serial to the CA's outbox. `$1` is the reason, `$2` the time. */
const revokeWhere = (condition: string): string => `with revoked as (
  update issued_certificates set status = 'revoked', revoked_at = $2::timestamptz
  where status = 'issued' and ${condition} returning serial
), queued as (
  insert into revocation_outbox (id, serial, reason, attempts, created_at, next_attempt_at)
  select gen_random_uuid(), serial, $1, 0, $2::timestamptz, $2::timestamptz from revoked
  on conflict (serial) do nothing
)
select serial from revoked`;

const REVOKE_OF_GRANT = revokeWhere('grant_id = $3::uuid');
const REVOKE_ONE = revokeWhere('id = $3::uuid');
const REVOKE_SUPERSEDED = revokeWhere('revoke_at is not null and revoke_at <= $2::timestamptz');

const CONFIRM = `with confirmed as (
  update issued_certificates set confirmed_at = coalesce(confirmed_at, $2::timestamptz)
  where id = $1::uuid and status = 'issued' returning id, grant_id, created_at
)
update issued_certificates c set revoke_at = $3::timestamptz from confirmed
where c.grant_id = confirmed.grant_id and c.id <> confirmed.id and c.created_at <= confirmed.created_at
  and c.status = 'issued' and c.revoke_at is null
returning c.id`;

const UNMOVED = `select count(distinct g.id)::integer as count
from federation_grants g join issued_certificates c on c.grant_id = g.id
where g.status = 'active' and c.status = 'issued' and c.not_after > $2::timestamptz and not exists (
  select from issued_certificates m where m.grant_id = g.id and m.status = 'issued'
    and m.confirmed_at is not null and m.created_at >= $1::timestamptz)`;

const GOOD_BEFORE = `select count(*)::integer as count from issued_certificates
where status = 'issued' and not_after > $2::timestamptz and created_at < $1::timestamptz`;

interface CountRow {
  readonly count: number;
}

const countOf = ([row]: readonly CountRow[]): number => row?.count ?? 0;

export const createCertificateStore = ({ db, raw }: Session): CertificateStore => {
  /** From `requested` only: an outcome is recorded once. */
  const settle = async (id: string, values: Partial<typeof certificates.$inferInsert>): Promise<void> => {
    const changed = await db
      .update(certificates)
      .set(values)
      .where(and(eq(certificates.id, id), eq(certificates.status, 'requested')))
      .returning({ id: certificates.id });
    if (changed.length !== 1)
      throw new MosaicError('conflict', { detail: 'The certificate request was settled already.' });
  };

  return unwrapped<CertificateStore>({
    insertRequested: async (id, grantId, at, publicKeyHash) => {
      await db
        .insert(certificates)
        .values({ id, grantId, status: 'requested', createdAt: at, publicKeyHash });
    },
    markIssued: (id, { serial, fingerprint, notBefore, notAfter, certificatePem, chainPem }) =>
      settle(id, {
        status: 'issued',
        serial,
        fingerprint,
        notBefore,
        notAfter,
        certificatePem: certificatePem ?? null,
        chainPem: chainPem ?? null,
      }),
    markFailed: (id) => settle(id, { status: 'failed' }),
    isKeyOfAnother: async (publicKeyHash, grantId) =>
      (
        await db
          .select({ id: certificates.id })
          .from(certificates)
          .where(and(eq(certificates.publicKeyHash, publicKeyHash), ne(certificates.grantId, grantId)))
          .limit(1)
      ).length > 0,
    confirm: async (id, at, revokeAt) =>
      (await raw.query(CONFIRM, [id, at.toISOString(), revokeAt.toISOString()])).length,
    revokeOne: async (id, reason, at) => {
      await raw.query(REVOKE_ONE, [reason, at.toISOString(), id]);
    },
    revokeSuperseded: async (at) =>
      (await raw.query(REVOKE_SUPERSEDED, ['superseded', at.toISOString()])).length,
    unmovedSince: async (since, now) =>
      countOf(await raw.query<CountRow>(UNMOVED, [since.toISOString(), now.toISOString()])),
    goodBefore: async (since, now) =>
      countOf(await raw.query<CountRow>(GOOD_BEFORE, [since.toISOString(), now.toISOString()])),
    ofGrant: (grantId) =>
      db
        .select()
        .from(certificates)
        .where(eq(certificates.grantId, grantId))
        .orderBy(desc(certificates.createdAt), desc(certificates.id)),
    revokeOfGrant: async (grantId, reason, at) => {
      const rows = await raw.query<{ readonly serial: string }>(REVOKE_OF_GRANT, [
        reason,
        at.toISOString(),
        grantId,
      ]);
      return rows.map(({ serial }) => serial);
    },
  });
};
