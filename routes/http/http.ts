import { Hono, type Context, type ErrorHandler, type MiddlewareHandler, type NotFoundHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Principal } from '../../domain/access/decide.ts';
import type { AskedPeer } from '../../domain/ports/peers.ts';
import type { Storage } from '../../domain/ports/storage.ts';
import { MosaicError, toProblem, waitOf, type ErrorCode } from '../../domain/errors.ts';
import { BODY_LIMITS, bodyLimitOf, DEFAULT_BODY_LIMIT } from '../../domain/limits.ts';
import { MAX_QUERY_LENGTH } from '../../domain/search/hit.ts';
import { requestTraceId } from '../../domain/telemetry/traceparent.ts';
import type { Deps } from '../../src/app/deps.ts';
import type { HeldWork } from '../../domain/ports/work.ts';
import { brokenBody } from './broken-body.ts';
import { traceIds } from './trace-ids.ts';
import { createRequestLog, TRACE_ID_HEADER, type RequestLog } from '../middleware/request-log.ts';

/** What middlewares put into a request's context. */
export interface AppEnv {
  Variables: {
    /** W3C trace id, 32 lower-case hexadecimal characters. */
    traceId: string;
    /** Makes ids of answers such as are in the log; set with `traceId`. */
    requestLog?: RequestLog;
    /** The trace id that the answer carries, once that is settled: of this request, or of a line that stands for many. */
    answerId?: string;
    /** Set by `authenticate`. */
    principal: Principal;
    /** Set by `authenticateAsker`: the person's own peers, read with the token. */
    peers: readonly AskedPeer[];
    /** What the person's request holds; set with `principal`. */
    work: HeldWork;
  };
}

export type Surface = 'public' | 'federation' | 'enrollment';

const MAX_URI_LENGTH = 8_192;
const MAX_QUERY_PARAMETERS = 100;

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** Handlers answer by `c.json`, `c.body` and the like, so that these reach every answer; a handler may replace one. */
export const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
} as const;

const secure = (c: Context<AppEnv>): void => {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) c.header(name, value);
};

/** What somebody pastes into a search gets an answer about the search, and not about an address nobody typed. */
const isSearch = (path: string): boolean => path.endsWith('/search');

/** @throws MosaicError `uri_too_long`, `invalid_request` */
const assertSaneUrl = (url: string): void => {
  const mark = url.indexOf('?');
  if (url.length > MAX_URI_LENGTH) {
    if (mark !== -1 && isSearch(url.slice(0, mark))) {
      throw new MosaicError('invalid_request', {
        issues: [{ path: 'q', message: 'is too long', expected: `at most ${MAX_QUERY_LENGTH} characters` }],
      });
    }
    throw new MosaicError('uri_too_long', {
      detail: `An address may have at most ${MAX_URI_LENGTH} characters.`,
    });
  }
  if (mark !== -1 && url.slice(mark).split('&', MAX_QUERY_PARAMETERS + 1).length > MAX_QUERY_PARAMETERS) {
    throw new MosaicError('invalid_request', {
      detail: `At most ${MAX_QUERY_PARAMETERS} query parameters are read.`,
    });
  }
  if (!url.includes('%')) return;
  try {
    decodeURIComponent(url);
  } catch {
    throw new MosaicError('invalid_request', {
      detail: 'The address holds percent-encoding that is not UTF-8.',
    });
  }
};

const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid_request',
  404: 'not_found',
  405: 'method_not_allowed',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
};

const asMosaicError = (error: Error): MosaicError => {
  if (error instanceof MosaicError) return error;
  const code = error instanceof HTTPException ? CODE_OF_STATUS[error.status] : undefined;
  return new MosaicError(code ?? 'internal', { cause: error });
};

/** The trace id that an answer carries. */
export const answerIdOf = (c: Context<AppEnv>): string => c.get('answerId') ?? c.get('traceId');

/** Logs that a request of somebody who is signed in is worked on, and puts the id of that line into the answer. */
export const acceptRequest = (c: Context<AppEnv>): void => {
  const id = c.get('requestLog')?.accepted(c.get('traceId'));
  if (id === undefined) return;
  c.set('answerId', id);
  c.header(TRACE_ID_HEADER, id);
};

/** Answers an error as `application/problem+json` (RFC 9457), with a trace id that is in the log. */
export const answerProblem = (c: Context<AppEnv>, error: MosaicError): Response => {
  const traceId = c.get('requestLog')?.refused(error, c.get('traceId')) ?? c.get('traceId');
  c.set('answerId', traceId);
  secure(c);
  c.header(TRACE_ID_HEADER, undefined);
  if (error.retryAfterSeconds !== undefined || error.code === 'database_unavailable')
    c.header('retry-after', String(waitOf(error)));
  if (error.rateLimit !== undefined) {
    const { policy, limit, windowSeconds } = error.rateLimit;
    c.header('ratelimit-policy', `"${policy}";q=${limit};w=${windowSeconds}`);
    c.header('ratelimit', `"${policy}";r=0;t=${waitOf(error)}`);
  }
  return c.body(JSON.stringify(toProblem(error, traceId)), error.status as ContentfulStatusCode, {
    'content-type': 'application/problem+json',
  });
};

