import { request as httpsRequest, type RequestOptions } from 'node:https';
import type { CertificateAuthority, CrlSource } from '../../../../ca/authority.ts';
import { createEmbeddedAuthority } from '../../../../ca/embedded/authority.ts';
import {
  createMemoryCaStore,
  createMemorySecrets,
  createTestSealer,
  random,
} from '../../../../ca/testing/memory.testkit.ts';
import { readCsr } from '../../../../ca/x509/csr.ts';
import { makeKeyMaker } from '../../../../ca/x509/request.ts';
import type { Clock, Log } from '../../../../domain/ports/basics.ts';
import { createFront, type Front } from './front.ts';
import { keepFrontMaterial, type FrontMaterialKeeper } from './front-material.ts';
import type { HttpLimits } from '../http/http-limits.ts';
import { listenTcp } from '../http/listen.ts';
import { serverNames } from './server-certificate.ts';
import { tlsPeerOf } from './tls-peers.ts';

export const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const clock = { now: () => new Date() };

export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
  readonly serial: string;
}

/** What a handler behind the front was told. */
export interface Handled {
  readonly app: 'federation' | 'enrollment';
  readonly path: string;
  /** Fingerprint of the certificate of the connection, never one from a header. */
  readonly fingerprint: string | null;
}

export interface FrontUnderTest {
  readonly front: Front;
  readonly port: number;
  readonly root: string;
  readonly ca: CertificateAuthority & CrlSource;
  readonly keeper: FrontMaterialKeeper;
  readonly handled: Handled[];
  /** Codes of what the front told the audit. */
  readonly refusals: string[];
  /** Their trace ids. */
  readonly refusedIds: (string | null)[];
  /** Makes a federation handler wait until it is called. */
  hold(): () => void;
  clientCertificate(lifetimeMs?: number): Promise<ClientCertificate>;
}

export const createAuthority = async (
  authorityClock: Clock = clock,
): Promise<CertificateAuthority & CrlSource> =>
  createEmbeddedAuthority({
    store: createMemoryCaStore(),
    secrets: createMemorySecrets(),
    sealer: await createTestSealer(),
    clock: authorityClock,
    random,
    crlLifetimeSeconds: 3600,
    commonName: 'front test',
  });

export const issueClient = async (
  ca: CertificateAuthority,
  lifetimeMs = 3_600_000,
  notBefore = new Date(),
): Promise<ClientCertificate> => {
  const { keyPem, csrPem } = await makeKeyMaker().keyAndCsr();
  const csr = await readCsr(csrPem);
  if (!csr.ok) throw new Error(csr.error);
  const { pem, serial } = await ca.issue({
    profile: { kind: 'peer-client', grantId: crypto.randomUUID(), subjectUserId: crypto.randomUUID() },
    csr: csr.value.der,
    notBefore,
    notAfter: new Date(notBefore.getTime() + lifetimeMs),
  });
  return { cert: pem, key: keyPem, serial };
};

/** A real front on loopback before handlers that write down every call. */
export const startFront = async (
  limits: Partial<HttpLimits> = {},
  log: Log = silent,
): Promise<FrontUnderTest> => {
  const ca = await createAuthority();
  const keeper = await keepFrontMaterial({
    ca,
    keyMaker: makeKeyMaker(),
    clock,
    log: silent,
    names: serverNames(['localhost', '127.0.0.1']),
    pollMs: 3_600_000,
  });
  const handled: Handled[] = [];
  const refusals: string[] = [];
  const refusedIds: (string | null)[] = [];
  let gate: Promise<void> = Promise.resolve();
  const handler = (app: Handled['app']) => async (request: Request, env: object) => {
    const socket = 'incoming' in env ? (env.incoming as { socket: object }).socket : {};
    const peer = tlsPeerOf(socket);
    const fingerprint = peer?.kind === 'trusted' ? peer.presented.key : null;
    handled.push({ app, path: new URL(request.url).pathname, fingerprint });
    await gate;
    return new Response('handled');
  };
  const front = createFront({
    federation: handler('federation'),
    enrollment: handler('enrollment'),
    refused: ({ code, traceId }) => {
      refusals.push(code);
      refusedIds.push(traceId);
    },
    material: keeper.current(),
    log,
    limits,
  });
  keeper.start(front.replace);
  const port = await listenTcp(front.server, '127.0.0.1', 0, 'test');
  return {
    front,
    port,
    root: await ca.rootPem(),
    ca,
    keeper,
    handled,
    refusals,
    refusedIds,
    hold: () => {
      let open = (): void => {};
      gate = new Promise((resolve) => (open = resolve));
      return open;
    },
    clientCertificate: (lifetimeMs) => issueClient(ca, lifetimeMs),
  };
};

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** One request by node:https alone: a client that shares no code with the gateway's. */
export const ask = (
  under: { readonly port: number; readonly root: string },
  path: string,
  options: RequestOptions & { readonly body?: string } = {},
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { body, ...rest } = options;
    const outgoing = httpsRequest(
      { host: '127.0.0.1', port: under.port, path, ca: under.root, agent: false, ...rest },
      (incoming) => {
        let text = '';
        incoming.setEncoding('utf8');
        incoming.on('data', (chunk: string) => (text += chunk));
        incoming.on('end', () =>
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text }),
        );
        incoming.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });

export const codeOfAnswer = ({ body }: Answer): unknown =>
  (JSON.parse(body) as Record<string, unknown>)['code'];
export const detailOfAnswer = ({ body }: Answer): unknown =>
  (JSON.parse(body) as Record<string, unknown>)['detail'];
