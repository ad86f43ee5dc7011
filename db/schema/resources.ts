import { sql } from 'drizzle-orm';
import { index, pgTable, text, uuid, type ExtraConfigColumn } from 'drizzle-orm/pg-core';
import { instant, tsvector } from './columns.ts';
import { teams, users } from './directory.ts';
import { taskStatus } from './enums.ts';

/**
 * Columns every resource has. A row without a team is personal. `owner_id` turns null when the author of a
 * team's row is deleted. All five tables are under forced row-level security.
 */
const common = () => ({
  id: uuid('id').primaryKey(),
  ownerId: uuid('owner_id').references(() => users.id, { onDelete: 'set null' }),
  teamId: uuid('team_id').references(() => teams.id, { onDelete: 'cascade' }),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
  title: text('title').notNull(),
  /** The words of title and texts, folded and weighted; generated (migration 0011_search), and read by `app.search_*` only. */
  search: tsvector('search'),
});

type Keyed = Readonly<Record<'ownerId' | 'teamId' | 'createdAt' | 'id' | 'search', ExtraConfigColumn>>;

/** The orders in which rows are read, a person's own, a team's and all teams', and the words they hold (SPEC M3, DATABASE.md). */
const keysets = (name: string) => (table: Keyed) => [
  index(`${name}_personal`)
    .on(table.ownerId, table.createdAt.desc(), table.id.desc())
    .where(sql`team_id is null`),
  index(`${name}_team`)
    .on(table.teamId, table.createdAt.desc(), table.id.desc())
    .where(sql`team_id is not null`),
  index(`${name}_teams`)
    .on(table.createdAt.desc(), table.id.desc())
    .where(sql`team_id is not null`),
  index(`${name}_search`).using('gin', table.search, sql`(array[coalesce(team_id, owner_id)])`),
];

export const tasks = pgTable(
  'tasks',
  {
    ...common(),
    body: text('body'),
    status: taskStatus('status').notNull().default('open'),
    dueAt: instant('due_at'),
  },
  keysets('tasks'),
);

export const notes = pgTable('notes', { ...common(), body: text('body') }, keysets('notes'));

export const memory = pgTable('memory', { ...common(), content: text('content') }, keysets('memory'));

/** `secret_sealed`: JWE parts under the gateway's sealing key, identity `<table>/<id>/secret`. */
export const credentials = pgTable(
  'credentials',
  { ...common(), username: text('username'), url: text('url'), secretSealed: text('secret_sealed') },
  keysets('credentials'),
);

export const apiKeys = pgTable(
  'api_keys',
  {
    ...common(),
    service: text('service'),
    expiresAt: instant('expires_at'),
    secretSealed: text('secret_sealed'),
  },
  keysets('api_keys'),
);
