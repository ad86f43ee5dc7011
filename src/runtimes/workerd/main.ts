/** A gateway on Cloudflare Workers: see wrangler.toml. One bundle serves both host names. */
import { conditionOf, databaseCodeOf, DATABASE_CURES } from '../../../domain/database/state.ts';
import { MosaicError, toProblem, waitOf } from '../../../domain/errors.ts';
import { SECURITY_HEADERS } from '../../../routes/http/http.ts';
import { createAliveApp, createFederationApp, createPublicApp } from '../../app/app.ts';
import { ConfigError } from '../../config/issues.ts';
import { purgeOutbound } from '../../outbound/outbound.ts';
import { writeLogLine } from '../common/json-log.ts';
import { acceptedCertificate, certificateOfEnvironment, type TlsClientAuth } from './certificate.ts';
import { configuredOf, newIsolate, type Bindings } from './isolate.ts';
import { cleanUp, open } from './open.ts';
import { scheduledRound } from './scheduled.ts';

export type { Bindings } from './isolate.ts';

export interface ExecutionContext {
  waitUntil(work: Promise<unknown>): void;
}

type WorkerRequest = Request & { readonly cf?: { readonly tlsClientAuth?: TlsClientAuth } };

const isolate = newIsolate();

/** A configuration error names settings, never values; nothing else of an unexpected error is shown anywhere. */
const known = (error: unknown): MosaicError => {
  if (error instanceof MosaicError) return error;
  if (!(error instanceof ConfigError)) return new MosaicError('internal');
  const issues = error.issues.map(({ path, variable, message, expected }) => ({
    path: variable === undefined ? path : `${variable} (${path})`,
    message,
    ...(expected === undefined ? {} : { expected }),
  }));
  return new MosaicError('misconfigured', { issues });
};

const problem = (error: unknown): Response => {
  const shown = known(error);
  if (error instanceof ConfigError) writeLogLine(error.message);
  else if (shown.status >= 500) {
    // Nobody else tells the operator here what is wrong with the database.
    const condition = databaseCodeOf(error) === null ? undefined : conditionOf(error);
    const told = condition === undefined ? {} : { condition, cure: DATABASE_CURES[condition] };
    writeLogLine(JSON.stringify({ level: 'error', message: 'request failed', code: shown.code, ...told }));
  }
  const headers = {
    ...SECURITY_HEADERS,
    'content-type': 'application/problem+json',
    ...(shown.retryAfterSeconds === undefined ? {} : { 'retry-after': String(waitOf(shown)) }),
  };
  return new Response(JSON.stringify(toProblem(shown)), { status: shown.status, headers });
};

const answer = async (
  request: WorkerRequest,
  env: Bindings,
  context: ExecutionContext,
): Promise<Response> => {
  try {
    const configured = configuredOf(isolate, env);
    const { hostname, pathname } = new URL(request.url);
    const isFederation = hostname === new URL(configured.config.federation.url ?? '').hostname;
    // First of all, so that a client without a good certificate costs no connection to the database.
    const certificate = isFederation ? acceptedCertificate(request.cf?.tlsClientAuth) : null;
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (!isFederation && isRead && pathname === '/health') return await createAliveApp().fetch(request);
    const { deps, close } = await open(isolate, configured, env, isFederation);
    try {
      if (certificate !== null)
        return await createFederationApp(deps, certificateOfEnvironment).fetch(request, { certificate });
      const clientAddress = request.headers.get('cf-connecting-ip');
      return await createPublicApp(deps).fetch(request, { clientAddress });
    } finally {
      context.waitUntil(close().then(() => cleanUp(isolate)));
    }
  } catch (error) {
    return problem(error);
  }
};

export default {
  fetch(request: WorkerRequest, env: Bindings, context: ExecutionContext): Promise<Response> {
    const answering = answer(request, env, context);
    // Whoever goes away does not end it halfway: what is noted of peers and in the audit log is written.
    context.waitUntil(answering);
    return answering;
  },

  /** Every minute, by wrangler.toml. */
  async scheduled(_event: unknown, env: Bindings): Promise<void> {
    const opened = await open(isolate, configuredOf(isolate, env), env);
    try {
      const failed = await scheduledRound(opened);
      if (isolate.memory !== null) purgeOutbound(isolate.memory.outbound);
      // Cloudflare shows a round that threw as failed.
      if (failed.length > 0) throw new Error(`steps of the scheduled round failed: ${failed.join(', ')}`);
    } finally {
      await opened.close();
    }
  },
};
