import type { AuditVerb } from '../../../domain/audit/entry.ts';
import type { Clock } from '../../../domain/ports/basics.ts';
import type { Peer } from '../../../domain/ports/peers.ts';
import type { Telemetry } from '../../../domain/ports/telemetry.ts';
import type { Resource } from '../../../domain/resources.ts';
import type { Result } from '../../../domain/result.ts';
import { writeTraceparent } from '../../../domain/telemetry/traceparent.ts';
import type { PeerFailure } from './failure.ts';
import { traceparent } from './trace.ts';

/** A question to a peer that somebody watches. */
export interface WatchedCall {
  /** To be sent with it. */
  readonly traceparent: string;
  /** To be set where the answer came from the cache. */
  isCached: boolean;
  /** Once. @param result null when something threw */
  end(result: Result<unknown, PeerFailure> | null): void;
}

type Asked = Pick<Peer, 'id' | 'remoteGrantId'>;
type Verb = Extract<AuditVerb, 'capabilities' | 'list' | 'get' | 'search' | 'renew' | 'checkpoint'>;

export type WatchCall = (peer: Asked, verb: Verb, resource: Resource | null) => WatchedCall;

/** Where calls stand in their trace. */
export interface CallPlace {
  readonly traceId: string;
  /** The span they belong to; null: none that is known. */
  readonly parentId: string | null;
  /** Whether their spans are recorded; they are counted in any case. */
  readonly isRecorded: boolean;
}

interface WatchParts {
  readonly telemetry: Telemetry;
  readonly newSpanId: () => string;
  readonly clock: Clock;
}

const outcomeOf = (result: Result<unknown, PeerFailure> | null): string => {
  if (result?.ok === true) return 'allowed';
  if (result?.error.code === 'peer_circuit_open') return 'circuit_open';
  return result?.error.code === 'peer_refused' ? 'denied' : 'error';
};

const reasonOf = (result: Result<unknown, PeerFailure> | null): string | null => {
  if (result === null) return 'internal';
  return result.ok ? null : (result.error.peerCode ?? result.error.code);
};

/** A span and a few numbers for each question to a peer, whoever answers it: the peer, the cache, or the breaker. */
export const watchCalls =
  ({ telemetry, newSpanId, clock }: WatchParts, { traceId, parentId, isRecorded }: CallPlace): WatchCall =>
  (peer, verb, resource) => {
    const context = isRecorded ? telemetry.within({ traceId, spanId: parentId ?? '' }) : null;
    const startedAt = clock.now();
    const start = performance.now();
    const call: WatchedCall = {
      traceparent:
        context === null ? traceparent(newSpanId, traceId) : writeTraceparent(traceId, context.spanId, true),
      isCached: false,
      end: (result) => {
        const durationMs = Math.round((performance.now() - start) * 1_000) / 1_000;
        const outcome = outcomeOf(result);
        const reason = reasonOf(result);
        const labels = { direction: 'outbound', verb, outcome };
        telemetry.count('mosaic_federation_requests_total', {
          ...labels,
          resource: resource ?? 'none',
          cached: String(call.isCached),
        });
        telemetry.observe('mosaic_federation_request_duration_seconds', durationMs / 1_000, labels);
        if (outcome === 'denied')
          telemetry.count('mosaic_federation_denials_total', { direction: 'outbound', reason: reason ?? '' });
        if (context === null) return;
        telemetry.end({
          context,
          parentId,
          name: 'federation.request',
          kind: 'client',
          startedAt,
          durationMs,
          isError: outcome === 'error' || outcome === 'circuit_open',
          attributes: {
            'federation.direction': 'outbound',
            'federation.peer': peer.id,
            ...(peer.remoteGrantId === null ? {} : { 'federation.grant': peer.remoteGrantId }),
            'federation.verb': verb,
            ...(resource === null ? {} : { 'federation.resource': resource }),
            'federation.outcome': outcome,
            ...(reason === null ? {} : { 'federation.reason': reason }),
            'federation.latency_ms': durationMs,
            'federation.cached': call.isCached,
          },
        });
      },
    };
    return call;
  };

type Work<T> = (call: WatchedCall | undefined) => Promise<Result<T, PeerFailure>>;

/** Makes a call, watched where somebody does. @param work is given the call to go by, or undefined */
export const watched = <T>(
  watch: WatchCall | undefined,
  [peer, verb, resource]: Parameters<WatchCall>,
  work: Work<T>,
): Promise<Result<T, PeerFailure>> => {
  const call = watch?.(peer, verb, resource);
  return call === undefined ? work(call) : untilEnd(call, work);
};

const untilEnd = async <T>(call: WatchedCall, work: Work<T>): Promise<Result<T, PeerFailure>> => {
  let result: Result<T, PeerFailure> | null = null;
  try {
    return (result = await work(call));
  } finally {
    call.end(result);
  }
};
