import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { X509Certificate } from 'node:crypto';
import { pgliteDriver } from '../../db/driver/pglite.ts';
import { listStatement } from '../../db/sql/read.ts';
import type { PgliteStorage } from '../../db/connect/pglite.ts';
import { decide } from '../../domain/access/decide.ts';
import { readIdentity } from '../../ca/x509/identity.ts';
import { makeKeyMaker } from '../../ca/x509/request.ts';
import { issueServerCertificate } from '../../src/runtimes/node/front/server-certificate.ts';
import { startEmbedded, type EmbeddedGateway } from '../tests/acceptance/embedded-world.ts';
import { enrollByHand, type HandMadeClient } from '../tests/acceptance/hand-made-client.ts';
import { must } from '../tests/acceptance/world.ts';
import { startTlsFloor } from './floor.ts';
import { childOf, residentMiB } from './machine.ts';
import { alternate, compare, median, type Comparison, type Target } from './measure.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** As `npm start` and `npm run demo` call it. */
const BOOT = [path.join(ROOT, 'boot.mjs'), 'src/cli/main.ts'];
const PAGE = 50;

export interface StartFigures {
  readonly firstStartMs: number;
  readonly warmStartMs: number;
  readonly idleResidentMiB: number;
}

/** A gateway gives back what its start took some seconds later (src/runtimes/node/boot/lean.ts). */
const IDLE_MS = 6_000;

