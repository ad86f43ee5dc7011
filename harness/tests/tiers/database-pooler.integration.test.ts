import { once } from 'node:events';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPostgresStorage } from '../../../db/connect/postgres.ts';
import { SERVING_ROLES } from '../../../db/logins.ts';
import { urlsOf, type DatabaseUrls } from '../../devstack/components/postgres.ts';
import { startCluster, type Cluster } from '../migrate/cluster.ts';

/** What poolers pass on of a start-up packet; of the rest PgBouncer says nothing where `ignore_startup_parameters` names it. */
const PASSED_ON = new Set(['user', 'database', 'application_name', 'client_encoding']);

/** A start-up packet without the settings that a pooler swallows: length, version, names and values, an empty name. */
const swallowing = (packet: Buffer): Buffer => {
  const words = packet.subarray(8).toString('utf8').split('\0');
  const kept = [packet.subarray(4, 8)];
  for (let index = 0; words[index]; index += 2)
    if (PASSED_ON.has(words[index] ?? '')) kept.push(Buffer.from(`${words[index]}\0${words[index + 1]}\0`));
  const body = Buffer.concat([...kept, Buffer.from('\0')]);
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([length, body]);
};

describe('a pooler between a gateway and its Postgres', () => {
  let cluster: Cluster;
  let urls: DatabaseUrls;
  let pooler: net.Server;
  const sockets = new Set<net.Socket>();

  beforeAll(async () => {
    cluster = await startCluster();
    const url = await cluster.create();
    urls = urlsOf(url);
    await (await openPostgresStorage(urls)).close();
    pooler = net.createServer((client) => {
      const server = net.connect({ host: '127.0.0.1', port: Number(new URL(url).port) });
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const) {
        sockets.add(from);
        from.on('error', () => to.destroy()).on('close', () => to.destroy());
      }
      client.once('data', (packet) => {
        server.write(swallowing(packet));
        client.pipe(server);
      });
      server.pipe(client);
    });
    pooler.listen(0, '127.0.0.1');
    await once(pooler, 'listening');
  }, 120_000);
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    pooler.close();
    await cluster.close();
  });

  it('H-10 is refused by name, although the logins have their roles by themselves', async () => {
    const [api, peers] = [urls.url, urls.peersUrl].map((url) => new URL(url));
    for (const [url, role] of [
      [api, SERVING_ROLES.api],
      [peers, SERVING_ROLES.peers],
    ] as const)
      await cluster.underneath(urls.url, `alter role ${url?.username} set role = '${role}'`);
    const { port } = pooler.address() as net.AddressInfo;
    const via = (url: string): string => url.replace(/:\d+\//, `:${port}/`);
    const opening = openPostgresStorage({ url: via(urls.url), peersUrl: via(urls.peersUrl) });
    // Without its statement_timeout a revocation does not know how long a statement may run that could still see the grant.
    await expect(opening).rejects.toMatchObject({
      code: 'database_unavailable',
      cause: { code: 'SETTINGS', message: expect.stringContaining('pooler') as unknown },
    });
  });
});
