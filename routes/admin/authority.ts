import { Hono } from 'hono';
import { z } from 'zod';
import type { Deps } from '../../src/app/deps.ts';
import { rollAuthority, showAuthority, type AuthorityView } from '../../src/operations/authority.ts';
import { actorOf } from '../middleware/actor.ts';
import type { AppEnv } from '../http/http.ts';
import { authenticate, requireAdmin } from '../middleware/auth.ts';
import { describe } from '../openapi/describe.ts';
import { timestamp, noQuery } from '../http/shapes.ts';
import { validate } from '../http/validate.ts';

const tags = ['pki'];

const authorityShape = z
  .strictObject({
    kind: z.enum(['embedded', 'step-ca']),
    phase: z.enum(['stable', 'announced', 'switched']),
    announced_at: timestamp.nullable(),
    switched_at: timestamp.nullable(),
    roots: z
      .array(
        z.strictObject({
          fingerprint: z.string().meta({ description: 'SHA-256 of the certificate, hexadecimal.' }),
          not_after: timestamp.nullable(),
          use: z.enum(['issuing', 'trusted', 'configured']).meta({
            description: 'configured: a step-ca of the configuration that nobody trusts yet, or any more.',
          }),
        }),
      )
      .meta({ description: 'The one that issues first.' }),
    waiting_for: z.int().meta({
      description:
        'Announced: grants whose holder does not know the new root yet. Switched: good certificates of the old root.',
    }),
  })
  .meta({ id: 'Authority' });

const rollShape = z.strictObject({
  step: z.enum(['announce', 'switch', 'retire']),
  force: z.boolean().default(false).meta({ description: 'Also when the step cuts peers off.' }),
});

const show = (view: AuthorityView): z.infer<typeof authorityShape> => ({
  kind: view.kind,
  phase: view.phase,
  announced_at: view.announcedAt?.toISOString() ?? null,
  switched_at: view.switchedAt?.toISOString() ?? null,
  roots: view.roots.map(({ fingerprint, notAfter, use }) => ({
    fingerprint,
    not_after: notAfter?.toISOString() ?? null,
    use,
  })),
  waiting_for: view.waitingFor,
});

/** Mounted at /api/admin/authority. */
export const authorityRoutes = (deps: Deps): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  app.use(authenticate(deps), requireAdmin());

  app.get(
    '/',
    describe({
      summary: 'Show the state of the certificate authority',
      tags,
      success: { status: 200, description: 'The authority.', schema: authorityShape },
      errors: ['ca_unavailable'],
    }),
    validate('query', noQuery),
    async (c) => c.json(show(await showAuthority(deps))),
  );

  app.post(
    '/roll',
    describe({
      summary: 'Take the next step of replacing the root of the authority',
      description:
        '`announce` makes a new root known (of the embedded authority, or of the step-ca under ca.next), which peers learn of when they ' +
        'renew; `switch` lets it issue; `retire` ends the old one.',
      tags,
      success: { status: 200, description: 'Taken.', schema: authorityShape },
      errors: ['invalid_transition', 'conflict', 'ca_unavailable'],
    }),
    validate('json', rollShape),
    async (c) => {
      const { step, force } = c.req.valid('json');
      return c.json(show(await rollAuthority(deps, actorOf(c), step, force)));
    },
  );
  return app;
};
