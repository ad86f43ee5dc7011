import { Hono } from 'hono';
import { z } from 'zod';
import type { Deps } from '../../src/app/deps.ts';
import { createToken, listTokens, revokeToken } from '../../src/directory/tokens.ts';
import { actorOf, holderOf } from '../middleware/actor.ts';
import type { AppEnv } from '../http/http.ts';
import { authenticate, requireAdmin } from '../middleware/auth.ts';
import { describe } from '../openapi/describe.ts';
import { pageOf, pageQuery, readPage, writePage } from '../http/paging.ts';
import { idParam, label, newTokenShape, showToken, tokenAccess, tokenShape, uuid } from '../http/shapes.ts';
import { validate } from '../http/validate.ts';

const tags = ['tokens'];
const MAX_DAYS = 3_650;

/** Mounted at /api/admin/tokens. */
export const tokenRoutes = (deps: Deps): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  app.use(authenticate(deps), requireAdmin());

  app.get(
    '/',
    describe({
      summary: 'List tokens, newest first, never their text',
      tags,
      success: { status: 200, description: 'One page.', schema: pageOf(tokenShape) },
      errors: ['invalid_cursor'],
    }),
    validate('query', z.strictObject({ ...pageQuery, user_id: uuid.optional() })),
    async (c) => {
      const { user_id: userId } = c.req.valid('query');
      const filters = { user_id: userId };
      const page = await listTokens(deps, readPage(deps, c, holderOf(c), 'tokens', filters), userId);
      return c.json(writePage(deps, page, showToken, holderOf(c), 'tokens', filters));
    },
  );

  app.post(
    '/',
    describe({
      summary: 'Create a token for a user',
      description: 'The answer holds the token’s text, this once; only its hash is stored.',
      tags,
      success: { status: 201, description: 'Created.', schema: newTokenShape },
      errors: ['not_found'],
    }),
    validate(
      'json',
      z.strictObject({
        user_id: uuid,
        name: label,
        access: tokenAccess.default('write'),
        expires_in_days: z.number().int().min(1).max(MAX_DAYS).optional(),
      }),
    ),
    async (c) => {
      const { user_id: userId, name, access, expires_in_days: expiresInDays = null } = c.req.valid('json');
      const { token, text } = await createToken(deps, actorOf(c), { userId, name, access, expiresInDays });
      return c.json({ ...showToken(token), text }, 201);
    },
  );

  app.delete(
    '/:id',
    describe({
      summary: 'Revoke a token',
      description: 'The next request with it is refused.',
      tags,
      success: { status: 204, description: 'Revoked.' },
      errors: ['not_found'],
    }),
    validate('param', idParam),
    async (c) => {
      await revokeToken(deps, actorOf(c), c.req.valid('param').id);
      return c.body(null, 204);
    },
  );
  return app;
};
