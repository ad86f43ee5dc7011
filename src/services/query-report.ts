import type { SourceName } from '../../domain/blend/blend.ts';
import type { ErrorCode } from '../../domain/errors.ts';
import { failedStatus, type PeerFailure } from '../federation/failure.ts';

/** How one source did, as answered. */
export interface SourceReport {
  /** `truncated`: it holds more, which the next page gives. */
  readonly status: 'complete' | 'truncated' | 'unreachable' | 'denied';
  /** Rows of it on this page. */
  readonly count: number;
  readonly latency_ms: number;
  readonly code?: ErrorCode;
  /** The peer's own code, when it decided. */
  readonly peer_code?: ErrorCode;
  readonly message?: string;
}

export interface Notice {
  readonly source: SourceName;
  readonly code: ErrorCode;
  readonly message: string;
}

export interface Reports {
  /** By source name. */
  readonly sources: Readonly<Record<string, SourceReport>>;
  readonly notices: readonly Notice[];
}

/** Milliseconds since `start`, to a tenth. */
export const sinceMs = (start: number): number => Math.round((performance.now() - start) * 10) / 10;

export const failedReport = (failure: PeerFailure, latencyMs: number): SourceReport => ({
  status: failedStatus(failure),
  count: 0,
  latency_ms: latencyMs,
  code: failure.code,
  ...(failure.peerCode === null ? {} : { peer_code: failure.peerCode }),
  message: failure.message,
});

export const noticesOf = (
  failed: readonly { readonly name: SourceName; readonly failure: PeerFailure }[],
): readonly Notice[] =>
  failed.map(({ name, failure }) => ({ source: name, code: failure.code, message: failure.message }));
