import type { Context, MiddlewareHandler } from 'hono';
import { outcomeOf, type AuditVerb } from '../../domain/audit/entry.ts';
import { MosaicError, type ErrorCode } from '../../domain/errors.ts';
import type { Resource } from '../../domain/resources.ts';
import type { Deps } from '../../src/deps.ts';
import { createIdentityCache } from '../../src/services/identity-cache.ts';
import type { Caller, Parameters, Serving } from '../../src/services/serve.ts';
import type { AppEnv } from '../http.ts';
import type { CertificateSource } from './certificate-source.ts';

/** What is known of an inbound request so far. */
export interface Inbound {
  /** Set once the certificate was read, whether or not the grant exists. */
  caller: Caller | null;
  verb: AuditVerb;
  resource: Resource | null;
  /** What was asked, for its hash; null while it could not be made out: then the address is hashed. */
  parameters: Parameters | null;
  bytesOut: number | null;
}

declare module 'hono' {
  interface ContextVariableMap {
    /** Absent on every surface but the federation app. */
    inbound?: Inbound;
  }
}

/** @throws MosaicError `certificate_required` where no gate stands in front: nothing is served without it */
export const inboundOf = (c: Context<AppEnv>): Inbound => {
  const inbound = c.get('inbound');
  if (inbound === undefined) throw new MosaicError('certificate_required');
  return inbound;
};

/** The caller that `admit` let in. @throws MosaicError `certificate_required` */
export const callerOf = (c: Context<AppEnv>): Caller => {
  const { caller } = inboundOf(c);
  if (caller === null) throw new MosaicError('certificate_required');
  return caller;
};

const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid_request',
  404: 'not_found',
  405: 'method_not_allowed',
  413: 'payload_too_large',
};

const codeOf = (c: Context<AppEnv>, status: number): ErrorCode | null => {
  if (status < 400) return null;
  if (c.error instanceof MosaicError) return c.error.code;
  return CODE_OF_STATUS[status] ?? 'internal';
};

const sizeOf = async (c: Context<AppEnv>, inbound: Inbound): Promise<number> => {
  if (c.req.method === 'HEAD') return 0;
  return inbound.bytesOut ?? (await c.res.clone().arrayBuffer()).byteLength;
};

/**
 * Leaves exactly one audit entry for each inbound request, whatever becomes of it (SPEC M4): stands around
 * everything that may answer. The entry goes into a queue; nothing waits for the database here.
 */
export const auditInbound =
  (deps: Deps, serving: Serving): MiddlewareHandler<AppEnv> =>
  async (c, next) => {
    const startedAt = performance.now();
    const inbound: Inbound = {
      caller: null,
      verb: 'unknown',
      resource: null,
      parameters: null,
      bytesOut: null,
    };
    c.set('inbound', inbound);
    await next();
    const { status } = c.res;
    const { caller, verb, resource } = inbound;
    const grant = caller?.snapshot.grant ?? null;
    const parameters = inbound.parameters ?? { url: c.req.url };
    deps.audit.record({
      id: deps.ids.uuid(),
      at: deps.clock.now(),
      grantId: grant?.id ?? null,
      peerId: grant?.peerId ?? null,
      subjectUserId: grant?.subjectUserId ?? null,
      actorUserId: null,
      verb,
      resource,
      action: null,
      queryHash: serving.hashQuery(caller, verb, parameters),
      outcome: outcomeOf(status),
      reasonCode: codeOf(c, status),
      status,
      bytesOut: await sizeOf(c, inbound),
      latencyMs: Math.round((performance.now() - startedAt) * 1000) / 1000,
      traceId: c.get('traceId'),
    });
  };

/**
 * Certificate → identity → rate limit, before anything of the request is looked at.
 *
 * @throws MosaicError `certificate_required`, `certificate_invalid`, `certificate_untrusted`, `rate_limited`
 */
export const admit = (source: CertificateSource, serving: Serving): MiddlewareHandler<AppEnv> => {
  const readIdentity = createIdentityCache();
  return async (c, next) => {
    const presented = source(c);
    if (presented === null) throw new MosaicError('certificate_required');
    const caller = await serving.identify(readIdentity(presented));
    inboundOf(c).caller = caller;
    await serving.takeRequest(caller);
    await next();
  };
};
