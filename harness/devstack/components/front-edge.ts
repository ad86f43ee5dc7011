import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import type { Authority } from '../../../ca/authority.ts';
import type { Clock } from '../../../domain/ports/basics.ts';
import { makeKeyMaker } from '../../../ca/x509/request.ts';
import { keepFrontFiles, type FrontFilesKeeper } from '../../../src/runtimes/node/front/front-files.ts';
import type { NodeHandler } from '../../../src/runtimes/node/front/front.ts';
import {
  createAuthority,
  issueClient,
  silent,
  type ClientCertificate,
} from '../../../src/runtimes/node/front/front.testkit.ts';
import {
  listenBehindFront,
  listenPublicSocket,
  type Listening,
} from '../../../src/runtimes/node/http/listeners.ts';
import { serverNames } from '../../../src/runtimes/node/front/server-certificate.ts';
import { ensureInstalled } from './installed.ts';
import { startNginx, type NginxFront } from './nginx.ts';
import { stop } from './process.ts';
import { freePort } from './sockets.ts';

/** A request as it came out of the front. */
export interface Passed {
  readonly app: 'public' | 'federation';
  readonly replica: number;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface FrontEdge {
  readonly ca: Authority;
  readonly root: string;
  readonly keeper: FrontFilesKeeper;
  readonly front: NginxFront;
  readonly passed: readonly Passed[];
  client(): Promise<ClientCertificate>;
  /** Stops one replica's listeners, as when its process has ended. */
  stopReplica(replica: number): Promise<void>;
  log(name: 'access' | 'refused' | 'error'): Buffer;
  close(): Promise<void>;
}

interface EdgeOptions extends Pick<NginxFront, 'isHttp2' | 'limits' | 'proxies' | 'peerNetworks'> {
  readonly replicas?: number;
  /** The authority's clock, to have certificates that are out of time by everybody else's. */
  readonly authorityClock?: Clock;
  /** What a gateway does for a request beside answering it. */
  readonly work?: (path: string) => Promise<void> | void;
}

/** The real nginx, as operators get it, before the gateway's real listeners; only the apps behind them are stood in for. */
export const openFrontEdge = async (options: EdgeOptions = {}): Promise<FrontEdge> => {
  ensureInstalled();
  const { replicas = 1, work, authorityClock, ...chosen } = options;
  const folder = mkdtempSync(path.join(tmpdir(), 'mosaic-edge-'));
  // nginx's workers run as another user.
  chmodSync(folder, 0o711);
  const ca = await createAuthority(authorityClock);
  const passed: Passed[] = [];
  const handler =
    (app: Passed['app'], replica: number): NodeHandler =>
    async (request) => {
      const url = new URL(request.url);
      const body = await request.text();
      const headers = Object.fromEntries(request.headers);
      passed.push({
        app,
        replica,
        method: request.method,
        path: `${url.pathname}${url.search}`,
        headers,
        body,
      });
      await work?.(url.pathname);
      return Response.json({ app, replica });
    };
  const sockets = (app: string): readonly string[] =>
    Array.from({ length: replicas }, (_, index) => path.join(folder, `${app}-${index}.sock`));
  const front: NginxFront = {
    ...chosen,
    folder: path.join(folder, 'nginx'),
    publicPort: await freePort(),
    federationPort: await freePort(),
    materialFolder: path.join(folder, 'material'),
    publicSockets: sockets('public'),
    federationSockets: sockets('federation'),
  };
  const listening: Listening[][] = [];
  for (let replica = 0; replica < replicas; replica += 1) {
    const own = [front.publicSockets[replica] ?? '', front.federationSockets[replica] ?? ''] as const;
    listening.push([
      await listenPublicSocket(handler('public', replica), own[0], silent),
      await listenBehindFront(handler('federation', replica), own[1], silent),
    ]);
    for (const socket of own) chmodSync(socket, 0o666);
  }
  const keeper = await keepFrontFiles({
    ca,
    keyMaker: makeKeyMaker(),
    clock: { now: () => new Date() },
    log: silent,
    names: serverNames(['localhost', '127.0.0.1']),
    pollMs: 3_600_000,
    front: { directory: front.materialFolder, nginx: null, refusedLog: null, requiresProof: true },
  });
  const nginx = await startNginx(front);
  const stopReplica = async (replica: number): Promise<void> => {
    await Promise.all((listening[replica] ?? []).map((one) => one.stop(0)));
  };
  return {
    ca,
    root: await ca.rootPem(),
    keeper,
    front,
    passed,
    client: () => issueClient(ca),
    stopReplica,
    log: (name) => readFileSync(path.join(front.folder, 'log', `${name}.log`)),
    close: async () => {
      keeper.stop();
      await stop(nginx);
      await Promise.all(listening.keys().map(stopReplica));
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

type Client = Partial<Pick<ClientCertificate, 'cert' | 'key'>>;

/** Bytes over TLS, as they are, and all that comes back until the other side ends or `isDone` says so. */
export const sendRaw = (
  { front, root }: Pick<FrontEdge, 'front' | 'root'>,
  app: Passed['app'],
  bytes: string | Buffer,
  client: Client = {},
): Promise<string> =>
  new Promise((resolve, reject) => {
    const port = app === 'public' ? front.publicPort : front.federationPort;
    const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca: root, ...client });
    const chunks: Buffer[] = [];
    const end = (): void => {
      socket.destroy();
      resolve(Buffer.concat(chunks).toString('latin1'));
    };
    socket.setTimeout(15_000, end);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.once('end', end).once('close', end);
    socket.on('error', (error: Error) => (chunks.length > 0 ? end() : reject(error)));
    socket.once('secureConnect', () => socket.write(bytes));
  });

/** Status of an answer in bytes; 0 when there is none. */
export const statusOf = (answer: string): number => Number(/^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1] ?? 0);

/** The problem document of an answer in bytes. */
export const problemOf = (answer: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(answer.slice(answer.indexOf('\r\n\r\n') + 4), 'latin1').toString('utf8')) as Record<
    string,
    unknown
  >;
