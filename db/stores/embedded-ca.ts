import { asc } from 'drizzle-orm';
import { MosaicError } from '../../domain/errors.ts';
import type { EmbeddedCaStore } from '../../domain/ports/federation.ts';
import { embeddedCaRevocations as revocations } from '../schema/index.ts';
import { unwrapped, type Session } from './session.ts';

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

    nextCrlNumber: async () => {
      const [row] = await raw.query<{ readonly number: string }>(
        'update embedded_ca_state set crl_number = crl_number + 1 where id = 1 returning crl_number::text as number',
      );
      if (row === undefined)
        throw new MosaicError('internal', { cause: new Error('the CRL number is missing') });
      return BigInt(row.number);
    },
  });
