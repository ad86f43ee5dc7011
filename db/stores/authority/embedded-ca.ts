import { and, eq } from 'drizzle-orm';
import { MosaicError } from '../../../domain/errors.ts';
import type { EmbeddedCaStore } from '../../../domain/ports/authority.ts';
import { embeddedCaState as state } from '../../schema/index.ts';
import { unwrapped, type Session } from '../session.ts';

const missing = (): MosaicError =>
  new MosaicError('internal', { cause: new Error('the state of the embedded authority is missing') });

/** No certificate of ours lives longer than a year (ca/lifetime.ts). */
const RECORD = `insert into embedded_ca_revocations (serial, reason, revoked_at, expires_at)
select $1, $2, $3::timestamptz, coalesce(
  (select c.not_after from issued_certificates c where c.serial = $1), $3::timestamptz + interval '366 days')
on conflict (serial) do nothing`;

const REVOCATIONS = `select serial, revoked_at, reason from embedded_ca_revocations
where expires_at > $1::timestamptz and serial > $2 order by serial limit $3::bigint`;

export const createEmbeddedCaStore = ({ db, raw }: Session): EmbeddedCaStore =>
  unwrapped<EmbeddedCaStore>({
    recordRevocation: async (serial, reason, at) => {
      await raw.query(RECORD, [serial, reason, at.toISOString()]);
    },

    revocations: async (endsAfter, after, limit) => {
      const rows = await raw.values(REVOCATIONS, [endsAfter.toISOString(), after, limit]);
      return (rows as [string, string, string][]).map(([serial, revokedAt, reason]) => ({
        serial,
        revokedAt: new Date(revokedAt),
        reason,
      }));
    },

    roots: async () => {
      const [row] = await db.select().from(state);
      if (row === undefined) throw missing();
      const { oldestRoot: oldest, issuingRoot: issuing, newestRoot: newest, announcedAt, switchedAt } = row;
      return { oldest, issuing, newest, announcedAt, switchedAt };
    },

    changeRoots: async (from, to) => {
      const changed = await db
        .update(state)
        .set({
          oldestRoot: to.oldest,
          issuingRoot: to.issuing,
          newestRoot: to.newest,
          announcedAt: to.announcedAt,
          switchedAt: to.switchedAt,
        })
        .where(
          and(
            eq(state.oldestRoot, from.oldest),
            eq(state.issuingRoot, from.issuing),
            eq(state.newestRoot, from.newest),
          ),
        )
        .returning({ id: state.id });
      return changed.length === 1;
    },

    nextCrlNumber: async () => {
      const [row] = await raw.query<{ readonly number: string }>(
        'update embedded_ca_state set crl_number = crl_number + 1 where id = 1 returning crl_number::text as number',
      );
      if (row === undefined) throw missing();
      return BigInt(row.number);
    },
  });
