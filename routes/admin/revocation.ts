import { Hono } from 'hono';
import { z } from 'zod';
import type { InboundDeps } from '../../src/inbound/deps.ts';
import {
  acceptRestore,
  namedRevocationState,
  type NamedGrant,
  type NamedRevocationState,
} from '../../src/inbound/revocation/lost-revocations.ts';
import { actorOf } from '../middleware/actor.ts';
import type { AppEnv } from '../http/http.ts';
import { authenticate, requireAdmin } from '../middleware/auth.ts';
import { describe } from '../openapi/describe.ts';
import { validate } from '../http/validate.ts';
import { handle, noQuery, timestamp, uuid } from '../http/shapes.ts';

const tags = ['grants'];

const grantShape = z.strictObject({
  grant_id: uuid,
  peer: handle.nullable(),
  user: handle.nullable(),
  status: z.enum(['pending', 'active']),
  created_at: timestamp,
  revoked_at_authority: z.boolean().nullable().meta({
    description: 'A certificate of it is on the authority’s own list; null: that list could not be had.',
  }),
});

const stateShape = z
  .strictObject({
    status: z.enum(['current', 'lost']).meta({
      description: '`lost`: the database is older than revocations that were published; peers get 503.',
    }),
    epoch: z.int().meta({ description: 'Rises with every revocation.' }),
    published_epoch: z
      .int()
      .meta({ description: 'The highest that was shown to be ours and is missing here, 0 for none.' }),
    lost_since: timestamp.nullable().meta({ description: 'Since when the loss is known.' }),
    questionable_grants: z.array(grantShape).meta({
      description:
        'While revocations are lost, and in the answer to `accept-restore`: grants in force that were made before the loss was ' +
        'known, newest first. What the restore has un-revoked is among them.',
    }),
    more_grants: z.boolean().meta({ description: 'There are more than are listed.' }),
  })
  .meta({ id: 'RevocationState' });

const showGrant = (grant: NamedGrant): z.infer<typeof grantShape> => ({
  grant_id: grant.grantId,
  peer: grant.peer,
  user: grant.user,
  status: grant.status,
  created_at: grant.createdAt.toISOString(),
  revoked_at_authority: grant.isRevokedAtAuthority,
});

const show = (state: NamedRevocationState): z.infer<typeof stateShape> => ({
  status: state.isLost ? 'lost' : 'current',
  epoch: state.epoch,
  published_epoch: state.proven,
  lost_since: state.lostSince?.toISOString() ?? null,
  questionable_grants: state.questionable.map(showGrant),
  more_grants: state.more,
});

/** Mounted at /api/admin/revocation. */
export const revocationRoutes = (deps: InboundDeps): Hono<AppEnv> => {
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
    async (c) => c.json(show(await namedRevocationState(deps))),
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
