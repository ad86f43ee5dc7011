import { Hono, type Context, type MiddlewareHandler } from 'hono';
import { z } from 'zod';
import { MosaicError, type ErrorCode } from '../../domain/errors.ts';
import { maxRowBytes, mostPageBytes } from '../../domain/paging/page-bytes.ts';
import { isResource, RESOURCES, type Resource } from '../../domain/resources.ts';
import { MAX_ROWS_LIMIT } from '../../domain/scope/scope.ts';
import type { Deps } from '../../src/app/deps.ts';
import type { InboundDeps } from '../../src/inbound/deps.ts';
import { rateLimitFields } from '../../src/kernel/rate-limit.ts';
import { cachingTerms, refusalTerms, TERMS_HEADER } from '../../src/protocol/cache-policy.ts';
import { EPOCH_HEADER } from '../../src/protocol/statement.ts';
import { createServing, type Listed, type Parameters, type Serving } from '../../src/inbound/read/serve.ts';
import { SECURITY_HEADERS, createBase, type AppEnv } from '../http/http.ts';
import { describe, guard } from '../openapi/describe.ts';
import { pageQueryUpTo } from '../http/paging.ts';
import { showHit } from '../http/search-shapes.ts';
import { validate } from '../http/validate.ts';
import { sendWork } from '../middleware/work.ts';
import { auditPlacesRoutes } from './audit-places.ts';
import type { CertificateSource } from './certificate-source.ts';
import { admit, auditInbound, callerOf, inboundOf } from './inbound.ts';
import { renewalRoutes } from './renewal.ts';
import { guardEpoch, stateRevocations } from './revocation.ts';
import { capabilitiesAnswer, itemAnswer, listAnswer, noQuery, searchAnswer, searchQuery } from './schemas.ts';

const GRANT_ERRORS: readonly ErrorCode[] = [
  'grant_unknown',
  'grant_pending',
  'grant_revoked',
  'grant_expired',
  'grant_subject_mismatch',
  'certificate_revoked',
  'forbidden',
  'revocations_lost',
  'database_unavailable',
  'unavailable',
];
const READ_ERRORS: readonly ErrorCode[] = [
  ...GRANT_ERRORS,
  'resource_not_granted',
  'resource_excluded',
  'not_found',
];

/**
 * Only these: a GET of what takes a POST is a wrong method, and not a resource that is not there. In a group of its own, or the first
 * and the last of them would match the beginnings and ends of longer addresses.
 */
const RESOURCE = `:resource{(?:${RESOURCES.join('|')})}` as const;

/** @throws MosaicError `not_found` for what is no resource */
const resourceOf = (c: Context<AppEnv>): Resource => {
  const name = c.req.param('resource');
  if (!isResource(name)) throw new MosaicError('not_found');
  return name;
};

const HEADERS = { ...SECURITY_HEADERS, 'content-type': 'application/json' };
const encoder = new TextEncoder();

/** Encoded once: a text would be measured, and then encoded again by the runtime. */
const encode = (value: unknown): Uint8Array<ArrayBuffer> => encoder.encode(JSON.stringify(value));

/** `listAnswer`, around rows that are JSON already. */
const encodeListed = ({ json, nextCursor }: Listed): Uint8Array<ArrayBuffer> =>
  encoder.encode(`{"items":[${json}],"next_cursor":${JSON.stringify(nextCursor)}}`);

/** Of what has no rows. */
const SHORT_BYTES = 64 * 1024;
/** Highlights of a hit, beside its row. */
const HIGHLIGHT_BYTES = 4 * 1024;

/** Reserves what an answer can take before anything is read for it, and holds it until the answer has left. */
const within = async (
  c: Context<AppEnv>,
  { work }: Pick<Deps, 'work'>,
  bytes: number,
  make: () => Promise<Uint8Array<ArrayBuffer>>,
): Promise<Uint8Array<ArrayBuffer>> => {
  const { identity, snapshot } = callerOf(c);
  const holder = identity.grantId;
  const party = `peer ${snapshot.grant?.peerId ?? holder}`;
  const held = await work.enter({ party, holder, isPeer: true }, bytes);
  try {
    const body = await make();
    sendWork(c, held, body.byteLength);
    return body;
  } catch (error) {
    held.release();
    throw error;
  }
};

/** Rows that a page can have: what is asked for, within what the grant allows. */
const mostRows = (c: Context<AppEnv>, limit: number): number =>
  Math.min(limit, callerOf(c).snapshot.grant?.scope.max_rows_per_query ?? limit);

/** A bare Response with plain headers: runtimes have a short way for it, unlike for one that was put together. */
const answer = (c: Context<AppEnv>, body: Uint8Array<ArrayBuffer>, epoch: string | null): Response => {
  const { grant } = callerOf(c).snapshot;
  // The entry is left here and not afterwards: a header put into a finished answer costs more than the entry.
  const inbound = inboundOf(c);
  const bytesOut = c.req.method === 'HEAD' ? 0 : body.byteLength;
  const headers = {
    ...HEADERS,
    ...rateLimitFields(callerOf(c).charge),
    ...inbound.leave(200, null, bytesOut),
    ...(grant === null ? null : { [TERMS_HEADER]: cachingTerms(grant) }),
    ...(epoch === null ? {} : { [EPOCH_HEADER]: epoch }),
  };
  return new Response(body, { status: 200, headers });
};

/** Notes what is asked, as soon as it is known: a request that fails later is audited with it. */
const note = (
  c: Context<AppEnv>,
  verb: 'capabilities' | 'list' | 'get' | 'search',
  resource: Resource | null,
): void => {
  const inbound = inboundOf(c);
  inbound.verb = verb;
  inbound.resource = resource;
};

