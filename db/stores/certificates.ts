import { and, desc, eq } from 'drizzle-orm';
import { MosaicError } from '../../domain/errors.ts';
import type { CertificateStore } from '../../domain/ports/federation.ts';
import { issuedCertificates as certificates } from '../schema/index.ts';
import { unwrapped, type Session } from './session.ts';

const REVOKE = `with revoked as (
  update issued_certificates set status = 'revoked', revoked_at = $3::timestamptz
  where grant_id = $1::uuid and status = 'issued' returning serial
), queued as (
  insert into revocation_outbox (id, serial, reason, attempts, created_at, next_attempt_at)
  select gen_random_uuid(), serial, $2, 0, $3::timestamptz, $3::timestamptz from revoked
  on conflict (serial) do nothing
)
select serial from revoked`;

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
    insertRequested: async (id, grantId, at) => {
      await db.insert(certificates).values({ id, grantId, status: 'requested', createdAt: at });
    },
    markIssued: (id, issued) => settle(id, { ...issued, status: 'issued' }),
    markFailed: (id) => settle(id, { status: 'failed' }),
    ofGrant: (grantId) =>
      db
        .select()
        .from(certificates)
        .where(eq(certificates.grantId, grantId))
        .orderBy(desc(certificates.createdAt), desc(certificates.id)),
    revokeOfGrant: async (grantId, reason, at) => {
      const rows = await raw.query<{ readonly serial: string }>(REVOKE, [grantId, reason, at.toISOString()]);
      return rows.map(({ serial }) => serial);
    },
  });
};
