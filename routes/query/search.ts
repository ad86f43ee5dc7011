import { Hono, type Context } from 'hono';
import { z } from 'zod';
import type { ErrorCode } from '../../domain/errors.ts';
import type { OutboundDeps } from '../../src/outbound/deps.ts';
import { peerByGrant } from '../../src/outbound/peers/own-peers.ts';
import { searchEverywhere, type SearchPage } from '../../src/outbound/query/search.ts';
import type { AppEnv } from '../http/http.ts';
import { describe } from '../openapi/describe.ts';
import { blendedHitShape, searchQuery, showHit } from '../http/search-shapes.ts';
import { validate } from '../http/validate.ts';
import { answerJson } from './answer.ts';
import { sessionName } from './session.ts';
import { blendPageQuery, grantHeader, reportsShape, sessionHeader, sourceQuery } from './shapes.ts';

const tags = ['query'];

const answerShape = z.strictObject({
  items: z.array(blendedHitShape),
  next_cursor: z.string().nullable(),
  ...reportsShape,
});

const errors: readonly ErrorCode[] = [
  'invalid_cursor',
  'peer_unknown',
  'peer_refused',
  'peer_unreachable',
  'peer_timeout',
  'peer_circuit_open',
  'peer_protocol',
];

const show = ({ hits, ...others }: SearchPage) => ({
  items: hits.map((hit) => ({ ...showHit(hit), _source: hit._source })),
  ...others,
});

interface Asked {
  readonly q: string;
  readonly resources?: Parameters<typeof searchEverywhere>[1]['resources'] | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

const searchOf = (
  c: Context<AppEnv>,
  { q, resources, limit, cursor }: Asked,
  session: string | undefined,
) => ({
  principal: c.get('principal'),
  peers: c.get('peers'),
  query: q,
  resources: resources ?? null,
  limit,
  cursor,
  traceId: c.get('traceId'),
  parent: c.req.header('traceparent'),
  session: sessionName(c, session),
  weigh: (bytes: number) => c.get('work').grow(bytes),
});

/** `GET /search` below /api/query. */
export const searchRoutes = (deps: OutboundDeps): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  app.get(
    '/',
    describe({
      summary: 'Search this gateway and your peers, best first',
      description:
        'Without `resources`, each gateway searches all that it lets you search. Named ones are asked of each source: a peer ' +
        'whose grant lacks one of them refuses, which costs its hits and leaves a notice. Nothing is kept of a search.',
      tags,
      success: { status: 200, description: 'One page of hits.', schema: answerShape },
      errors: [...errors, 'grant_claimed'],
    }),
    validate('header', sessionHeader),
    validate('query', z.strictObject({ ...blendPageQuery, ...sourceQuery, ...searchQuery })),
    async (c) => {
      const session = c.req.valid('header')['x-mosaic-session'];
      const asked = c.req.valid('query');
      return answerJson(
        c,
        show(await searchEverywhere(deps, { ...searchOf(c, asked, session), source: asked.source })),
      );
    },
  );
  return app;
};

/** `GET /search` below /api/federation: the same, of the one peer behind a grant. */
export const grantSearchRoutes = (deps: OutboundDeps): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  app.get(
    '/',
    describe({
      summary: 'Search the one peer behind a grant',
      tags,
      success: { status: 200, description: 'One page of hits.', schema: answerShape },
      errors: [...errors, 'grant_claimed'],
    }),
    validate('header', grantHeader),
    validate('query', z.strictObject({ ...blendPageQuery, ...searchQuery })),
    async (c) => {
      const { 'x-federation-grant': grantId, 'x-mosaic-session': session } = c.req.valid('header');
      const { name } = peerByGrant(c.get('peers'), grantId);
      const search = { ...searchOf(c, c.req.valid('query'), session), source: `federated:${name}` as const };
      return answerJson(c, show(await searchEverywhere(deps, search)));
    },
  );
  return app;
};