/** Starts the gateway as an operator does and waits until it answers. */
const startOnce = async (folder: string): Promise<{ readonly ms: number; readonly resident: number }> => {
  const begin = performance.now();
  const child = spawn(
    process.execPath,
    [...BOOT, 'gateway', 'start', '--data-dir', folder, '--public-port', '0', '--federation-port', '0'],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const ms = await new Promise<number>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the gateway ended with ${code}`)));
    child.stdout.on('data', (chunk: Buffer) => {
      if (chunk.toString('utf8').includes('http')) resolve(performance.now() - begin);
    });
  });
  await sleep(IDLE_MS);
  const resident = residentMiB(childOf(child.pid ?? 0));
  child.removeAllListeners('exit');
  child.kill('SIGTERM');
  await Promise.race([ended, sleep(8_000)]);
  return { ms: Math.round(ms), resident };
};

/** Ready times and memory of tier `local`, medians of three. */
export const measureStart = async (): Promise<StartFigures> => {
  const first: number[] = [];
  const warm: number[] = [];
  const resident: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    const folder = await mkdtemp(path.join(tmpdir(), 'mosaic-bench-'));
    first.push((await startOnce(path.join(folder, 'data'))).ms);
    const again = await startOnce(path.join(folder, 'data'));
    warm.push(again.ms);
    resident.push(again.resident);
    await rm(folder, { recursive: true, force: true });
  }
  return { firstStartMs: median(first), warmStartMs: median(warm), idleResidentMiB: median(resident) };
};

const addTasks = async (
  gateway: EmbeddedGateway,
  ownerId: string,
  from: number,
  to: number,
): Promise<void> => {
  await gateway.sql(
    `insert into tasks (id, owner_id, team_id, title, body, status, created_at, updated_at)
     select gen_random_uuid(), $1::uuid, null, 'task ' || n, 'body of task ' || n, 'open',
       now() - n * interval '1 second', now() - n * interval '1 second'
     from generate_series($2::int, $3::int) n`,
    [ownerId, from, to],
  );
};

/** Somebody with 1,000 of 2,000 rows and a grant that no limit stops. */
const addSubject = async (
  gateway: EmbeddedGateway,
): Promise<{ readonly userId: string; readonly othersId: string; readonly hand: HandMadeClient }> => {
  const user = await must(201, gateway, '/api/admin/users', { body: { name: 'bench' } });
  const others = await must(201, gateway, '/api/admin/users', { body: { name: 'others' } });
  await addTasks(gateway, user.id, 1, 1_000);
  await addTasks(gateway, others.id, 1, 1_000);
  const hand = await enrollByHand(gateway, {
    user: 'bench',
    peer: 'bench',
    scope: { resources: ['tasks'], max_rows_per_query: 1_000 },
  });
  await must(200, gateway, `/api/admin/grants/${hand.grantId}`, {
    method: 'PATCH',
    body: { rate_limit_per_minute: 1_000_000 },
  });
  return { userId: user.id, othersId: others.id, hand };
};

/** A twin that stays small: asked in turn with the one that has grown. */
const growthBeside = async (large: Target): Promise<{ small: number; large: number; ratio: number }> => {
  const twin = await startEmbedded('twin');
  let hand: HandMadeClient | undefined;
  try {
    ({ hand } = await addSubject(twin));
    const tls = { ca: hand.caFile, cert: hand.certFile, key: hand.keyFile };
    const { p50Ms, toFirst } = await alternate([{ ...large, origin: twin.federationUrl, tls }, large]);
    return { small: p50Ms[0] ?? Number.NaN, large: p50Ms[1] ?? Number.NaN, ratio: toFirst[1] ?? Number.NaN };
  } finally {
    await hand?.remove();
    await twin.stop();
  }
};

export interface ListFigures {
  /** The floor: PGlite's own `query()`. */
  readonly against_floor_1: Comparison;
  readonly against_floor_16: Comparison;
  /** A harder one: the floor is given the product's driver, which prepares statements and decodes faster. */
  readonly against_our_driver_1: Comparison;
  readonly against_our_driver_16: Comparison;
  readonly p50_ms_at_2k: number;
  readonly p50_ms_at_200k: number;
  readonly growth: number;
}

/** A federated list of 50 rows over mutual TLS, against the floor in the same process on the same PGlite. */
export const measureList = async (progress: (text: string) => void): Promise<ListFigures> => {
  const folder = await mkdtemp(path.join(tmpdir(), 'mosaic-bench-'));
  const work = await startEmbedded('work');
  let hand: HandMadeClient | undefined;
  try {
    const subject = await addSubject(work);
    hand = subject.hand;

    const { deps } = work;
    const client = (deps.storage as PgliteStorage).client;
    const record = await deps.storage.stores.grants.byId(hand.grantId);
    const identity = readIdentity(new Uint8Array(new X509Certificate(await readFile(hand.certFile)).raw));
    if (record === null || !identity.ok) throw new Error('the bench’s grant is not there');
    const read = decide.list(
      record.grant,
      identity.value,
      { resource: 'tasks', limit: PAGE, after: null },
      new Date(),
    );
    if (!read.ok) throw new Error(read.error);
    const statement = listStatement(read.value.terms);
    const driver = pgliteDriver(client);
    const server = await issueServerCertificate(
      { ca: deps.ca, keyMaker: makeKeyMaker(), clock: deps.clock },
      { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] },
    );
    const root = await deps.ca.rootPem();
    const material = { certificate: server.chain, key: server.key, root, crl: (await deps.ca.crl()).pem };
    const floor = await startTlsFloor(
      material,
      async () => (await client.query(statement.text, [...statement.params])).rows,
    );
    const fast = await startTlsFloor(material, () => driver.query(statement.text, statement.params));
    await writeFile(path.join(folder, 'ca.pem'), root);
    const tls = { ca: path.join(folder, 'ca.pem'), cert: hand.certFile, key: hand.keyFile };
    const product: Target = { origin: work.federationUrl, path: `/federation/v1/tasks?limit=${PAGE}`, tls };
    const bare: Target = { origin: floor.origin, path: '/', tls };
    const driven: Target = { origin: fast.origin, path: '/', tls };

    progress('list against the floor, 1 connection');
    const one = await compare(bare, product, { connections: 1, pairs: 5, seconds: 2 });
    progress('list against the floor, 16 connections');
    const sixteen = await compare(bare, product, { connections: 16, pairs: 5, seconds: 2 });
    progress('list against the floor with the product’s driver');
    const drivenOne = await compare(driven, product, { connections: 1, pairs: 5, seconds: 2 });
    const drivenSixteen = await compare(driven, product, { connections: 16, pairs: 5, seconds: 2 });
    progress('p50 at 2,000 and at 200,000 rows');
    await addTasks(work, subject.userId, 1_001, 100_000);
    await addTasks(work, subject.othersId, 1_001, 100_000);
    const growth = await growthBeside(product);
    await floor.close();
    await fast.close();
    return {
      against_floor_1: one,
      against_floor_16: sixteen,
      against_our_driver_1: drivenOne,
      against_our_driver_16: drivenSixteen,
      p50_ms_at_2k: growth.small,
      p50_ms_at_200k: growth.large,
      growth: Number(growth.ratio.toFixed(3)),
    };
  } finally {
    await hand?.remove();
    await work.stop();
    await rm(folder, { recursive: true, force: true });
  }
};

/** The whole demo in one command, as a person waits for it, milliseconds. */
export const measureDemo = async (): Promise<number> => {
  const begin = performance.now();
  const child = spawn(process.execPath, [...BOOT, 'demo', '--once', '--json'], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  if (code !== 0) throw new Error(`the demo ended with ${code}`);
  return Math.round(performance.now() - begin);
};
