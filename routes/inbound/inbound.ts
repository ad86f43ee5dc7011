import type { Context, MiddlewareHandler } from 'hono';
import type { AuditDraft, Linked } from '../../domain/audit/chain.ts';
import {
  CHECKPOINT_HEADER,
  MAX_CHECKPOINT_LENGTH,
  PLACE_HEADER,
  SEEN_HEADER,
} from '../../domain/audit/checkpoint.ts';
import { outcomeOf, type AuditVerb } from '../../domain/audit/entry.ts';
import { MosaicError, type ErrorCode } from '../../domain/errors.ts';
import type { Resource } from '../../domain/resources.ts';
import type { AuditSink, Deps } from '../../src/app/deps.ts';
import { createIdentityCache } from '../../src/inbound/read/identity-cache.ts';
import type { Caller, Parameters, Serving } from '../../src/inbound/read/serve.ts';
import { answerProblem, type AppEnv } from '../http/http.ts';
import type { CertificateSource } from './certificate-source.ts';

/** What is known of an inbound request so far. */
export interface Inbound {
  /** Set once the certificate was read, whether or not the grant exists. */
  caller: Caller | null;
  verb: AuditVerb;
  resource: Resource | null;
  /** What was asked, for its hash; null while it could not be made out: then the address is hashed. */
  parameters: Parameters | null;
  /** Leaves the entry, once; gives the headers that tell the peer where the chain stands. */
  readonly leave: (status: number, code: ErrorCode | null, bytesOut: number) => AuditHeaders;
  /** Set once the entry was left. */
  headers: AuditHeaders | null;
  /** For a strict grant: whether the entry is committed. */
  isWritten: Promise<boolean> | null;
}

export type AuditHeaders = Readonly<Record<string, string>>;

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

/** For spans of this request; nothing is looked up where nobody watches. */
const traceparentOf = ({ telemetry }: Deps, c: Context<AppEnv>): string | undefined =>
  telemetry === undefined ? undefined : c.req.header('traceparent');

const sizeOf = async (c: Context<AppEnv>): Promise<number> =>
  c.req.method === 'HEAD' ? 0 : (await c.res.clone().arrayBuffer()).byteLength;

const NO_HEADERS: AuditHeaders = {};

/** What the peer is told of the chain of its grant: nothing where no grant is known. */
const headersOf = ({ audit }: Deps, linked: Linked): AuditHeaders => {
  const { grantId } = linked.entry;
  if (grantId === null) return NO_HEADERS;
  const checkpoint = audit.checkpointOf(grantId);
  const place = audit.place(linked);
  return checkpoint === null
    ? { [PLACE_HEADER]: place }
    : { [PLACE_HEADER]: place, [CHECKPOINT_HEADER]: checkpoint };
};

const draftOf = (
  deps: Deps,
  serving: Serving,
  c: Context<AppEnv>,
  inbound: Inbound,
  latencyMs: number,
  answered: { readonly status: number; readonly code: ErrorCode | null; readonly bytesOut: number },
): AuditDraft => {
  const { caller, verb, resource } = inbound;
  const grant = caller?.snapshot.grant ?? null;
  return {
    at: deps.clock.now(),
    grantId: grant?.id ?? null,
    peerId: grant?.peerId ?? null,
    subjectUserId: grant?.subjectUserId ?? null,
    actorUserId: null,
    verb,
    resource,
    action: null,
    queryHash: serving.hashQuery(caller, verb, inbound.parameters ?? { url: c.req.url }),
    outcome: outcomeOf(answered.status),
    reasonCode: answered.code,
    status: answered.status,
    bytesOut: answered.bytesOut,
    latencyMs: Math.round(latencyMs * 1000) / 1000,
    traceId: c.get('traceId'),
  };
};

/** Refusals that cost a peer nothing, by grant and code: beyond its limit, and while it is suspended (`forbidden`). */
const REPEATED: readonly (ErrorCode | null)[] = ['rate_limited', 'forbidden'];

