import { and, asc, desc, eq } from 'drizzle-orm';
import type { Team, TeamStore } from '../../../domain/ports/directory.ts';
import { memberships, teams } from '../../schema/index.ts';
import { afterPosition, toPage } from '../keyset.ts';
import { unwrapped, type Session } from '../session.ts';

const one = (rows: readonly Team[]): Team | null => rows[0] ?? null;

export const createTeamStore = ({ db }: Session): TeamStore =>
  unwrapped<TeamStore>({
    insert: async (team) => {
      await db.insert(teams).values(team);
    },

    byId: async (id) => one(await db.select().from(teams).where(eq(teams.id, id))),
    byName: async (name) => one(await db.select().from(teams).where(eq(teams.name, name))),

    list: async (page) => {
      const rows = await db
        .select()
        .from(teams)
        .where(and(afterPosition(teams.createdAt, teams.id, page)))
        .orderBy(desc(teams.createdAt), desc(teams.id))
        .limit(page.limit + 1);
      return toPage(
        rows,
        page,
        (row) => row,
        ({ createdAt, id }) => ({ at: createdAt, id }),
      );
    },

    delete: async (id) =>
      (await db.delete(teams).where(eq(teams.id, id)).returning({ id: teams.id })).length === 1,

    putMember: async ({ teamId, userId, role, createdAt }) => {
      await db
        .insert(memberships)
        .values({ teamId, userId, role, createdAt })
        .onConflictDoUpdate({ target: [memberships.userId, memberships.teamId], set: { role } });
    },

    removeMember: async (teamId, userId) => {
      const removed = await db
        .delete(memberships)
        .where(and(eq(memberships.teamId, teamId), eq(memberships.userId, userId)))
        .returning({ userId: memberships.userId });
      return removed.length === 1;
    },

    members: (teamId) =>
      db
        .select()
        .from(memberships)
        .where(eq(memberships.teamId, teamId))
        .orderBy(asc(memberships.createdAt), asc(memberships.userId)),

    membershipsOf: (userId) =>
      db
        .select()
        .from(memberships)
        .where(eq(memberships.userId, userId))
        .orderBy(asc(memberships.createdAt), asc(memberships.teamId)),
  });
