import { createServer, type IncomingMessage, type Server } from 'node:http';
import { isIP } from 'node:net';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import type { Log } from '../../../../domain/ports/basics.ts';
import { FRONT_PROOF_HEADER } from '../../../../routes/inbound/front-proof.ts';
import type { TcpListener } from '../../../config/config.ts';
import { createAddressBounds } from '../front/address-bounds.ts';
import type { FrontMaterial, FrontOptions, NodeHandler } from '../front/front.ts';
import { createFront } from '../front/front.ts';
import { DEFAULT_LIMITS, FRONT_SOCKET_LIMITS, serverOptions, type HttpLimits } from './http-limits.ts';
import { listenSocket, listenTcp } from './listen.ts';
import { createRawAnswers } from './raw-answers.ts';
import { makeReadable } from './request-target.ts';
import { whenSent } from './sending.ts';
import { makeStoppable } from './stopping.ts';

export interface Listening {
  /** null for a Unix socket. */
  readonly port: number | null;
  readonly stop: (graceMs: number) => Promise<void>;
}

/** A handler that listeners can have before the app exists: requests that come earlier wait for it. */
export interface DeferredHandler {
  readonly handle: NodeHandler;
  set(handler: NodeHandler): void;
}

export const deferHandler = (): DeferredHandler => {
  const { promise, resolve } = Promise.withResolvers<NodeHandler>();
  let handler: NodeHandler | null = null;
  return {
    handle: (request, env) =>
      handler === null ? promise.then((late) => late(request, env)) : handler(request, env),
    set: (ready) => {
      handler = ready;
      resolve(ready);
    },
  };
};

type Incoming = HttpBindings['incoming'];

const withAddress =
  (addressOf: (incoming: Incoming) => string | undefined) =>
  (handler: NodeHandler): NodeHandler =>
  (request, env) => {
    const { incoming, outgoing } = env as HttpBindings;
    return handler(request, {
      incoming,
      outgoing,
      get clientAddress() {
        return addressOf(incoming);
      },
      whenSent: (done: () => void) => whenSent(outgoing, done),
    });
  };

/** Adds what tells when an answer has left (routes/middleware/work.ts), for an app that needs no address. */
export const withSending =
  (handler: NodeHandler): NodeHandler =>
  (request, env) => {
    const { incoming, outgoing } = env as HttpBindings;
    return handler(request, { incoming, outgoing, whenSent: (done: () => void) => whenSent(outgoing, done) });
  };

/** The address that the nearest front wrote: the last one, since whatever stands before it anyone may have sent. */
const forwardedAddress = ({ headers }: Incoming): string | undefined => {
  const value = headers['x-forwarded-for'];
  const last = (Array.isArray(value) ? value.at(-1) : value)?.split(',').at(-1)?.trim();
  return last !== undefined && isIP(last) !== 0 ? last : undefined;
};

/** Adds `clientAddress` and `whenSent` (routes/http/client-address.ts) to what an app knows of its environment. */
export const withClientAddress = withAddress(({ socket }) => socket.remoteAddress);

/** The same on a Unix socket: the front says for whom, and proves that it is the front. Nobody else's word counts. */
export const withForwardedAddress = (isProven: (proof: string) => boolean) =>
  withAddress((incoming) => {
    const proof = incoming.headers[FRONT_PROOF_HEADER];
    return isProven(typeof proof === 'string' ? proof : '') ? forwardedAddress(incoming) : undefined;
  });

interface PlainServer {
  readonly log: Log;
  /** What the listener is for, in the log. */
  readonly surface: string;
  readonly limits: HttpLimits;
  readonly prepare?: ((incoming: IncomingMessage) => void) | undefined;
}

const plainServer = (handler: NodeHandler, { log, surface, limits, prepare }: PlainServer): Server => {
  const raw = createRawAnswers(log, surface);
  const listener = getRequestListener(handler, { errorHandler: raw.unreadable });
  const server = createServer(serverOptions(limits), (incoming, outgoing) => {
    if (raw.refusesHost(incoming, outgoing)) return;
    prepare?.(incoming);
    void listener(incoming, outgoing);
  });
  server.maxConnections = limits.maxConnections;
  server.on('clientError', raw.clientError);
  raw.answerOddRequests(server);
  return server;
};

/** So many times what the bounds leave may be open for a moment: what they end is not gone at once. */
const ENDING = 2;

/** The public API over plain HTTP. */
export const listenPublic = async (
  handler: NodeHandler,
  { host, port }: TcpListener,
  log: Log,
  given: Partial<Pick<HttpLimits, 'maxConnections' | 'maxPerAddress'>> = {},
  field = 'listen.public',
): Promise<Listening> => {
  const limits = { ...DEFAULT_LIMITS, ...given };
  const server = plainServer(handler, {
    log,
    surface: 'public',
    limits: { ...limits, maxConnections: ENDING * limits.maxConnections },
  });
  server.prependListener('connection', createAddressBounds(limits));
  const { stop } = makeStoppable(server);
  return { port: await listenTcp(server, host, port, field), stop };
};

const listenPlainSocket =
  (field: string, surface: string, prepare?: (incoming: IncomingMessage) => void) =>
  async (handler: NodeHandler, path: string, log: Log): Promise<Listening> => {
    const server = plainServer(handler, { log, surface, limits: FRONT_SOCKET_LIMITS, prepare });
    const { stop } = makeStoppable(server);
    await listenSocket(server, path, field);
    return { port: null, stop };
  };

/** For a front in the same machine that ends TLS and passes the certificate on (RFC 9440). */
export const listenBehindFront = listenPlainSocket('listen.federation.socket', 'federation', makeReadable);

/** The public API behind a front. */
export const listenPublicSocket = listenPlainSocket('listen.public.socket', 'public');

export interface FrontListening extends Listening {
  readonly replace: (material: FrontMaterial) => void;
}

/** The gateway's own TLS front. */
export const listenFront = async (
  handlers: Pick<FrontOptions, 'federation' | 'enrollment' | 'refused'>,
  material: FrontMaterial,
  log: Log,
  { host, port }: TcpListener,
): Promise<FrontListening> => {
  const front = createFront({ ...handlers, material, log });
  return {
    port: await listenTcp(front.server, host, port, 'listen.federation'),
    stop: front.stop,
    replace: front.replace,
  };
};
