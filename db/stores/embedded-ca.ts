import { and, asc, eq } from 'drizzle-orm';
import { MosaicError } from '../../domain/errors.ts';
import type { EmbeddedCaStore } from '../../domain/ports/federation.ts';
import { embeddedCaRevocations as revocations, embeddedCaState as state } from '../schema/index.ts';
import { unwrapped, type Session } from './session.ts';

const missing = (): MosaicError =>
  new MosaicError('internal', { cause: new Error('the state of the embedded authority is missing') });

export const createEmbeddedCaStore = ({ db, raw }: Session): EmbeddedCaStore =>
  unwrapped<EmbeddedCaStore>({
    recordRevocation: async (serial, reason, at) => {
      await db.insert(revocations).values({ serial, reason, revokedAt: at }).onConflictDoNothing();
    },

    revocations: () =>
      db
        .select({ serial: revocations.serial, revokedAt: revocations.revokedAt, reason: revocations.reason })
        .from(revocations)
        .orderBy(asc(revocations.revokedAt), asc(revocations.serial)),

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
