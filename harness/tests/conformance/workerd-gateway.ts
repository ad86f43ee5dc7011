import { Miniflare } from 'miniflare';
import { bundleWorker } from './bundle.ts';
import { clientCertHeader } from './node-gateway.ts';
import { startEdgeServices, type EdgeServices } from './services.ts';
import type { ClientCertificate, GatewayUnderTest } from './under-test.ts';

const PUBLIC = 'https://api.test';
const FEDERATION = 'https://federation.test';

/** What the edge says of a connection whose certificate it has verified against the gateway's root. */
const tlsClientAuth = (client: ClientCertificate | null): Record<string, string> =>
  client === null
    ? { certPresented: '0', certVerified: 'NONE', certRevoked: '0' }
    : {
        certPresented: '1',
        certVerified: 'SUCCESS',
        certRevoked: '0',
        certRFC9440: clientCertHeader(client),
      };

export interface WorkerGateway extends GatewayUnderTest {
  /** A request with whatever the edge might say. */
  withClientAuth(auth: Record<string, string>, path: string, init?: RequestInit): Promise<Response>;
  /** One round of the cron trigger. @returns its outcome, as Cloudflare shows it */
  scheduled(): Promise<string>;
}

export interface WorkerOptions {
  /** Further variables of the worker. */
  readonly env?: Readonly<Record<string, string>>;
  /** To be a replica on them; absent: services of its own, which end with it. */
  readonly services?: EdgeServices;
  /** A module around the worker's: see `bundleWorker`. */
  readonly around?: string;
  /** How Postgres is reached: a Hyperdrive binding, or DATABASE_URL over `cloudflare:sockets`. Default: Hyperdrive. */
  readonly database?: 'hyperdrive' | 'address';
  /** PEM of the one authority that the worker's own connections trust; absent: the public ones. */
  readonly trusts?: string;
  /** Bindings that trust one root and present a client certificate, where one is given, as workerd's `network` services. */
  readonly peers?: Readonly<Record<string, MutualTls | Pick<MutualTls, 'rootPem'>>>;
}

interface Scheduling {
  scheduled(options: { readonly cron: string }): Promise<{ readonly outcome: string }>;
}

export interface MutualTls {
  readonly rootPem: string;
  readonly certificate: string;
  readonly key: string;
}

const networkOf = ({ rootPem, ...own }: MutualTls | Pick<MutualTls, 'rootPem'>) => ({
  network: {
    // The peers of tests are on loopback.
    allow: ['public', 'private'],
    tlsOptions: {
      trustBrowserCas: false,
      trustedCertificates: [rootPem],
      ...('key' in own ? { keypair: { certificateChain: own.certificate, privateKey: own.key } } : {}),
    },
  },
});

let bundled: ReturnType<typeof bundleWorker> | null = null;

/** The worker's real bundle in workerd. */
export const openWorkerdGateway = async (options: WorkerOptions = {}): Promise<WorkerGateway> => {
  const services = options.services ?? (await startEdgeServices());
  const { DATABASE_URL, DATABASE_PEERS_URL, ...environment } = services.environment;
  const isDirect = options.database === 'address';
  const { code } = await (options.around === undefined
    ? (bundled ??= bundleWorker())
    : bundleWorker(options.around));
  const worker = new Miniflare({
    modules: [{ type: 'ESModule', path: 'worker.js', contents: code }],
    compatibilityDate: '2026-07-01',
    compatibilityFlags: ['nodejs_compat'],
    ...(isDirect
      ? {}
      : {
          hyperdrives: {
            HYPERDRIVE: services.databaseUrl,
            HYPERDRIVE_PEERS: services.databasePeersUrl,
          },
        }),
    ...(options.trusts === undefined ? {} : { outboundService: networkOf({ rootPem: options.trusts }) }),
    serviceBindings: Object.fromEntries(
      Object.entries(options.peers ?? {}).map(([name, tls]) => [name, networkOf(tls)]),
    ),
    bindings: {
      ...environment,
      ...(isDirect && DATABASE_URL !== undefined && DATABASE_PEERS_URL !== undefined
        ? { DATABASE_URL, DATABASE_PEERS_URL }
        : {}),
      MOSAIC_LOG_LEVEL: 'silent',
      FEDERATION_URL: FEDERATION,
      FEDERATION_ENROLLMENT_BASE_URL: PUBLIC,
      ...options.env,
    },
  });
  await worker.ready;
  const dispatch = async (url: string, init: RequestInit, cf?: object): Promise<Response> => {
    const answer = await worker.dispatchFetch(url, { ...init, ...(cf === undefined ? {} : { cf }) } as never);
    // miniflare's classes are undici's; the suite wants the web's.
    const body = answer.status === 204 ? null : await answer.arrayBuffer();
    return new Response(body, { status: answer.status, headers: [...answer.headers] });
  };
  const publicFetch: GatewayUnderTest['publicFetch'] = (path, init = {}) =>
    dispatch(`${PUBLIC}${path}`, init);
  const withClientAuth: WorkerGateway['withClientAuth'] = (auth, path, init = {}) =>
    dispatch(`${FEDERATION}${path}`, init, { tlsClientAuth: auth });
  return {
    publicFetch,
    enrollmentFetch: publicFetch,
    withClientAuth,
    scheduled: async () => {
      // Its types need a package of Cloudflare's that nothing else here does.
      const fetcher = (await worker.getWorker()) as unknown as Scheduling;
      return (await fetcher.scheduled({ cron: '* * * * *' })).outcome;
    },
    federationFetch: (client, path, init) => withClientAuth(tlsClientAuth(client), path, init),
    forge: services.forge,
    setupToken: services.setupToken,
    whenRevoked: [{ status: 403, code: 'grant_revoked' }],
    stop: async () => {
      await worker.dispose();
      if (options.services === undefined) await services.stop();
    },
  };
};