const onError =
  (surface: Surface): ErrorHandler<AppEnv> =>
  (thrown, c) => {
    const error = asMosaicError(thrown);
    // Only the public listener speaks bearer tokens; elsewhere a 401 is about the certificate.
    if (error.status === 401 && surface === 'public') c.header('www-authenticate', 'Bearer realm="mosaic"');
    return answerProblem(c, error);
  };

/** Methods with a handler of their own at a path; middlewares (`ALL`) don't count. */
const methodsAt = (app: Hono<AppEnv>, path: string): readonly string[] => {
  const found = METHODS.filter((method) =>
    app.router.match(method, path)[0].some(([[, route]]) => route.method === method),
  );
  return found.includes('GET') ? ['HEAD', ...found] : found;
};

const onNotFound =
  (app: Hono<AppEnv>): NotFoundHandler<AppEnv> =>
  (c) => {
    const allowed = methodsAt(app, c.req.path);
    if (allowed.length === 0) return answerProblem(c, new MosaicError('not_found'));
    c.header('allow', allowed.join(', '));
    return answerProblem(c, new MosaicError('method_not_allowed', { detail: `Use ${allowed.join(', ')}.` }));
  };

const limitTo = (maxSize: number): MiddlewareHandler<AppEnv> =>
  bodyLimit({
    maxSize,
    onError: () => {
      throw new MosaicError('payload_too_large', {
        detail: `A body may have at most ${maxSize} bytes here.`,
      });
    },
  });

/** A chunked body is read to be measured, before any handler runs: what fails then is not the gateway. */
const readingWhole =
  (limit: MiddlewareHandler<AppEnv>): MiddlewareHandler<AppEnv> =>
  async (c, next) => {
    let isRead = false;
    const handle = (): Promise<void> => {
      isRead = true;
      return next();
    };
    try {
      return await limit(c, handle);
    } catch (cause) {
      throw isRead || cause instanceof MosaicError ? cause : brokenBody(cause);
    }
  };

/** Bodies by their address (domain/limits.ts), and none larger than `most`. */
const limitBody = (most: number): MiddlewareHandler<AppEnv> => {
  const sizes = new Set([DEFAULT_BODY_LIMIT, ...BODY_LIMITS].map(({ bytes }) => Math.min(bytes, most)));
  const limits = new Map([...sizes].map((size) => [size, readingWhole(limitTo(size))]));
  // Touching the body of a GET would make node-server build the whole request object.
  return (c, next) => {
    if (c.req.method === 'GET' || c.req.method === 'HEAD') return next();
    const limit = limits.get(Math.min(bodyLimitOf(c.req.path).bytes, most));
    return limit === undefined ? next() : limit(c, next);
  };
};

/** What the base itself needs. */
export type BaseDeps = Pick<Deps, 'settings' | 'random' | 'log'> & {
  readonly storage?: Pick<Storage, 'within'>;
};

export interface BaseOptions {
  readonly surface?: Surface;
  /** Whether the handlers at an address answer with `SECURITY_HEADERS` on their own; errors get them here in any case. */
  readonly securesItself?: (path: string) => boolean;
  /** Stand around everything but trace id and headers, limits of the address included. */
  readonly outermost?: readonly MiddlewareHandler<AppEnv>[];
}

/**
 * The base every app is mounted on: trace id, security headers, limits of address and body, and every error,
 * unknown address or method answered as a problem document without stack or SQL.
 */
export const createBase = (deps: BaseDeps, options: BaseOptions = {}): Hono<AppEnv> => {
  const app = new Hono<AppEnv>();
  const newTraceId = traceIds(deps.random);
  const { surface = 'public' } = options;
  const requestLog = createRequestLog({ log: deps.log, surface, newTraceId });
  app.use((c, next) => {
    c.set(
      'traceId',
      requestTraceId(c.req.header('traceparent'), c.req.header(TRACE_ID_HEADER)) ?? newTraceId(),
    );
    c.set('requestLog', requestLog);
    if (options.securesItself?.(c.req.path) !== true) secure(c);
    return next();
  });
  const { storage } = deps;
  const asker = surface === 'public' ? 'person' : 'peer';
  if (storage !== undefined) app.use((_c, next) => storage.within(asker, next));
  for (const middleware of options.outermost ?? []) app.use(middleware);
  app.use((c, next) => {
    assertSaneUrl(c.req.url);
    return next();
  });
  app.use(limitBody(deps.settings.bodyLimitBytes));
  app.onError(onError(surface));
  app.notFound(onNotFound(app));
  return app;
};
