import { createServer } from 'node:net';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import { openMigratedPglite } from '../../db/connect/pglite.ts';
import { pgliteDriver } from '../../db/driver/pglite.ts';
import { createSealer, sealingKey } from '../../db/seal.ts';
import { createStorage } from '../../db/storage.ts';
import { createForge } from './forge.ts';
import type { GatewayUnderTest } from './under-test.ts';

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

export interface SharedDatabase {
  readonly url: string;
  /** Base64, as MOSAIC_SEALING_KEY. */
  readonly sealingKey: string;
  readonly forge: GatewayUnderTest['forge'];
  stop(): Promise<void>;
}

/**
 * A database that other runtimes reach by TCP: PGlite behind its socket server. All its connections share one
 * session, which ignores what a client's start-up packet asks for; so the role that row-level security binds is
 * taken here, once. The schema is migrated here too: a Postgres proper does both over its own connections.
 */
export const startDatabase = async (): Promise<SharedDatabase> => {
  const client = await openMigratedPglite({});
  await client.exec('set role mosaic_app');
  const port = await freePort();
  const server = new PGLiteSocketServer({ db: client, host: '127.0.0.1', port, maxConnections: 64 });
  await server.start();
  const key = crypto.getRandomValues(new Uint8Array(32));
  const sealer = createSealer({ current: await sealingKey(key) });
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    sealingKey: Buffer.from(key).toString('base64'),
    forge: createForge(createStorage(pgliteDriver(client)).stores.secrets, sealer),
    stop: async () => {
      await server.stop();
      await client.close();
    },
  };
};
