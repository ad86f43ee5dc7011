import type { SourceName } from '../../../domain/blend/blend.ts';
import type { ErrorCode } from '../../../domain/errors.ts';
import type { Notice } from './query-notice.ts';
import type { Source } from './query-sources.ts';
import { failedStatus, failureText, type PeerFailure } from '../client/failure.ts';

/** How one source did, as answered. */
export interface SourceReport {
  /** `truncated`: it holds more, which the next page gives. */
  /**
   * `complete` and `truncated` (it holds more, which the next page gives): read just now. `cached`: kept from a moment ago,
   * whether whole or not, which `more` tells. `denied`: the peer decided so. `unreachable`: everything else.
   */
  readonly status: 'complete' | 'truncated' | 'cached' | 'unreachable' | 'denied';
  /** Whether it holds more than was given; absent when it did not answer. */
  readonly more?: boolean;
  /** Something of it came from the cache. */
  readonly _cached?: true;
  /** What is told of it is at least as new as this; RFC 3339. */
  readonly as_of: string;
  /** Rows of it on this page. */
  readonly count: number;
  readonly latency_ms: number;
  readonly code?: ErrorCode;
  /** The peer's own code, when it decided. */
  readonly peer_code?: ErrorCode;
  readonly message?: string;
}

export interface Reports {
  /** By source name. */
  readonly sources: Readonly<Record<string, SourceReport>>;
  readonly notices: readonly Notice[];
}

/** Milliseconds since `start`, to a tenth. */
export const sinceMs = (start: number): number => Math.round((performance.now() - start) * 10) / 10;

/** Of a source that answered. */
export const answeredReport = (
  source: Source,
  answered: { readonly count: number; readonly more: boolean; readonly latencyMs: number },
  now: Date,
): SourceReport => {
  const { isCached = false, asOf = null } = source.sighting() ?? {};
  return {
    status: isCached ? 'cached' : answered.more ? 'truncated' : 'complete',
    count: answered.count,
    more: answered.more,
    ...(isCached ? { _cached: true } : {}),
    as_of: (asOf ?? now).toISOString(),
    latency_ms: answered.latencyMs,
  };
};

export const failedReport = (failure: PeerFailure, latencyMs: number, asOf: Date): SourceReport => ({
  status: failedStatus(failure),
  count: 0,
  as_of: asOf.toISOString(),
  latency_ms: latencyMs,
  code: failure.code,
  ...(failure.peerCode === null ? {} : { peer_code: failure.peerCode }),
  message: failureText(failure),
});

/**
 * One notice for each source that failed: the failure, or in the first answer of a session after the peer went down the
 * signal that it is offline.
 */
export const noticesOf = (
  failed: readonly { readonly name: SourceName; readonly failure: PeerFailure }[],
  offline: ReadonlySet<SourceName> = new Set(),
): readonly Notice[] =>
  failed
    // Told once, and by another notice.
    .filter(({ failure }) => !failure.revoked)
    .map(({ name, failure }) => ({ name, code: failure.code, message: failureText(failure) }))
    .map(({ name, code, message }) =>
      offline.has(name)
        ? {
            source: name,
            code: 'federation_offline',
            message: `Federation offline for ${name.slice('federated:'.length)}, its rows are missing until it can be reached again. ${message}`,
          }
        : { source: name, code, message },
    );

/** `Cache-Status` (RFC 9211), a member for each peer that was asked; null when none was. */
export const cacheStatus = (sources: readonly Source[], now: Date): string | null => {
  const members = sources.flatMap((source) => {
    const status = source.sighting()?.status(now) ?? null;
    return status === null ? [] : [`"${source.name}"; ${status}`];
  });
  return members.length === 0 ? null : members.join(', ');
};
