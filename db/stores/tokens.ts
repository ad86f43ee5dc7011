import { and, desc, eq, getTableColumns, isNull } from 'drizzle-orm';
import type { TokenStore } from '../../domain/ports/directory.ts';
import { apiTokens } from '../schema/index.ts';
import { afterPosition, toPage } from './keyset.ts';
import { unwrapped, type Session } from './session.ts';

const { hash: _hash, ...shown } = getTableColumns(apiTokens);

interface PrincipalRow {
  readonly id: string;
  readonly is_admin: boolean;
  readonly access: 'read' | 'write';
}

export const createTokenStore = ({ db, raw }: Session): TokenStore =>
  unwrapped<TokenStore>({
    insert: async (token, hash) => {
      await db.insert(apiTokens).values({ ...token, hash });
    },

    // By hand, not by the builder: it runs for every request of a person.
    principal: async (hash, now) => {
      const [row] = await raw.query<PrincipalRow>(
        `select u.id, u.is_admin, t.access from api_tokens t join users u on u.id = t.user_id
         where t.hash = $1 and t.revoked_at is null and (t.expires_at is null or t.expires_at > $2::timestamptz)`,
        [hash, now.toISOString()],
      );
      return row === undefined ? null : { userId: row.id, isAdmin: row.is_admin, access: row.access };
    },

    list: async (page, userId) => {
      const rows = await db
        .select(shown)
        .from(apiTokens)
        .where(
          and(
            userId === undefined ? undefined : eq(apiTokens.userId, userId),
            afterPosition(apiTokens.createdAt, apiTokens.id, page),
          ),
        )
        .orderBy(desc(apiTokens.createdAt), desc(apiTokens.id))
        .limit(page.limit + 1);
      return toPage(
        rows,
        page,
        (row) => row,
        ({ createdAt, id }) => ({ at: createdAt, id }),
      );
    },

    revoke: async (id, at) => {
      const revoked = await db
        .update(apiTokens)
        .set({ revokedAt: at })
        .where(and(eq(apiTokens.id, id), isNull(apiTokens.revokedAt)))
        .returning({ id: apiTokens.id });
      return revoked.length === 1;
    },
  });
