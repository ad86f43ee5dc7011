import { createServer, type Server } from 'node:http';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import type { Log } from '../../../domain/ports/basics.ts';
import type { TcpListener } from '../../config/config.ts';
import type { FrontMaterial, NodeHandler } from './front.ts';
import { createFront, onUnreadable } from './front.ts';
import { DEFAULT_LIMITS, serverOptions, type HttpLimits } from './http-limits.ts';
import { listenSocket, listenTcp } from './listen.ts';
import { answerClientError } from './raw-answers.ts';
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

/** Adds `clientAddress` (routes/enrollment/client-address.ts) to what an app knows of its environment. */
export const withClientAddress =
  (handler: NodeHandler): NodeHandler =>
  (request, env) => {
    const { incoming, outgoing } = env as HttpBindings;
    return handler(request, {
      incoming,
      outgoing,
      get clientAddress() {
        return incoming.socket.remoteAddress;
      },
    });
  };

const plainServer = (handler: NodeHandler, limits: HttpLimits): Server => {
  const listener = getRequestListener(handler, { errorHandler: onUnreadable });
  const server = createServer(
    serverOptions(limits),
    (incoming, outgoing) => void listener(incoming, outgoing),
  );
  server.maxConnections = limits.maxConnections;
  server.on('clientError', answerClientError);
  return server;
};

/** The public API over plain HTTP. */
export const listenPublic = async (handler: NodeHandler, { host, port }: TcpListener): Promise<Listening> => {
  const server = plainServer(handler, DEFAULT_LIMITS);
  const { stop } = makeStoppable(server);
  return { port: await listenTcp(server, host, port, 'listen.public'), stop };
};

/** For a front in the same machine that ends TLS and passes the certificate on (RFC 9440). */
export const listenBehindFront = async (handler: NodeHandler, path: string): Promise<Listening> => {
  const server = plainServer(handler, DEFAULT_LIMITS);
  const { stop } = makeStoppable(server);
  await listenSocket(server, path);
  return { port: null, stop };
};

export interface FrontListening extends Listening {
  readonly replace: (material: FrontMaterial) => void;
}

/** The gateway's own TLS front. */
export const listenFront = async (
  handlers: { readonly federation: NodeHandler; readonly enrollment: NodeHandler },
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
