import { Miniflare } from 'miniflare';
import { bundleWorker } from './bundle.ts';
import { clientCertHeader } from './node-gateway.ts';
import { startDatabase } from './postgres.ts';
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
}

/** The worker's real bundle in workerd. */
export const openWorkerdGateway = async (): Promise<WorkerGateway> => {
  const database = await startDatabase();
  const { code } = await bundleWorker();
  const worker = new Miniflare({
    modules: [{ type: 'ESModule', path: 'worker.js', contents: code }],
    compatibilityDate: '2026-07-01',
    compatibilityFlags: ['nodejs_compat'],
    bindings: {
      MOSAIC_TIER: 'standalone',
      MOSAIC_LOG_LEVEL: 'silent',
      MOSAIC_GATEWAY_NAME: 'work',
      MOSAIC_SEALING_KEY: database.sealingKey,
      DATABASE_URL: database.url,
      FEDERATION_URL: FEDERATION,
      FEDERATION_ENROLLMENT_BASE_URL: PUBLIC,
      FEDERATION_DEFAULT_RATE_LIMIT_PER_MINUTE: '100000',
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
    federationFetch: (client, path, init) => withClientAuth(tlsClientAuth(client), path, init),
    forge: database.forge,
    whenRevoked: [{ status: 403, code: 'grant_revoked' }],
    stop: async () => {
      await worker.dispose();
      await database.stop();
    },
  };
};
