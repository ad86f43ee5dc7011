import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { CertificateAuthority } from '../../../../ca/authority.ts';
import { sha256Hex } from '../../../../ca/x509/bytes.ts';
import { pemToDer } from '../../../../ca/x509/pem.ts';
import { makeKeyMaker } from '../../../../ca/x509/request.ts';
import { listenTcp } from '../http/listen.ts';
import { issueServerCertificate, serverNames } from '../front/server-certificate.ts';

/** A server that only shows what reached it. */
export interface Watched {
  readonly port: number;
  readonly url: string;
  /** TCP connections, finished TLS handshakes, HTTP requests, and octets of plain text received. */
  readonly seen: { connections: number; handshakes: number; requests: number; octets: number };
  close(): Promise<void>;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const watch = async (server: Server, seen: Watched['seen']): Promise<Watched> => {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    seen.connections += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  const port = await listenTcp(server, '127.0.0.1', 0, 'test');
  return {
    port,
    url: `https://127.0.0.1:${port}`,
    seen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
};

const nothing = (): Watched['seen'] => ({ connections: 0, handshakes: 0, requests: 0, octets: 0 });

/** Accepts connections and does what it is told with them. */
export const tcpServer = (onConnection: (socket: Socket) => void): Promise<Watched> =>
  watch(createTcpServer(onConnection), nothing());

/** HTTPS on loopback with a certificate of `ca` for `hosts`. */
export const httpsServer = async (
  ca: CertificateAuthority,
  handler: Handler,
  options: ServerOptions & { readonly hosts?: readonly string[] } = {},
): Promise<Watched> => {
  const { hosts = ['127.0.0.1', 'peer.example'], ...over } = options;
  const clock = { now: () => new Date() };
  const { chain, key } = await issueServerCertificate(
    { ca, keyMaker: makeKeyMaker(), clock },
    serverNames(hosts),
  );
  const seen = nothing();
  const server = createHttpsServer({ cert: chain, key, ...over }, (request, response) => {
    seen.requests += 1;
    handler(request, response);
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    seen.handshakes += 1;
    socket.on('data', (chunk: Uint8Array) => (seen.octets += chunk.length));
    socket.on('error', () => undefined);
  });
  server.on('tlsClientError', () => undefined);
  return watch(server, seen);
};

/** The pin of an authority, as it stands in an enrollment URL. */
export const pinOf = async (ca: CertificateAuthority): Promise<string> => {
  const der = pemToDer(await ca.rootPem(), 'CERTIFICATE');
  if (!der.ok) throw new Error(der.error);
  return sha256Hex(der.value);
};
