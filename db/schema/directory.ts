import { boolean, index, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { instant } from './columns.ts';
import { teamRole, tokenAccess } from './enums.ts';

export const users = pgTable(
  'users',
  {
    id: uuid('id').primaryKey(),
    name: text('name').notNull().unique('users_name_key'),
    isAdmin: boolean('is_admin').notNull(),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [index('users_keyset').on(table.createdAt.desc(), table.id.desc())],
);

export const teams = pgTable(
  'teams',
  {
    id: uuid('id').primaryKey(),
    name: text('name').notNull().unique('teams_name_key'),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [index('teams_keyset').on(table.createdAt.desc(), table.id.desc())],
);

/** Under row-level security: `mosaic_app` sees only the rows of the statement's subject. */
export const memberships = pgTable(
  'memberships',
  {
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    teamId: uuid('team_id')
      .notNull()
      .references(() => teams.id, { onDelete: 'cascade' }),
    role: teamRole('role').notNull(),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.userId, table.teamId] }),
    index('memberships_team').on(table.teamId),
  ],
);

/** Bearer tokens; only the SHA-256 of a token's text is here. */
export const apiTokens = pgTable(
  'api_tokens',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    name: text('name').notNull(),
    hash: text('hash').notNull().unique('api_tokens_hash_key'),
    access: tokenAccess('access').notNull(),
    createdAt: instant('created_at').notNull(),
    expiresAt: instant('expires_at'),
    revokedAt: instant('revoked_at'),
  },
  (table) => [
    index('api_tokens_keyset').on(table.createdAt.desc(), table.id.desc()),
    index('api_tokens_user').on(table.userId, table.createdAt.desc(), table.id.desc()),
  ],
);
