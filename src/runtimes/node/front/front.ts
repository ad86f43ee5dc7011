import { constants } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import type { SecureContextOptions, TLSSocket } from 'node:tls';
import { getRequestListener } from '@hono/node-server';
import { MosaicError } from '../../../../domain/errors.ts';
import type { Log } from '../../../../domain/ports/basics.ts';
import { createConnectionBounds } from './connection-bounds.ts';
import { createHandshakeBudget } from './handshake-budget.ts';
import { acceptBounded, acceptedBounded, isTooMuch } from './handshake-bound.ts';
import { DEFAULT_LIMITS, serverOptions, type HttpLimits } from '../http/http-limits.ts';
import { createRawAnswers } from '../http/raw-answers.ts';
import type { Refusal } from './refusals.ts';
import { makeReadable } from '../http/request-target.ts';
import { makeStoppable, type Stoppable } from '../http/stopping.ts';
import { createTurns, type Turns } from '../http/turns.ts';
import { rememberTlsPeer, tlsPeerOf } from './tls-peers.ts';

export type NodeHandler = (request: Request, env: object) => Response | Promise<Response>;

/** PEM. `crl` must be current: an expired one refuses everyone. */
export interface FrontMaterial {
  /** Leaf first, then its chain up to and with the root, so that a client can pin the root. */
  readonly certificate: string;
  readonly key: string;
  readonly root: string;
  readonly crl: string;
}

export interface FrontOptions {
  /** Sees only requests over a connection whose client certificate OpenSSL accepted. */
  readonly federation: NodeHandler;
  /** Sees only requests without any client certificate, below /enrollment/ and /pki/. */
  readonly enrollment: NodeHandler;
  /** Told of each request that was refused here, which no app sees: for the audit. */
  readonly refused?: (refusal: Omit<Refusal, 'at' | 'latencyMs'>) => void;
  readonly material: FrontMaterial;
  readonly log: Log;
  readonly limits?: Partial<HttpLimits>;
}

export interface Front extends Stoppable {
  readonly server: Server;
  /** New handshakes use it at once; connections made before are asked to reconnect after their next answer. */
  readonly replace: (material: FrontMaterial) => void;
  readonly counters: { readonly refused: number };
}

/** What is there for those without a certificate; one of them may have had it revoked and want to know. */
const ANONYMOUS = ['/enrollment/', '/pki/'] as const;
const CRL_BLOCK = /-----BEGIN X509 CRL-----[^-]+-----END X509 CRL-----/g;

// A resumed session skips the check against the revocation list, and a renegotiation could swap the certificate.
const NO_SHORTCUTS = constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION;

const secureOptions = ({ certificate, key, root, crl }: FrontMaterial): SecureContextOptions => ({
  cert: certificate,
  key,
  ca: root,
  // Node reads one list of a text, and an authority with an intermediate has two.
  crl: crl.match(CRL_BLOCK) ?? crl,
  minVersion: 'TLSv1.2',
  honorCipherOrder: true,
  secureOptions: NO_SHORTCUTS,
});

const TOLD_EVERY_MS = 60_000;

/** Hundreds of connections at once begin a few a turn; what OpenSSL does for each comes out of its address's budget. */
const paceHandshakes = (server: Server, turns: Turns, limits: HttpLimits, log: Log): void => {
  let told = -Infinity;
  const accountFor = createHandshakeBudget(limits, (address) => {
    if (performance.now() - told < TOLD_EVERY_MS) return;
    told = performance.now();
    log.warn('TLS handshakes of an address take more than its share of time and wait', { address });
  });
  const begin = server.listeners('connection');
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) =>
    turns(socket.remoteAddress, () => {
      if (socket.destroyed) return;
      const bounded = acceptBounded(socket, accountFor(socket.remoteAddress));
      for (const listener of begin) Reflect.apply(listener, server, [bounded]);
    }),
  );
};

/**
 * The gateway's own TLS front for peers (tier `local`): OpenSSL alone verifies chains, purposes and revocation.
 * A client whose certificate it does not accept gets the reason, and no handler runs (ABUSE 1 to 3).
 */
export const createFront = (options: FrontOptions): Front => {
  const { log } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const counters = { refused: 0 };
  let generation = 0;
  const turns = createTurns();
  const generations = new WeakMap<object, number>();
  const requests = new WeakMap<object, number>();
  const raw = createRawAnswers(log, 'federation');
  const federation = getRequestListener(options.federation, { errorHandler: raw.unreadable });
  const enrollment = getRequestListener(options.enrollment, { errorHandler: raw.unreadable });

  const refuse = (
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    code: Refusal['code'],
    parts: { readonly detail?: string; readonly remedy?: string } = {},
  ): void => {
    counters.refused += 1;
    outgoing.shouldKeepAlive = false;
    const { bytes: bytesOut, traceId } = raw.refuse(incoming, outgoing, new MosaicError(code, parts));
    options.refused?.({ code, bytesOut, traceId });
  };

  const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    if (raw.refusesHost(incoming, outgoing)) return;
    const peer = tlsPeerOf(incoming.socket);
    const asked = (requests.get(incoming.socket) ?? 0) + 1;
    requests.set(incoming.socket, asked);
    // Not Node's `maxRequestsPerSocket`, which goes on answering 503 on a connection that it never closes.
    const isLast = asked >= limits.maxRequestsPerConnection;
    if (isLast || generations.get(incoming.socket) !== generation) outgoing.shouldKeepAlive = false;
    if (peer?.kind === 'trusted') {
      makeReadable(incoming);
      turns(peer.presented.key, () => void federation(incoming, outgoing));
    } else if (peer?.kind === 'untrusted') refuse(incoming, outgoing, 'certificate_untrusted', peer.refusal);
    else if (peer?.kind === 'anonymous' && ANONYMOUS.some((path) => incoming.url?.startsWith(path) === true))
      turns(incoming.socket.remoteAddress, () => void enrollment(incoming, outgoing));
    else refuse(incoming, outgoing, 'certificate_required');
  };

  const server = createServer(
    {
      ...serverOptions(limits),
      ...secureOptions(options.material),
      requestCert: true,
      // Not `true`: that only closes, and the client would never learn why.
      rejectUnauthorized: false,
      handshakeTimeout: limits.handshakeTimeoutMs,
      ALPNProtocols: ['http/1.1'],
    },
    onRequest,
  );
  server.maxConnections = limits.maxConnections;
  paceHandshakes(server, turns, limits, log);
  raw.answerOddRequests(server);
  const bounds = createConnectionBounds(limits);
  server.on('connection', bounds.opened);
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    const account = acceptedBounded(socket);
    rememberTlsPeer(socket);
    const peer = tlsPeerOf(socket);
    if (peer?.kind === 'trusted')
      if (bounds.proven(socket, peer.presented.key)) account.proven();
      else socket.destroy();
    generations.set(socket, generation);
  });
  server.on('clientError', (error, socket) => {
    // A failed or late handshake arrives here too; nobody could read an answer, and waiting for one would leak.
    if (tlsPeerOf(socket) !== undefined) raw.clientError(error, socket);
    else socket.destroy();
  });
  server.on('tlsClientError', (error) => {
    log.debug('TLS handshake failed', { reason: error.message });
    if (!isTooMuch(error)) return;
    counters.refused += 1;
    options.refused?.({ code: 'certificate_untrusted', bytesOut: 0, traceId: null });
  });

  return {
    ...makeStoppable(server),
    server,
    counters,
    replace: (material) => {
      server.setSecureContext(secureOptions(material));
      generation += 1;
    },
  };
};
