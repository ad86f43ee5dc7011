import type { ServerOptions } from 'node:http';

/** What a client may cost before it has said anything worth an answer (ABUSE 60, 61). Times in milliseconds. */
export interface HttpLimits {
  readonly headersTimeoutMs: number;
  /** From the first byte of a request to the last one of its body. */
  readonly requestTimeoutMs: number;
  /** How long an idle connection is kept for the next request; longer than clients keep theirs. */
  readonly keepAliveTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
  readonly maxHeaderBytes: number;
  readonly maxConnections: number;
}

export const DEFAULT_LIMITS: HttpLimits = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000,
  handshakeTimeoutMs: 10_000,
  maxHeaderBytes: 16 * 1024,
  maxConnections: 2_000,
};

export const serverOptions = (limits: HttpLimits): ServerOptions => ({
  headersTimeout: limits.headersTimeoutMs,
  requestTimeout: limits.requestTimeoutMs,
  keepAliveTimeout: limits.keepAliveTimeoutMs,
  maxHeaderSize: limits.maxHeaderBytes,
  connectionsCheckingInterval: Math.min(5_000, limits.headersTimeoutMs / 2),
});
