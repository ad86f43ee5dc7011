import { Hono } from 'hono';
import { z } from 'zod';
import { RESOURCES, resourceSpec, type Resource } from '../../domain/resources.ts';
import type { OutboundDeps } from '../../src/outbound/deps.ts';
import { peerByGrant } from '../../src/outbound/peers/own-peers.ts';
import { queryItem, queryList } from '../../src/outbound/query/query.ts';
import type { AppEnv } from '../http/http.ts';
import { authenticateAsker } from '../middleware/auth.ts';
import { describe } from '../openapi/describe.ts';
import { idParam } from '../http/shapes.ts';
import { validate } from '../http/validate.ts';
import { rowsWork } from '../middleware/work.ts';
import { answerQuery } from './answer.ts';
import { queryOf } from './query.ts';
import { grantSearchRoutes } from './search.ts';
import { blendPageQuery, blendedShape, grantHeader, queryHeaders } from './shapes.ts';

const tags = ['query'];

const oneResource = (deps: OutboundDeps, resource: Resource): Hono<AppEnv> => {
  const shape = blendedShape(resource);
  const app = new Hono<AppEnv>();

  app.get(
    '/',
    describe({
      summary: `List ${resource} of the one peer behind a grant`,
      tags,
      success: { status: 200, description: 'One page.', schema: shape, headers: queryHeaders },
      errors: [
        'invalid_cursor',
        'peer_unknown',
        'grant_claimed',
        'peer_refused',
        'peer_unreachable',
        'peer_timeout',
        'peer_circuit_open',
        'peer_protocol',
      ],
    }),
    validate('header', grantHeader),
    validate('query', z.strictObject(blendPageQuery), { isRemembered: true }),
    async (c) => {
      const { 'x-federation-grant': grantId, 'x-mosaic-session': session } = c.req.valid('header');
      const { name } = peerByGrant(c.get('peers'), grantId);
      const { limit, cursor } = c.req.valid('query');
      const query = queryOf(c, resource, `federated:${name}`, session);
      return answerQuery(c, await queryList(deps, { ...query, limit, cursor }));
    },
  );

  app.get(
    '/:id',
    describe({
      summary: `Show a ${resourceSpec(resource).singular} of the one peer behind a grant`,
      tags,
      success: {
        status: 200,
        description: 'The row, as the only item.',
        schema: shape,
        headers: queryHeaders,
      },
      errors: [
        'not_found',
        'peer_unknown',
        'grant_claimed',
        'peer_refused',
        'peer_unreachable',
        'peer_timeout',
        'peer_circuit_open',
        'peer_protocol',
      ],
    }),
    validate('header', grantHeader),
    validate('param', idParam),
    async (c) => {
      const { 'x-federation-grant': grantId, 'x-mosaic-session': session } = c.req.valid('header');
      const { name } = peerByGrant(c.get('peers'), grantId);
      const query = queryOf(c, resource, `federated:${name}`, session);
      return answerQuery(c, await queryItem(deps, { ...query, id: c.req.valid('param').id }));
    },
  );
  return app;
};

/** Mounted at /api/federation: the same queries, addressed by grant (SPEC M3). */
export const federationGrantRoutes = (deps: OutboundDeps): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  app.use(authenticateAsker(deps, rowsWork));
  app.route('/search', grantSearchRoutes(deps));
  for (const resource of RESOURCES) app.route(`/${resource}`, oneResource(deps, resource));
  return app;
};
