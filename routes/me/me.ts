import { Hono } from 'hono';
import type { InboundDeps } from '../../src/inbound/deps.ts';
import { getUser } from '../../src/directory/users.ts';
import type { AppEnv } from '../http/http.ts';
import { authenticate } from '../middleware/auth.ts';
import { describe } from '../openapi/describe.ts';
import { showUser, tokenAccess, userShape } from '../http/shapes.ts';

const meShape = userShape.extend({ access: tokenAccess }).meta({ id: 'Me' });

/** Mounted at /api/me. */
export const meRoutes = (deps: InboundDeps): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  app.get(
    '/',
    authenticate(deps),
    describe({
      summary: 'Who this token belongs to, and what it may do',
      tags: ['me'],
      success: { status: 200, description: 'The user and the token’s access.', schema: meShape },
    }),
    async (c) => {
      const { userId, access } = c.get('principal');
      return c.json({ ...showUser(await getUser(deps, userId)), access });
    },
  );
  return app;
};
