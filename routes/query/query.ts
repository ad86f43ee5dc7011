import { Hono, type Context } from 'hono';
import { z } from 'zod';
import { RESOURCES, resourceSpec, type Resource } from '../../domain/resources.ts';
import type { OutboundDeps } from '../../src/outbound/deps.ts';
import { queryItem, queryList, type Query } from '../../src/outbound/query/query.ts';
import type { SourceSelector } from '../../src/outbound/query/query-sources.ts';
import type { AppEnv } from '../http/http.ts';
import { authenticateAsker } from '../middleware/auth.ts';
import { describe } from '../openapi/describe.ts';
import { idParam } from '../http/shapes.ts';
import { validate } from '../http/validate.ts';
import { rowsWork } from '../middleware/work.ts';
import { answerQuery } from './answer.ts';
import { searchRoutes } from './search.ts';
import { sessionName } from './session.ts';
import { blendPageQuery, blendedShape, queryHeaders, sessionHeader, sourceQuery } from './shapes.ts';

const tags = ['query'];

/** RFC 9111 section 5.2.1.5: of a request that says so, nothing is stored, and of its answer neither. */
const askedToStore = (cacheControl: string): { readonly isUnstored?: true } =>
  /(^|[ ,])no-store\s*(,|$)/i.test(cacheControl) ? { isUnstored: true } : {};

/** @param session of the header, where the client sent one */
export const queryOf = (
  c: Context<AppEnv>,
  resource: Resource,
  source: SourceSelector,
  session: string | undefined,
): Query => ({
  principal: c.get('principal'),
  peers: c.get('peers'),
  resource,
  source,
  traceId: c.get('traceId'),
  parent: c.req.header('traceparent'),
  session: sessionName(c, session),
  weigh: (bytes) => c.get('work').grow(bytes),
  ...askedToStore(c.req.header('cache-control') ?? ''),
  isFresh: /(^|[ ,])(no-cache|no-store|max-age=0)\b/i.test(c.req.header('cache-control') ?? ''),
});

const oneResource = (deps: OutboundDeps, resource: Resource): Hono<AppEnv> => {
  const { singular } = resourceSpec(resource);
  const shape = blendedShape(resource);
  const app = new Hono<AppEnv>();

  app.get(
    '/',
    describe({
      summary: `List ${resource} of this gateway and of your peers, newest first`,
      description:
        'Peers are asked in parallel within one deadline. One that fails costs its rows and leaves a notice; ' +
        'asking for the same page again gives them. It is an error only when no source answered.',
      tags,
      success: { status: 200, description: 'One page.', schema: shape, headers: queryHeaders },
      errors: [
        'invalid_cursor',
        'peer_unknown',
        'peer_refused',
        'peer_unreachable',
        'peer_timeout',
        'peer_circuit_open',
        'peer_protocol',
      ],
    }),
    validate('header', sessionHeader),
    validate('query', z.strictObject({ ...blendPageQuery, ...sourceQuery }), { isRemembered: true }),
    async (c) => {
      const { source, limit, cursor } = c.req.valid('query');
      const query = queryOf(c, resource, source, c.req.valid('header')['x-mosaic-session']);
      return answerQuery(c, await queryList(deps, { ...query, limit, cursor }));
    },
  );

  app.get(
    '/:id',
    describe({
      summary: `Show a ${singular}, wherever it is`,
      description:
        'This gateway first, then your peers at once. 404 only when every source said that there is none.',
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
        'peer_refused',
        'peer_unreachable',
        'peer_timeout',
        'peer_circuit_open',
        'peer_protocol',
      ],
    }),
    validate('header', sessionHeader),
    validate('param', idParam),
    validate('query', z.strictObject(sourceQuery)),
    async (c) => {
      const session = c.req.valid('header')['x-mosaic-session'];
      const query = queryOf(c, resource, c.req.valid('query').source, session);
      return answerQuery(c, await queryItem(deps, { ...query, id: c.req.valid('param').id }));
    },
  );
  return app;
};

/** Mounted at /api/query. */
export const queryRoutes = (deps: OutboundDeps): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  app.use(authenticateAsker(deps, rowsWork));
  app.route('/search', searchRoutes(deps));
  for (const resource of RESOURCES) app.route(`/${resource}`, oneResource(deps, resource));
  return app;
};
