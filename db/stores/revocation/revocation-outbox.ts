import { eq } from 'drizzle-orm';
import type { OutboxItem, RevocationOutbox } from '../../../domain/ports/revocation.ts';
import { revocationOutbox as outbox } from '../../schema/index.ts';
import { unwrapped, type Session } from '../session.ts';

/** SKIP LOCKED: replicas take different items. Taking counts as an attempt, so that a crash is seen too. */
const TAKE = `update revocation_outbox set next_attempt_at = $3::timestamptz, attempts = attempts + 1
where id in (
  select id from revocation_outbox where done_at is null and next_attempt_at <= $2::timestamptz
  order by next_attempt_at limit $1::bigint for update skip locked
)
returning id, serial, reason, attempts`;

export const createRevocationOutbox = ({ db, raw }: Session): RevocationOutbox =>
  unwrapped<RevocationOutbox>({
    take: (limit, now, leaseUntil) =>
      raw.query<OutboxItem>(TAKE, [limit, now.toISOString(), leaseUntil.toISOString()]),
    done: async (id, at) => {
      await db.update(outbox).set({ doneAt: at }).where(eq(outbox.id, id));
    },
    failed: async (id, retryAt) => {
      await db.update(outbox).set({ nextAttemptAt: retryAt }).where(eq(outbox.id, id));
    },
  });
