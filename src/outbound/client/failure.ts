import { ERROR_CATALOGUE, MosaicError, type ErrorCode } from '../../../domain/errors.ts';

/** What went wrong with a peer, in this gateway's own words. */
export type PeerFailureCode = Extract<
  ErrorCode,
  | 'peer_unreachable'
  | 'peer_timeout'
  | 'peer_circuit_open'
  | 'peer_refused'
  | 'peer_protocol'
  | 'address_refused'
  | 'ca_pin_mismatch'
  // A fault of our own: nothing is said of the peer.
  | 'unavailable'
>;

/**
 * A call that did not give what was asked for. Only `peer_refused` carries a decision of the peer: it needs an
 * HTTP answer over the verified connection with a code of our catalogue. A broken connection, a timeout or a
 * proxy's page never becomes one (ABUSE 56).
 */
export interface PeerFailure {
  readonly code: PeerFailureCode;
  /** The peer's own code, when it sent one this gateway knows. */
  readonly peerCode: ErrorCode | null;
  /** Public: built here, never a text the peer sent. */
  readonly message: string;
  /** Public: what to do, where more is known than the catalogue says of the code. */
  readonly remedy: string | null;
  /** A finer name than the code, for the peer's row; null when there is none. */
  readonly reason: string | null;
  readonly retryAfterSeconds: number | null;
  /** The answer was larger than accepted; fewer rows may fit. */
  readonly tooLarge: boolean;
  /** What the peer signed about a revocation, not verified yet. */
  readonly statement: string | null;
  /** The peer is known, or was just proven, to have revoked us for good. */
  readonly revoked: boolean;
  /** Internal, for the log. */
  readonly cause: unknown;
}

interface FailureParts {
  readonly peerCode?: ErrorCode;
  readonly message?: string;
  readonly remedy?: string | undefined;
  readonly reason?: string | undefined;
  readonly retryAfterSeconds?: number | null;
  readonly tooLarge?: boolean;
  readonly statement?: string | null;
  readonly revoked?: boolean;
  readonly cause?: unknown;
}

export const peerFailure = (code: PeerFailureCode, parts: FailureParts = {}): PeerFailure => ({
  code,
  peerCode: parts.peerCode ?? null,
  message: parts.message ?? ERROR_CATALOGUE[code].title,
  remedy: parts.remedy ?? null,
  reason: parts.reason ?? null,
  retryAfterSeconds: parts.retryAfterSeconds ?? null,
  tooLarge: parts.tooLarge ?? false,
  statement: parts.statement ?? null,
  revoked: parts.revoked ?? false,
  cause: parts.cause,
});

/** How a source that failed is shown: `denied` when the peer decided so, `unreachable` for everything else. */
export const failedStatus = (failure: PeerFailure): 'denied' | 'unreachable' =>
  failure.code === 'peer_refused' ? 'denied' : 'unreachable';

/** What happened and, where it is known, what to do: for answers that have one text for both. */
export const failureText = ({ message, remedy }: PeerFailure): string =>
  remedy === null ? message : `${message} ${remedy}`;

/** The exception for a request that had nobody else to ask. */
export const failureToError = (source: string, failure: PeerFailure): MosaicError =>
  new MosaicError(failure.code, {
    detail: `${source}: ${failure.message}`,
    ...(failure.remedy === null ? {} : { remedy: failure.remedy }),
    ...(failure.reason === null ? {} : { reason: failure.reason }),
    ...(failure.retryAfterSeconds === null ? {} : { retryAfterSeconds: failure.retryAfterSeconds }),
    cause: failure.cause,
  });