const repeatedKind = (caller: Caller | null, code: ErrorCode | null): string | null =>
  caller !== null && REPEATED.includes(code) ? `grant ${caller.identity.grantId} ${code}` : null;

const say = (c: Context<AppEnv>, headers: AuditHeaders): void => {
  for (const [name, value] of Object.entries(headers)) c.res.headers.set(name, value);
};

/** The answer of a strict grant leaves only with its entry committed; otherwise the refusal is an entry of its own. */
const holdBack = async (
  deps: Deps,
  c: Context<AppEnv>,
  draft: (bytesOut: number) => AuditDraft,
): Promise<void> => {
  if ((await inboundOf(c).isWritten) !== false) return;
  c.res = answerProblem(c, new MosaicError('audit_unavailable', { retryAfterSeconds: 1 }));
  say(c, headersOf(deps, deps.audit.record(draft(await sizeOf(c)), traceparentOf(deps, c))));
};

/**
 * Leaves exactly one audit entry for each inbound request, whatever becomes of it (SPEC M4), but for refusals that are counted: it
 * stands around everything that may answer. The entry goes into a queue; nothing waits for the database here, unless the grant is strict.
 */
export const auditInbound =
  (deps: Deps, serving: Serving): MiddlewareHandler<AppEnv> =>
  async (c, next) => {
    const startedAt = performance.now();
    const draft = (status: number, code: ErrorCode | null, bytesOut: number): AuditDraft =>
      draftOf(deps, serving, c, inbound, performance.now() - startedAt, { status, code, bytesOut });
    const inbound: Inbound = {
      caller: null,
      verb: 'unknown',
      resource: null,
      parameters: null,
      headers: null,
      isWritten: null,
      leave: (status, code, bytesOut) => {
        if (inbound.headers !== null) return inbound.headers;
        const traceparent = traceparentOf(deps, c);
        const entry = draft(status, code, bytesOut);
        const kind = repeatedKind(inbound.caller, code);
        if (kind !== null) {
          const linked = deps.audit.recordRepeated(kind, entry, traceparent);
          return (inbound.headers = linked === null ? NO_HEADERS : headersOf(deps, linked));
        }
        if (inbound.caller?.snapshot.grant?.auditStrict === true) {
          const { linked, isWritten } = deps.audit.recordStrictly(entry, traceparent);
          inbound.isWritten = isWritten;
          return (inbound.headers = headersOf(deps, linked));
        }
        return (inbound.headers = headersOf(deps, deps.audit.record(entry, traceparent)));
      },
    };
    c.set('inbound', inbound);
    await next();
    if (inbound.headers === null) {
      const { status } = c.res;
      say(c, inbound.leave(status, codeOf(c, status), await sizeOf(c)));
    }
    if (inbound.isWritten !== null)
      await holdBack(deps, c, (bytesOut) => draft(503, 'audit_unavailable', bytesOut));
  };

/**
 * Certificate → identity → rate limit, before anything of the request is looked at.
 *
 * @throws MosaicError `certificate_required`, `certificate_invalid`, `certificate_untrusted`, `rate_limited`
 */
export const admit = (
  source: CertificateSource,
  serving: Serving,
  audit: Pick<AuditSink, 'seen'>,
): MiddlewareHandler<AppEnv> => {
  const readIdentity = createIdentityCache();
  return async (c, next) => {
    const presented = source(c);
    if (presented === null) throw new MosaicError('certificate_required');
    const identity = readIdentity(presented);
    const caller = await serving.identify(identity);
    inboundOf(c).caller = caller;
    const seen = caller.snapshot.grant === null ? undefined : c.req.header(SEEN_HEADER);
    if (seen !== undefined && seen.length <= MAX_CHECKPOINT_LENGTH) audit.seen(identity.grantId, seen);
    await serving.takeRequest(caller);
    await next();
  };
};