const ask = (c: Context<AppEnv>, parameters: Parameters): void => {
  inboundOf(c).parameters = parameters;
};

/** The inbound verbs, relative to `/federation/v1`. Only of use behind the gate that `federationApp` puts in front. */
export const federationRoutes = (deps: InboundDeps, serving: Serving = createServing(deps)): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  const epoch = deps.epochs;

  app.use(
    guard(
      async (c: Context<AppEnv>, next: () => Promise<void>) => {
        callerOf(c);
        await next();
      },
      ['certificate_required', 'certificate_untrusted', 'certificate_invalid', 'rate_limited'],
      'mutualTLS',
    ),
  );

  app.get(
    '/capabilities',
    describe({
      summary: 'What this grant lets its holder read',
      tags: ['federation'],
      success: { status: 200, description: 'The grant and its reach.', schema: capabilitiesAnswer },
      errors: GRANT_ERRORS,
    }),
    (c, next) => {
      note(c, 'capabilities', null);
      return next();
    },
    validate('query', noQuery, { isRemembered: true }),
    async (c) => {
      ask(c, {});
      const make = async () => encode(await serving.capabilities(callerOf(c)));
      return answer(c, await within(c, deps, SHORT_BYTES, make), epoch.token());
    },
  );

  app.route('/renew', renewalRoutes(deps));
  app.route(
    '/audit',
    auditPlacesRoutes(deps, serving, async (c, make) => {
      const body = await within(c, deps, SHORT_BYTES, async () => encode(await make()));
      return answer(c, body, epoch.token());
    }),
  );

  app.get(
    '/search',
    describe({
      summary: 'Rows that hold the words asked for: the subject’s, within the scope, best first',
      description:
        'Only what may be listed is searched, and nothing else has a part in what is found, in its order or in how much there is. ' +
        'A resource that is named and may not be read refuses the whole search.',
      tags: ['federation'],
      success: { status: 200, description: 'A page of hits.', schema: searchAnswer },
      errors: [...GRANT_ERRORS, 'resource_not_granted', 'resource_excluded', 'invalid_cursor'],
    }),
    (c, next) => {
      note(c, 'search', null);
      return next();
    },
    validate('query', searchQuery),
    async (c) => {
      const { q, resources = null, limit, cursor = null } = c.req.valid('query');
      if (resources?.length === 1) note(c, 'search', resources[0] ?? null);
      // For the keyed hash alone: the words are written nowhere.
      ask(c, { q, resources: resources?.join(',') ?? null, limit, cursor });
      const rowBytes = Math.max(...(resources ?? RESOURCES).map(maxRowBytes)) + HIGHLIGHT_BYTES;
      const body = await within(c, deps, mostPageBytes(mostRows(c, limit), rowBytes), async () => {
        const found = await serving.search(callerOf(c), { query: q, resources, limit, cursor });
        return encode({ items: found.hits.map(showHit), next_cursor: found.next_cursor });
      });
      return answer(c, body, epoch.token());
    },
  );

  app.get(
    `/${RESOURCE}`,
    describe({
      summary: 'Rows of a resource: the subject’s, within the scope, newest first',
      tags: ['federation'],
      success: { status: 200, description: 'A page of rows.', schema: listAnswer },
      errors: [...READ_ERRORS, 'invalid_cursor'],
    }),
    (c, next) => {
      note(c, 'list', resourceOf(c));
      return next();
    },
    validate('query', z.strictObject(pageQueryUpTo(MAX_ROWS_LIMIT)), { isRemembered: true }),
    async (c) => {
      const { limit, cursor = null } = c.req.valid('query');
      const resource = resourceOf(c);
      ask(c, { resource, limit, cursor });
      const body = await within(c, deps, mostPageBytes(mostRows(c, limit), maxRowBytes(resource)), async () =>
        encodeListed(await serving.list(callerOf(c), { resource, limit, cursor })),
      );
      return answer(c, body, epoch.token());
    },
  );

  app.get(
    `/${RESOURCE}/:id`,
    describe({
      summary: 'One row of a resource',
      tags: ['federation'],
      success: { status: 200, description: 'The row.', schema: itemAnswer },
      errors: READ_ERRORS,
    }),
    (c, next) => {
      note(c, 'get', resourceOf(c));
      return next();
    },
    validate('query', noQuery, { isRemembered: true }),
    async (c) => {
      const resource = resourceOf(c);
      const id = c.req.param('id');
      ask(c, { resource, id });
      const make = async () => encode({ item: await serving.get(callerOf(c), resource, id) });
      return answer(c, await within(c, deps, maxRowBytes(resource), make), epoch.token());
    },
  );

  return app;
};

/** A refusal tells the version too: what was kept under another one is out of date at the asking side. */
const tellVersion: MiddlewareHandler<AppEnv> = async (c, next) => {
  await next();
  if (c.res.status < 400) return;
  const grant = inboundOf(c).caller?.snapshot.grant;
  if (grant) c.res.headers.set(TERMS_HEADER, refusalTerms(grant));
};

/**
 * The whole federation app: audit around everything, then certificate and rate limit, then limits of the
 * address, then the verbs. Nothing else is ever mounted on it.
 */
export const federationApp = (deps: InboundDeps, source: CertificateSource): Hono<AppEnv> => {
  const serving = createServing(deps);
  const app = createBase(deps, {
    surface: 'federation',
    securesItself: () => true,
    outermost: [
      auditInbound(deps, serving),
      stateRevocations(deps),
      tellVersion,
      admit(source, serving, deps.audit),
      guardEpoch(deps),
    ],
  });
  app.route('/federation/v1', federationRoutes(deps, serving));
  return app;
};
