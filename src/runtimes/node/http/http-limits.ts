import type { ServerOptions } from 'node:http';

/**
 * What a client may cost before it has said anything worth an answer (ABUSE 60, 61). Times in milliseconds.
 * docs/reference/configuration.md has the defaults in a table, which a test compares.
 */
export interface HttpLimits {
  readonly headersTimeoutMs: number;
  /** From the first byte of a request to the last one of its body. */
  readonly requestTimeoutMs: number;
  /** How long an idle connection is kept for the next request; longer than clients keep theirs. */
  readonly keepAliveTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
  readonly maxHeaderBytes: number;
  readonly maxConnections: number;
  /** Of them on a TLS front: connections whose client has shown no accepted certificate. The oldest gives way. */
  readonly maxStrangers: number;
  /** Of those, of one address (IPv6: its /64). */
  readonly maxPerAddress: number;
  /** Connections of one accepted client certificate. */
  readonly maxPerCertificate: number;
  /** Milliseconds of the loop in a second that the handshakes of one address (IPv6: its /64) may take; what is beyond waits. */
  readonly handshakeMsPerAddress: number;
  /** The same of all addresses together from which no peer has lately come, and again of all the others. */
  readonly handshakeMsTogether: number;
  /** So many milliseconds of each at once, after a time of rest. */
  readonly handshakeBurstMs: number;
  /** After so many requests a client of a TLS front connects anew. */
  readonly maxRequestsPerConnection: number;
}

export const DEFAULT_LIMITS: HttpLimits = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000,
  handshakeTimeoutMs: 10_000,
  maxHeaderBytes: 16 * 1024,
  maxConnections: 4_096,
  maxStrangers: 2_048,
  maxPerAddress: 1_024,
  maxPerCertificate: 1_024,
  handshakeMsPerAddress: 25,
  handshakeMsTogether: 100,
  handshakeBurstMs: 100,
  maxRequestsPerConnection: 1_000,
};

/**
 * On a Unix socket there is one client, nginx, which bounds its own clients (src/cli/render/nginx/nginx-limits.ts). A connection
 * that was refused here would be a 503 for somebody who is within those bounds.
 */
export const FRONT_SOCKET_LIMITS: HttpLimits = { ...DEFAULT_LIMITS, maxConnections: 65_536 };

/**
 * Connections that the kernel keeps until the process takes them, one a turn of its loop. The kernel takes no more than
 * `net.core.somaxconn`, which is 4,096 since Linux 5.4.
 */
export const LISTEN_BACKLOG = 4_096;

export const serverOptions = (limits: HttpLimits): ServerOptions => ({
  headersTimeout: limits.headersTimeoutMs,
  requestTimeout: limits.requestTimeoutMs,
  keepAliveTimeout: limits.keepAliveTimeoutMs,
  maxHeaderSize: limits.maxHeaderBytes,
  // Node's own answer has no body: `refusesHost` (raw-answers.ts) has one.
  requireHostHeader: false,
  connectionsCheckingInterval: Math.min(5_000, limits.headersTimeoutMs / 2),
});
