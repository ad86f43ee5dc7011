import { and, desc, eq } from 'drizzle-orm';
import type { User, UserStore } from '../../../domain/ports/directory.ts';
import { users } from '../../schema/index.ts';
import { afterPosition, toPage } from '../keyset.ts';
import { unwrapped, type Session } from '../session.ts';

/** Any constant: all who want to be the first user, or to delete one, wait on it until the other's commit. */
const USERS_LOCK = `select pg_advisory_xact_lock(727416912)::text as locked`;

const one = (rows: readonly User[]): User | null => rows[0] ?? null;

export const createUserStore = ({ db, atomically }: Session): UserStore =>
  unwrapped<UserStore>({
    insert: async (user) => {
      await db.insert(users).values(user);
    },

    insertFirst: (user) =>
      atomically(async ({ raw }) => {
        // A statement of its own: the next one must see what a faster caller committed.
        await raw.query(USERS_LOCK);
        const rows = await raw.query(
          `insert into users (id, name, is_admin, created_at)
           select $1::uuid, $2::text, $3::boolean, $4::timestamptz where not exists (select from users) returning id`,
          [user.id, user.name, user.isAdmin, user.createdAt.toISOString()],
        );
        return rows.length === 1;
      }),

    byId: async (id) => one(await db.select().from(users).where(eq(users.id, id))),
    byName: async (name) => one(await db.select().from(users).where(eq(users.name, name))),

    list: async (page) => {
      const rows = await db
        .select()
        .from(users)
        .where(and(afterPosition(users.createdAt, users.id, page)))
        .orderBy(desc(users.createdAt), desc(users.id))
        .limit(page.limit + 1);
      return toPage(
        rows,
        page,
        (row) => row,
        ({ createdAt, id }) => ({ at: createdAt, id }),
      );
    },

    delete: (id) =>
      atomically(async (transaction) => {
        await transaction.raw.query(USERS_LOCK);
        const gone = await transaction.db.delete(users).where(eq(users.id, id)).returning({ id: users.id });
        return gone.length === 1;
      }),
  });
