import { outcomeOf } from '../../../domain/audit/entry.ts';
import { MosaicError } from '../../../domain/errors.ts';
import type { SpanContext, Telemetry } from '../../../domain/ports/telemetry.ts';
import type { Resource } from '../../../domain/resources.ts';
import { readTraceparent } from '../../../domain/telemetry/traceparent.ts';
import type { Deps } from '../../app/deps.ts';
import { traceparent } from './trace.ts';
import { watchCalls, type WatchCall } from './watched.ts';

/** How calls to peers on behalf of one request say which trace they belong to. */
export interface CallTrace {
  readonly traceparent: string;
  /** Absent where nobody watches. */
  readonly watch?: WatchCall;
}

/** On whose behalf. */
export interface Traced {
  readonly traceId: string;
  /** The `traceparent` header that came with it, if one did. */
  readonly parent?: string | undefined;
}

type TraceDeps = Pick<Deps, 'newSpanId' | 'clock' | 'telemetry'>;

/**
 * For calls of a request that has no span of its own, and of the gateway's own work.
 * @param asked null: nobody asked, the gateway does it by itself
 */
export const callTrace = (
  deps: TraceDeps,
  { traceId, parent }: Traced,
  asked: 'client' | null,
): CallTrace => {
  const { telemetry, newSpanId, clock } = deps;
  if (telemetry === undefined) return { traceparent: traceparent(newSpanId, traceId) };
  const from = readTraceparent(parent);
  const isRecorded = telemetry.begin(traceId, from, asked ?? 'gateway') !== null;
  const place = { traceId, parentId: from?.spanId ?? null, isRecorded };
  return {
    traceparent: traceparent(newSpanId, traceId),
    watch: watchCalls({ telemetry, newSpanId, clock }, place),
  };
};

export interface QueryTraced extends Traced {
  readonly verb: 'list' | 'get' | 'search';
  readonly resource: Resource | null;
  /** `local`, `all`, or a peer's: its name is a person's own and not told. */
  readonly source: string;
}

const attributesOf = ({ verb, resource, source }: QueryTraced, error: unknown, durationMs: number) => {
  const status = error === undefined ? 200 : error instanceof MosaicError ? error.status : 500;
  return {
    'federation.verb': verb,
    ...(resource === null ? {} : { 'federation.resource': resource }),
    'federation.source': source.startsWith('federated:') ? 'federated' : source,
    'federation.outcome': outcomeOf(status),
    ...(error === undefined
      ? {}
      : { 'federation.reason': error instanceof MosaicError ? error.code : 'internal' }),
    'federation.latency_ms': durationMs,
    'http.response.status_code': status,
  };
};

/** One person's query, and the calls to peers within it: one trace, which goes on from the person's program where it has one. */
export const watchQuery = <T>(
  deps: TraceDeps,
  query: QueryTraced,
  work: (trace: CallTrace) => Promise<T>,
): Promise<T> => {
  const { telemetry } = deps;
  return telemetry === undefined
    ? work({ traceparent: traceparent(deps.newSpanId, query.traceId) })
    : recordQuery({ ...deps, telemetry }, query, work);
};

const recordQuery = async <T>(
  { telemetry, newSpanId, clock }: TraceDeps & { readonly telemetry: Telemetry },
  query: QueryTraced,
  work: (trace: CallTrace) => Promise<T>,
): Promise<T> => {
  const parent = readTraceparent(query.parent);
  const context: SpanContext | null = telemetry.begin(query.traceId, parent, 'client');
  const place = {
    traceId: query.traceId,
    parentId: context?.spanId ?? null,
    isRecorded: context !== null,
  };
  const watch = watchCalls({ telemetry, newSpanId, clock }, place);
  const startedAt = clock.now();
  const start = performance.now();
  const end = (error?: unknown): void => {
    if (context === null) return;
    const durationMs = Math.round((performance.now() - start) * 1_000) / 1_000;
    const attributes = attributesOf(query, error, durationMs);
    telemetry.end({
      context,
      parentId: parent?.spanId ?? null,
      name: 'federation.query',
      kind: 'server',
      startedAt,
      durationMs,
      isError: attributes['federation.outcome'] === 'error',
      attributes,
    });
  };
  try {
    const value = await work({ traceparent: traceparent(newSpanId, query.traceId), watch });
    end();
    return value;
  } catch (error) {
    end(error);
    throw error;
  }
};
