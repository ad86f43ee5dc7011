import { Hono } from 'hono';
import { z } from 'zod';
import type { Deps } from '../../src/app/deps.ts';
import { resealBatch, sealingState } from '../../src/operations/sealing.ts';
import { actorOf } from '../middleware/actor.ts';
import type { AppEnv } from '../http/http.ts';
import { authenticate, requireAdmin } from '../middleware/auth.ts';
import { describe } from '../openapi/describe.ts';
import { validate } from '../http/validate.ts';
import { noQuery } from '../http/shapes.ts';

const tags = ['keys'];
const count = z.int().min(0);
const keyId = z.string().meta({ description: 'Id of a sealing key: derived from it, and no secret.' });
const position = z.strictObject({ table: z.string().max(100), key: z.string().min(1).max(200) });

const stateShape = z
  .strictObject({
    key_id: keyId,
    sealed: z.array(z.strictObject({ table: z.string(), key_id: keyId.nullable(), rows: count })),
    others: count.meta({ description: 'Values that another key than the current one sealed.' }),
  })
  .meta({ id: 'SealingState' });

const batchShape = z
  .strictObject({
    key_id: keyId,
    resealed: count,
    changed: count.meta({ description: 'Written anew by somebody else meanwhile: for the next pass.' }),
    unopenable: count.meta({ description: 'Of a key that is not configured, or damaged: left as they are.' }),
    next: position
      .nullable()
      .meta({ description: 'What to send as `after` next; null at the end of a pass.' }),
  })
  .meta({ id: 'ResealedBatch' });

/** Mounted at /api/admin/keys. */
export const keyRoutes = (deps: Deps): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  app.use(authenticate(deps), requireAdmin());

  app.get(
    '/',
    describe({
      summary: 'How much is sealed under which key',
      tags,
      success: { status: 200, description: 'Counts by table and key.', schema: stateShape },
      errors: [],
    }),
    validate('query', noQuery),
    async (c) => {
      const { keyId: id, sealed, others } = await sealingState(deps);
      const shown = sealed.map(({ table, keyId: of, rows }) => ({ table, key_id: of, rows }));
      return c.json({ key_id: id, sealed: shown, others });
    },
  );

  app.post(
    '/rotate',
    describe({
      summary: 'Seal the next few values anew under the current key',
      tags,
      success: { status: 200, description: 'What this batch did.', schema: batchShape },
      errors: [],
    }),
    validate('json', z.strictObject({ after: position.nullable().default(null) })),
    async (c) => {
      const { keyId: id, ...done } = await resealBatch(deps, actorOf(c), c.req.valid('json').after);
      return c.json({ key_id: id, ...done });
    },
  );

  return app;
};
