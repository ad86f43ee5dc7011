import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../app/wire.ts';
import { createOutage } from './outage.ts';
import { openValkey } from './valkey.ts';
import {
  everythingOf,
  keepingLog,
  startValkey,
  untilWorks,
  VALKEY_PASSWORD,
  VALKEY_USER,
  type RealValkey,
} from './valkey.testkit.ts';

/** No account of the gateway's may do this; the default user of these servers may, from loopback. */
const OPEN = ['--aclfile', '', '--protected-mode', 'no', '--masterauth', '', '--requirepass', ''];

const say = async (port: number, ...lines: readonly string[]): Promise<string> => {
  const socket = connect({ host: '127.0.0.1', port });
  let text = '';
  socket.setEncoding('utf8').on('data', (part: string) => (text += part));
  for (const line of lines) socket.write(`${line}\r\n`);
  await expect.poll(() => text.split('\r\n').length > lines.length, { timeout: 5_000 }).toBe(true);
  socket.destroy();
  return text;
};

const startOpen = (extra: readonly string[] = []): Promise<RealValkey> =>
  startValkey({ args: () => [...OPEN, ...extra] });

/** The address that operators give: new connections go to the present primary, those there are stay where they are. */
const address = async (first: number): Promise<{ port: number; lead(to: number): void; close(): void }> => {
  let to = first;
  const open = new Set<Socket>();
  const server: Server = createServer((incoming) => {
    const outgoing = connect({ host: '127.0.0.1', port: to });
    for (const [from, into] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      open.add(from);
      from.pipe(into);
      from.on('error', () => into.destroy()).on('close', () => into.destroy());
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    lead: (next) => (to = next),
    close: () => {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
};

const isReplicaOf = async (port: number): Promise<boolean> =>
  (await say(port, 'INFO replication')).includes('master_link_status:up');

let [one, two]: RealValkey[] = [];
beforeAll(async () => {
  [one, two] = await Promise.all([startOpen(), startOpen()]);
});
afterAll(() => Promise.all([one?.remove(), two?.remove()]));

describe('a Valkey that fails over', () => {
  const cleanups: (() => unknown)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  });
  const ports = (): readonly [number, number] => [one?.port ?? 0, two?.port ?? 0];

  it('F-28 is followed to the new primary, where limits count for all processes together again', async () => {
    const [old, next] = ports();
    await say(next, `REPLICAOF 127.0.0.1 ${old}`);
    await expect.poll(() => isReplicaOf(next), { timeout: 20_000 }).toBe(true);
    const vip = await address(old);
    cleanups.push(() => vip.close());
    const replica = async () => {
      const log = keepingLog();
      const kv = createOutage({ whenDown: 'local', share: 0.5, clock: systemClock, log }).guard(
        await openValkey({ url: `valkey://127.0.0.1:${vip.port}`, log }),
      );
      cleanups.push(() => kv.close());
      return { kv, log };
    };
    const [first, second] = [await replica(), await replica()];
    await Promise.all([first.kv.ping(), second.kv.ping()]);
    // The mark of each process has got there, and what `ping` wrote.
    await expect.poll(() => say(next, 'DBSIZE'), { timeout: 10_000 }).toContain(':3');
    // As Sentinel does it, without a word to whoever is connected.
    await say(next, 'REPLICAOF NO ONE');
    await say(old, `REPLICAOF 127.0.0.1 ${next}`);
    await expect.poll(() => isReplicaOf(old), { timeout: 20_000 }).toBe(true);
    vip.lead(next);
    // Neither connection was broken: the old primary goes on answering reads, and refuses what is written.
    expect(await untilWorks(() => Promise.all([first.kv.ping(), second.kv.ping()]), 10_000)).toBeLessThan(
      10_000,
    );
    for (const { log } of [first, second])
      await expect.poll(() => log.lines.at(-1), { timeout: 10_000 }).toContain('key-value store is back');
    const bucket = { capacity: 30, refillPerSecond: 0.001 };
    const taken = [];
    for (let index = 0; index < 20; index += 1)
      taken.push(await first.kv.take('shared', bucket), await second.kv.take('shared', bucket));
    expect(taken.filter(({ allowed }) => allowed)).toHaveLength(30);
    expect(await say(next, 'EXISTS mosaic:bucket:shared')).toContain(':1');
  });

  it('F-28 says that it is not usable while it is a replica: reads alone are no proof', async () => {
    const [old, next] = ports();
    await say(next, 'REPLICAOF NO ONE');
    const log = keepingLog();
    const kv = await openValkey({ url: `valkey://127.0.0.1:${next}`, log });
    cleanups.push(() => kv.close());
    await kv.ping();
    await say(next, `REPLICAOF 127.0.0.1 ${old}`);
    await expect(kv.ping()).rejects.toMatchObject({ code: 'unavailable' });
    expect(await kv.ping().catch(everythingOf)).toMatch(/read-only replica|closed|no connection/);
    await say(next, 'REPLICAOF NO ONE');
    expect(await untilWorks(() => kv.ping(), 10_000)).toBeLessThan(10_000);
  });

  it('H-6 a replica and a cluster are refused at the start by name, with what to do', async () => {
    const [old, next] = ports();
    await say(next, `REPLICAOF 127.0.0.1 ${old}`);
    const cluster = await startValkey({ args: () => ['--cluster-enabled', 'yes'] });
    cleanups.push(() => cluster.remove());
    cleanups.push(() => say(next, 'REPLICAOF NO ONE'));
    const refusals = [
      [`valkey://127.0.0.1:${next}`, 'read-only replica; connect to the primary'],
      [cluster.url, 'a cluster, which the gateway does not use; connect to a single primary'],
    ] as const;
    for (const [url, why] of refusals) {
      const error = await openValkey({ url, log: keepingLog() }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'unavailable' });
      expect(everythingOf(error)).toContain(why);
      expect(everythingOf(error)).not.toContain(VALKEY_PASSWORD);
      expect(everythingOf(error)).not.toContain(`${VALKEY_USER}:`);
    }
  });
});
