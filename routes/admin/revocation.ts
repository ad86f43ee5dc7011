import { Hono } from 'hono';
import { z } from 'zod';
import type { Deps } from '../../src/deps.ts';
import { acceptRestore, revocationState, type RevocationState } from '../../src/services/revocation-epoch.ts';
import { actorOf } from '../actor.ts';
import type { AppEnv } from '../http.ts';
import { authenticate, requireAdmin } from '../middleware/auth.ts';
import { describe } from '../openapi/describe.ts';
import { validate } from '../validate.ts';
import { noQuery } from '../shapes.ts';

const tags = ['grants'];

const stateShape = z
  .strictObject({
    status: z.enum(['current', 'lost']).meta({
      description: '`lost`: the database is older than revocations that were published; peers get 503.',
    }),
    epoch: z.int().meta({ description: 'Rises with every revocation.' }),
    published_epoch: z
      .int()
      .meta({ description: 'The highest that a peer has shown to be ours, 0 for none.' }),
  })
  .meta({ id: 'RevocationState' });

const show = ({ isLost, epoch, proven }: RevocationState): z.infer<typeof stateShape> => ({
  status: isLost ? 'lost' : 'current',
  epoch,
  published_epoch: proven,
});

/** Mounted at /api/admin/revocation. */
export const revocationRoutes = (deps: Deps): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  app.use(authenticate(deps), requireAdmin());

  app.get(
    '/',
    describe({
      summary: 'Whether this database knows of every revocation that was published',
      tags,
      success: { status: 200, description: 'Its state.', schema: stateShape },
    }),
    validate('query', noQuery),
    async (c) => c.json(show(await revocationState(deps))),
  );

  app.post(
    '/accept-restore',
    describe({
      summary: 'Serve peers again after a restore',
      description: 'Only after everything that was revoked since the backup has been revoked again.',
      tags,
      success: { status: 200, description: 'Accepted.', schema: stateShape },
      errors: ['invalid_transition'],
    }),
    async (c) => c.json(show(await acceptRestore(deps, actorOf(c)))),
  );
  return app;
};
