import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openPostgresStorage } from '../../../db/connect/postgres.ts';
import { createSealer, sealingKey } from '../../../db/sealing/seal.ts';
import type { Log } from '../../../domain/ports/basics.ts';
import { startKvBridge } from '../../../src/runtimes/node/boot/kv-bridge.ts';
import { startPostgres } from '../../devstack/components/postgres.ts';
import { isAlive, stop, type Component } from '../../devstack/components/process.ts';
import { freePort } from '../../devstack/components/sockets.ts';
import { startValkey } from '../../devstack/components/valkey.ts';
import { setupTokenOf } from '../../../src/directory/setup-token.ts';
import { createForge } from './forge.ts';
import type { GatewayUnderTest } from './under-test.ts';

/** What gateways on Deno and workerd stand on: the same as anywhere, with Valkey behind the REST bridge. */
export interface EdgeServices {
  readonly databaseUrl: string;
  /** Of the login that answers peers. */
  readonly databasePeersUrl: string;
  /** Of the login that owns the database. */
  readonly databaseMaintenanceUrl: string;
  /** Of the superuser, over a socket. */
  readonly databaseAdminUrl: string;
  /** Folder of the cluster. */
  readonly databaseFolder: string;
  /** Configuration of any gateway on them, by environment variable; all such gateways are replicas. */
  readonly environment: Readonly<Record<string, string>>;
  readonly forge: GatewayUnderTest['forge'];
  /** Of every gateway on them. */
  readonly setupToken: string;
  stop(): Promise<void>;
}

const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const DATABASE = { database: 'mosaic', user: 'mosaic', password: 'conformance' } as const;

/** A Postgres and a Valkey of their own, schema up to date, and the bridge as operators run it. */
export const startEdgeServices = async (): Promise<EdgeServices> => {
  const folder = mkdtempSync(path.join(tmpdir(), 'mosaic-edge-'));
  // Postgres runs as a user of its own, who must pass.
  chmodSync(folder, 0o755);
  const components: Component[] = [];
  const kill = (): void => {
    for (const { pid } of components) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  };
  process.once('exit', kill);
  const onSpawn = (component: Component): void => void components.push(component);
  const stopAll = async (): Promise<void> => {
    process.off('exit', kill);
    await Promise.all(components.map((one) => stop(one, one.name === 'postgres' ? 'SIGINT' : 'SIGTERM')));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const [postgres, valkey] = await Promise.all([
      startPostgres({ ...DATABASE, folder: path.join(folder, 'postgres'), port: await freePort(), onSpawn }),
      startValkey({ folder: path.join(folder, 'valkey'), port: await freePort(), onSpawn }),
    ]);
    const token = crypto.randomUUID();
    const bridge = await startKvBridge(
      { VALKEY_URL: valkey.url, KV_BRIDGE_TOKEN: token, KV_BRIDGE_PORT: '0' },
      silent,
    );
    const { url, peersUrl, maintenanceUrl } = postgres;
    const storage = await openPostgresStorage({ url, peersUrl, maintenanceUrl });
    const key = crypto.getRandomValues(new Uint8Array(32));
    const sealer = createSealer({ current: await sealingKey(key) });
    const text = Buffer.from(key).toString('base64');
    return {
      databaseUrl: url,
      databasePeersUrl: peersUrl,
      databaseMaintenanceUrl: maintenanceUrl,
      databaseAdminUrl: postgres.adminUrl,
      databaseFolder: path.join(folder, 'postgres', 'data'),
      environment: {
        MOSAIC_TIER: 'standalone',
        MOSAIC_GATEWAY_NAME: 'work',
        MOSAIC_SEALING_KEY: text,
        DATABASE_URL: url,
        DATABASE_PEERS_URL: peersUrl,
        UPSTASH_REDIS_REST_URL: bridge.url,
        UPSTASH_REDIS_REST_TOKEN: token,
        FEDERATION_DEFAULT_RATE_LIMIT_PER_MINUTE: '100000',
      },
      forge: createForge(storage.stores.secrets, sealer),
      setupToken: setupTokenOf(key),
      stop: async () => {
        await bridge.close();
        await storage.close();
        await stopAll();
      },
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
};
