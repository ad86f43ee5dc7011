import { Hono } from 'hono';
import { z } from 'zod';
import type { Deps } from '../../src/app/deps.ts';
import {
  createTeam,
  deleteTeam,
  getTeam,
  listMembers,
  listTeams,
  putMember,
  removeMember,
} from '../../src/directory/teams.ts';
import { actorOf, holderOf } from '../middleware/actor.ts';
import type { AppEnv } from '../http/http.ts';
import { authenticate, requireAdmin } from '../middleware/auth.ts';
import { describe } from '../openapi/describe.ts';
import { pageOf, pageQuery, readPage, writePage } from '../http/paging.ts';
import {
  handle,
  idParam,
  memberRole,
  memberShape,
  showMember,
  showTeam,
  teamShape,
  uuid,
} from '../http/shapes.ts';
import { validate } from '../http/validate.ts';

const tags = ['teams'];
const memberParam = z.strictObject({ id: uuid, user_id: uuid });

const memberRoutes = (deps: Deps, app: Hono<AppEnv>): void => {
  app.get(
    '/:id/members',
    describe({
      summary: 'List all members of a team',
      tags,
      success: { status: 200, description: 'All of them.', schema: pageOf(memberShape) },
      errors: ['not_found'],
    }),
    validate('param', idParam),
    async (c) => {
      const members = await listMembers(deps, c.req.valid('param').id);
      return c.json({ items: members.map(showMember), next_cursor: null });
    },
  );

  app.put(
    '/:id/members/:user_id',
    describe({
      summary: 'Make a user a member, or change the role',
      description: 'Doing it again changes nothing.',
      tags,
      success: { status: 200, description: 'The membership.', schema: memberShape },
      errors: ['not_found'],
    }),
    validate('param', memberParam),
    validate('json', z.strictObject({ role: memberRole.default('member') })),
    async (c) => {
      const { id: teamId, user_id: userId } = c.req.valid('param');
      const membership = await putMember(deps, actorOf(c), {
        teamId,
        userId,
        role: c.req.valid('json').role,
      });
      return c.json(showMember(membership));
    },
  );

  app.delete(
    '/:id/members/:user_id',
    describe({
      summary: 'Remove a member',
      tags,
      success: { status: 204, description: 'Removed.' },
      errors: ['not_found'],
    }),
    validate('param', memberParam),
    async (c) => {
      const { id, user_id: userId } = c.req.valid('param');
      await removeMember(deps, actorOf(c), id, userId);
      return c.body(null, 204);
    },
  );
};

/** Mounted at /api/admin/teams. */
export const teamRoutes = (deps: Deps): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  app.use(authenticate(deps), requireAdmin());

  app.get(
    '/',
    describe({
      summary: 'List teams, newest first',
      tags,
      success: { status: 200, description: 'One page.', schema: pageOf(teamShape) },
      errors: ['invalid_cursor'],
    }),
    validate('query', z.strictObject(pageQuery)),
    async (c) => {
      const page = await listTeams(deps, readPage(deps, c, holderOf(c), 'teams'));
      return c.json(writePage(deps, page, showTeam, holderOf(c), 'teams'));
    },
  );

  app.post(
    '/',
    describe({
      summary: 'Create a team',
      tags,
      success: {
        status: 201,
        description: 'Created.',
        schema: teamShape,
        headers: { location: 'Where it is.' },
      },
      errors: ['conflict'],
    }),
    validate('json', z.strictObject({ name: handle })),
    async (c) => {
      const team = await createTeam(deps, actorOf(c), c.req.valid('json'));
      c.header('location', `/api/admin/teams/${team.id}`);
      return c.json(showTeam(team), 201);
    },
  );

  app.get(
    '/:id',
    describe({
      summary: 'Show a team',
      tags,
      success: { status: 200, description: 'The team.', schema: teamShape },
      errors: ['not_found'],
    }),
    validate('param', idParam),
    async (c) => c.json(showTeam(await getTeam(deps, c.req.valid('param').id))),
  );

  app.delete(
    '/:id',
    describe({
      summary: 'Delete a team with its memberships and rows',
      tags,
      success: { status: 204, description: 'Deleted.' },
      errors: ['not_found'],
    }),
    validate('param', idParam),
    async (c) => {
      await deleteTeam(deps, actorOf(c), c.req.valid('param').id);
      return c.body(null, 204);
    },
  );

  memberRoutes(deps, app);
  return app;
};
