import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { PgliteStorage } from '../../../db/connect/pglite.ts';
import type { GatewayConfig } from '../../../src/config/config.ts';
import type { Environment } from '../../../src/config/environment.ts';
import { loadConfig } from '../../../src/config/load.ts';
import type { Deps } from '../../../src/app/deps.ts';
import { createLog } from '../../../src/runtimes/node/boot/log.ts';
import { issueServerCertificate, serverNames } from '../../../src/runtimes/node/front/server-certificate.ts';
import { startGateway } from '../../../src/runtimes/node/boot/start.ts';
import { must, type World, type WorldGateway } from './world.ts';

const configFor = (name: string, dataDir: string, environment: Environment): GatewayConfig =>
  loadConfig({
    env: {
      MOSAIC_GATEWAY_NAME: name,
      MOSAIC_DATA_DIR: dataDir,
      MOSAIC_PUBLIC_PORT: '0',
      MOSAIC_FEDERATION_HOST: '127.0.0.1',
      MOSAIC_FEDERATION_PORT: '0',
      // Both gateways are on loopback.
      FEDERATION_ALLOW_PRIVATE_ADDRESSES: 'true',
      FEDERATION_DEFAULT_RATE_LIMIT_PER_MINUTE: '10000',
      FEDERATION_CRL_POLL_SECONDS: '1',
      ...environment,
    },
  }).config;

export interface EmbeddedGateway extends WorldGateway {
  readonly deps: Deps;
  /** All that it logged so far; nothing without options. */
  readonly lines: readonly string[];
  /** Port of the listener for /metrics alone. */
  readonly metricsPort: number | null;
  stop(): Promise<void>;
}

/** One gateway of tier `local` in this process, on free ports and a folder of its own, with its first administrator. */
export const startEmbedded = async (
  name: string,
  options: { readonly environment: Environment } | null = null,
): Promise<EmbeddedGateway> => {
  const folder = await mkdtemp(path.join(tmpdir(), `mosaic-${name}-`));
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const log = createLog({ level: options === null ? 'silent' : 'debug', gateway: name, destination });
  const environment = options?.environment ?? {};
  const gateway = await startGateway(configFor(name, path.join(folder, 'data'), environment), { log });
  const { client } = gateway.deps.storage as PgliteStorage;
  const started: WorldGateway = {
    name,
    publicUrl: gateway.publicUrl,
    federationUrl: gateway.federationUrl,
    adminToken: '',
    sql: (text, parameters = []) =>
      client.transaction(async (session) => {
        // The session is the owner's that took the application's role; it gives it back for this statement.
        await session.exec('set local role none');
        return (await session.query<Record<string, unknown>>(text, [...parameters])).rows;
      }),
    flushAudit: () => gateway.deps.audit.flush(),
    serverTls: async () => {
      const { deps } = gateway;
      const { chain, key } = await issueServerCertificate(deps, serverNames(['localhost', '127.0.0.1']));
      return { cert: chain, key };
    },
  };
  const setup = await must(201, started, '/api/bootstrap/setup', { token: null, body: { name: 'root' } });
  return {
    ...started,
    adminToken: setup.token.text,
    deps: gateway.deps,
    lines,
    metricsPort: gateway.metricsPort,
    stop: async () => {
      await gateway.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

/** Two gateways of tier `local`: PGlite, embedded CA, TLS in the gateway itself. */
export const bootEmbeddedWorld = async (): Promise<World> => {
  const [home, work] = [await startEmbedded('home'), await startEmbedded('work')];
  return {
    home,
    work,
    close: async () => {
      await Promise.all([home.stop(), work.stop()]);
    },
  };
};
