import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest, type RequestOptions as HttpsOptions } from 'node:https';
import { X509Certificate } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Json } from '../../../src/config/document.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { startGateway, type RunningGateway } from '../../../src/runtimes/node/boot/start.ts';
import type { Log } from '../../../domain/ports/basics.ts';
import { createForge } from './forge.ts';
import type { ClientCertificate, GatewayUnderTest } from './under-test.ts';

const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

const bodyless = new Set([204, 304]);

const toResponse = async (incoming: IncomingMessage): Promise<Response> => {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const headers = new Headers();
  for (let at = 0; at < incoming.rawHeaders.length; at += 2) {
    headers.append(incoming.rawHeaders[at] ?? '', incoming.rawHeaders[at + 1] ?? '');
  }
  const status = incoming.statusCode ?? 0;
  return new Response(bodyless.has(status) ? null : Buffer.concat(chunks), { status, headers });
};

type Send = typeof httpRequest;

/** One request on a connection of its own, by Node's client: none of the gateway's code. */
export const send = (
  over: Send,
  path: string,
  init: RequestInit,
  options: RequestOptions,
): Promise<Response> =>
  new Promise((resolve, reject) => {
    const headers = Object.assign(Object.fromEntries(new Headers(init.headers)), options.headers);
    const outgoing = over(
      { ...options, agent: false, path, method: init.method ?? 'GET', headers },
      (incoming) => {
        toResponse(incoming).then(resolve, reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(typeof init.body === 'string' ? init.body : undefined);
  });

/** RFC 9440, as a front writes it. */
export const clientCertHeader = ({ certificate }: ClientCertificate): string =>
  `:${new X509Certificate(certificate).raw.toString('base64')}:`;

/** Through a front on the same machine: plain HTTP over the Unix socket, with the header it would set. */
export const behindFront =
  (socketPath: string, proof: string | null = null): GatewayUnderTest['federationFetch'] =>
  (client, path, init = {}) =>
    send(httpRequest, path, init, {
      socketPath,
      headers: {
        host: 'federation.test',
        ...(client === null ? {} : { 'client-cert': clientCertHeader(client) }),
        ...(proof === null ? {} : { 'mosaic-front-proof': proof }),
      },
    });

const overTls =
  (url: string, root: string): GatewayUnderTest['federationFetch'] =>
  (client, path, init = {}) => {
    const { hostname, port } = new URL(url);
    const identity = client === null ? {} : { cert: client.certificate, key: client.key };
    const options: HttpsOptions = { host: hostname, port, ca: root, ...identity };
    return send(httpsRequest, path, init, options);
  };

type Mode = 'tls' | 'behind a front';

interface Place {
  readonly folder: string;
  readonly socket: string;
}

const newPlace = (): Place => {
  const folder = mkdtempSync(join(tmpdir(), 'mosaic-conformance-'));
  return { folder, socket: join(folder, 'federation.sock') };
};

/** Starts one in this process, on free ports. */
const startIn = async (
  place: Place,
  mode: Mode,
  fields: Json,
): Promise<GatewayUnderTest & { readonly gateway: RunningGateway }> => {
  const { config } = loadConfig({
    file: {
      version: 2,
      data_dir: join(place.folder, 'data'),
      gateway: { name: 'work' },
      listen: { public: { port: 0 }, federation: mode === 'tls' ? { port: 0 } : { socket: place.socket } },
      federation: {
        default_rate_limit_per_minute: 100_000,
        ...(mode === 'tls' ? {} : { url: 'https://federation.test' }),
      },
      ...fields,
    },
  });
  const gateway = await startGateway(config, { log: silent });
  const { storage, sealer, ca } = gateway.deps;
  const { hostname, port } = new URL(gateway.publicUrl);
  const publicFetch: GatewayUnderTest['publicFetch'] = (path, init = {}) =>
    send(httpRequest, path, init, { host: hostname, port });
  const overFront = overTls(gateway.federationUrl, await ca.rootPem());
  const isTls = mode === 'tls';
  return {
    gateway,
    publicFetch,
    federationFetch: isTls ? overFront : behindFront(place.socket),
    enrollmentFetch: isTls ? (path, init) => overFront(null, path, init) : publicFetch,
    forge: createForge(storage.stores.secrets, sealer),
    setupToken: gateway.setupToken,
    whenRevoked: isTls
      ? [{ status: 401, code: 'certificate_untrusted' }]
      : [{ status: 403, code: 'grant_revoked' }],
    stop: async () => {
      await gateway.stop();
      rmSync(place.folder, { recursive: true, force: true });
    },
  };
};

/** A gateway of tier local, in a folder of its own. @param fields of its configuration, in place of the usual ones */
export const openNodeGateway = (mode: Mode, fields: Json = {}): ReturnType<typeof startIn> =>
  startIn(newPlace(), mode, fields);
