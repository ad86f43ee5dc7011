import { Hono } from 'hono';
import { z } from 'zod';
import type { Deps } from '../src/deps.ts';
import { bootstrap } from '../src/services/bootstrap.ts';
import type { AppEnv } from './http.ts';
import { describe } from './openapi/describe.ts';
import { handle, newTokenShape, showToken, showUser, userShape } from './shapes.ts';
import { validate } from './validate.ts';

/** Mounted at /api/bootstrap. */
export const bootstrapRoutes = (deps: Deps): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  app.post(
    '/setup',
    describe({
      summary: 'Create the first administrator',
      description: 'Works once, on a gateway without users. The token’s text is shown this once.',
      tags: ['bootstrap'],
      success: {
        status: 201,
        description: 'The administrator and a token that may write.',
        schema: z.strictObject({ user: userShape, token: newTokenShape }),
        headers: { location: 'Where the user is.' },
      },
      errors: ['already_bootstrapped'],
    }),
    validate('json', z.strictObject({ name: handle })),
    async (c) => {
      const { user, token, text } = await bootstrap(deps, c.req.valid('json'), c.get('traceId'));
      c.header('location', `/api/admin/users/${user.id}`);
      return c.json({ user: showUser(user), token: { ...showToken(token), text } }, 201);
    },
  );
  return app;
};
