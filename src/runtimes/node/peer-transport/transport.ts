import type { Socket } from 'node:net';
import { createSecureContext, TLSSocket, type SecureContext } from 'node:tls';
import {
  Agent,
  buildConnector,
  fetch as undiciFetch,
  type Dispatcher,
  type RequestInit as UndiciInit,
} from 'undici';
import { MosaicError } from '../../../../domain/errors.ts';
import type { PeerClient, PeerCredentials, PeerTransport } from '../../../app/deps.ts';
import { CLIENT_TLS, connectBounded } from '../front/handshake-bound.ts';
import { isBrokenConnection, transportError } from './transport-errors.ts';
import {
  createAddressGuard,
  hostOf,
  type AddressGuard,
  type Reach,
  type Resolve,
} from './transport-guard.ts';
import { pinnedRoot } from './transport-pin.ts';

export interface NodeTransportOptions {
  /** Lets peers be at private and loopback addresses (ABUSE 63). */
  readonly allowPrivateAddresses: boolean;
  /** Lets an enrollment be redeemed over plain HTTP on loopback. */
  readonly allowLoopbackHttp: boolean;
  /** Longest wait for a connection, for headers, and between two parts of a body. */
  readonly timeoutMs: number;
  /** The operating system's resolver when absent. */
  readonly resolve?: Resolve;
}

export interface NodeTransport extends PeerTransport {
  /** Lets go of every connection, for shutdown. */
  close(): Promise<void>;
}

/** Below the 15 s after which common fronts drop an idle connection. */
const KEEP_ALIVE_MS = 10_000;
const KEEP_ALIVE_MAX_MS = 14_000;
/** Whatever a caller is ready to read, nothing longer leaves the socket. */
const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;
const MAX_CONNECTIONS = 32;
/** Answers with a status below 200 before the one that counts. They have no body, so that no other bound sees them. */
const MAX_INTERIM = 8;

const withFewInterim: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) => {
  const start = handler.onResponseStart?.bind(handler);
  let interim = 0;
  const onResponseStart: typeof start = (controller, status, headers, text) => {
    if (status < 200) interim += 1;
    if (interim <= MAX_INTERIM) start?.(controller, status, headers, text);
    else
      controller.abort(new MosaicError('peer_protocol', { detail: 'The peer sent too many 1xx answers.' }));
  };
  return dispatch(options, Object.assign(handler, { onResponseStart }));
};

interface ClientParts {
  readonly guard: AddressGuard;
  readonly timeoutMs: number;
  /** null: plain HTTP. */
  readonly tls: { readonly ca: string; readonly cert?: string; readonly key?: string } | null;
  readonly onClose: (client: PeerClient) => void;
}

/** OpenSSL keeps the key, and nobody here does: no text of it is left in the heap (ABUSE 48). */
const secureContextOf = (tls: NonNullable<ClientParts['tls']>): SecureContext => {
  try {
    return createSecureContext({ ...tls, ...CLIENT_TLS });
  } catch (cause) {
    throw new MosaicError('peer_unreachable', {
      detail: 'The certificate and key of this peer do not belong together, or are not readable.',
      cause,
    });
  }
};

/** undici's, over connections whose handshakes are bounded. */
const createConnector = (
  guard: AddressGuard,
  timeoutMs: number,
  secureContext: SecureContext | null,
): buildConnector.connector => {
  const connect = buildConnector({
    allowH2: false,
    lookup: guard.lookup,
    timeout: timeoutMs,
    // A resumed session would not look at the server's certificate again.
    maxCachedSessions: 0,
    ...(secureContext === null ? {} : { secureContext, rejectUnauthorized: true }),
  });
  if (secureContext === null) return connect;
  return (options, callback) => {
    const { hostname, port } = options;
    const { stream, secured } = connectBounded({
      host: hostname,
      port: Number(port === '' ? 443 : port),
      lookup: guard.lookup,
    });
    // Its type says `Socket`; `node:tls` takes any stream.
    connect({ ...options, httpSocket: stream as unknown as Socket }, (error, socket) => {
      if (socket instanceof TLSSocket) secured(socket);
      if (error === null) callback(null, socket);
      else callback(error, null);
    });
  };
};

