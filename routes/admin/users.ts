import { Hono } from 'hono';
import { z } from 'zod';
import type { InboundDeps } from '../../src/inbound/deps.ts';
import { createUser, deleteUser, getUser, listUsers } from '../../src/directory/users.ts';
import { actorOf, holderOf } from '../middleware/actor.ts';
import type { AppEnv } from '../http/http.ts';
import { authenticate, requireAdmin } from '../middleware/auth.ts';
import { describe } from '../openapi/describe.ts';
import { pageOf, pageQuery, readPage, writePage } from '../http/paging.ts';
import { handle, idParam, showUser, userShape } from '../http/shapes.ts';
import { validate } from '../http/validate.ts';

const tags = ['users'];

/** Mounted at /api/admin/users. */
export const userRoutes = (deps: InboundDeps): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  app.use(authenticate(deps), requireAdmin());

  app.get(
    '/',
    describe({
      summary: 'List users, newest first',
      tags,
      success: { status: 200, description: 'One page.', schema: pageOf(userShape) },
      errors: ['invalid_cursor'],
    }),
    validate('query', z.strictObject(pageQuery)),
    async (c) => {
      const page = await listUsers(deps, readPage(deps, c, holderOf(c), 'users'));
      return c.json(writePage(deps, page, showUser, holderOf(c), 'users'));
    },
  );

  app.post(
    '/',
    describe({
      summary: 'Create a user',
      tags,
      success: {
        status: 201,
        description: 'Created.',
        schema: userShape,
        headers: { location: 'Where it is.' },
      },
      errors: ['conflict'],
    }),
    validate('json', z.strictObject({ name: handle, is_admin: z.boolean().default(false) })),
    async (c) => {
      const { name, is_admin: isAdmin } = c.req.valid('json');
      const user = await createUser(deps, actorOf(c), { name, isAdmin });
      c.header('location', `/api/admin/users/${user.id}`);
      return c.json(showUser(user), 201);
    },
  );

  app.get(
    '/:id',
    describe({
      summary: 'Show a user',
      tags,
      success: { status: 200, description: 'The user.', schema: userShape },
      errors: ['not_found'],
    }),
    validate('param', idParam),
    async (c) => c.json(showUser(await getUser(deps, c.req.valid('param').id))),
  );

  app.delete(
    '/:id',
    describe({
      summary: 'Delete a user',
      description:
        'Deletes the personal rows, memberships and tokens of the user, and revokes every grant of the user. Grants and audit entries stay. You cannot delete your own account.',
      tags,
      success: { status: 204, description: 'Deleted.' },
      errors: ['not_found', 'conflict'],
    }),
    validate('param', idParam),
    async (c) => {
      await deleteUser(deps, actorOf(c), c.req.valid('param').id);
      return c.body(null, 204);
    },
  );
  return app;
};