const createClient = ({ guard, timeoutMs, tls, onClose }: ClientParts): PeerClient => {
  const secureContext = tls === null ? null : secureContextOf(tls);
  const agentFor = (isKeptAlive: boolean): Dispatcher =>
    new Agent({
      allowH2: false,
      connect: createConnector(guard, timeoutMs, secureContext),
      connections: MAX_CONNECTIONS,
      pipelining: isKeptAlive ? 1 : 0,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MAX_MS,
      maxResponseSize: MAX_RESPONSE_BYTES,
    }).compose(withFewInterim);
  const kept = agentFor(true);
  const alone = agentFor(false);
  const protocol = tls === null ? 'http:' : 'https:';
  const pinned = tls !== null && tls.cert === undefined;

  const send = async (url: URL, init: RequestInit, dispatcher: Dispatcher): Promise<Response> => {
    const options = { ...init, dispatcher, redirect: 'manual' } as UndiciInit;
    // undici's classes are the web's, by another name than the ones of this TypeScript library.
    return (await undiciFetch(url, options)) as unknown as Response;
  };

  const client: PeerClient = {
    fetch: async (text, init = {}) => {
      const url = guard.checkUrl(text);
      if (url.protocol !== protocol)
        throw new MosaicError('address_refused', { detail: `Only ${protocol} is called.` });
      // An idle connection may be closed by the server in the moment it is used again (a reload). What must not be sent
      // twice gets a connection of its own, and what may, one the second time: the other idle ones are as old.
      if ((init.method ?? 'GET') === 'GET') {
        try {
          return await send(url, init, kept);
        } catch (error) {
          init.signal?.throwIfAborted();
          if (!isBrokenConnection(error)) throw transportError(error, pinned);
        }
      }
      return send(url, init, alone).catch((error: unknown) => {
        init.signal?.throwIfAborted();
        throw transportError(error, pinned);
      });
    },
    close: async () => {
      onClose(client);
      await Promise.all([kept.close(), alone.close()]);
    },
  };
  return client;
};

/**
 * Node keeps the addresses of the first 250 calls of a process for `performance.getEntries()`, for ever. A search has its
 * words there, which must not stay in memory (FAULTS F-71).
 */
const keepNoAddresses = (): void => {
  performance.setResourceTimingBufferSize(0);
  performance.clearResourceTimings();
};

/**
 * How this runtime reaches other gateways: undici with its own `fetch` (Node's global one belongs to another
 * version), two agents per client, TLS validated by OpenSSL, every address checked before it is connected.
 */
export const createNodeTransport = (options: NodeTransportOptions): NodeTransport => {
  keepNoAddresses();
  const guardFor = (reach: Reach): AddressGuard => createAddressGuard(reach, options.resolve);
  const guard = guardFor(options.allowPrivateAddresses ? 'private-too' : 'public');
  const loopback = guardFor('loopback-only');
  const clients = new Set<PeerClient>();

  const open = (over: AddressGuard, tls: ClientParts['tls']): PeerClient => {
    const client = createClient({
      guard: over,
      timeoutMs: options.timeoutMs,
      tls,
      onClose: (closed) => clients.delete(closed),
    });
    clients.add(client);
    return client;
  };

  return {
    connect: ({ caPem, certPem, keyPem }: PeerCredentials) =>
      open(guard, { ca: caPem, cert: certPem, key: keyPem }),

    anonymous: (caPem) => {
      if (caPem !== null) return open(guard, { ca: caPem });
      if (options.allowLoopbackHttp) return open(loopback, null);
      throw new MosaicError('address_refused', { detail: 'Plain HTTP is not enabled on this gateway.' });
    },

    pinnedRoot: (url, fingerprint, timeoutMs) => pinnedRoot(guard, url, fingerprint, timeoutMs),

    assertAddressAllowed: async (text) => {
      const isPlain = options.allowLoopbackHttp && text.startsWith('http:');
      const over = isPlain ? loopback : guard;
      await over.addresses(hostOf(over.checkUrl(text)));
    },

    close: async () => {
      await Promise.all([...clients].map((client) => client.close()));
    },
  };
};
