import { spawn, type ChildProcess } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { readIdentity } from '../../ca/x509/identity.ts';
import { listStatement } from '../../db/sql/read.ts';
import { decide } from '../../domain/access/decide.ts';
import type { Grant } from '../../domain/grants/grant.ts';
import { parseScope } from '../../domain/scope/parse.ts';
import { bootFederatedWorld, type FederatedWorld } from '../acceptance/federated-world.ts';
import { enrollByHand, type HandMadeClient } from '../acceptance/hand-made-client.ts';
import { must } from '../acceptance/world.ts';
import { startNginx } from '../components/nginx.ts';
import { stop } from '../components/process.ts';
import { freePort } from '../components/sockets.ts';
import { folderOf, materialOf, readSecret } from '../stack/plan.ts';
import { startGatewayProcess } from '../stack/gateway.ts';
import { compare, type Comparison, type Target } from './measure.ts';

const FLOOR = fileURLToPath(new URL('floor-http.ts', import.meta.url));
const ROWS = 200_000;
const PAGE = 50;

export interface FederatedFigures {
  readonly bootMs: number;
  readonly gatewayReadyMs: number;
  readonly list_1: Comparison;
  readonly list_16: Comparison;
}

const fill = async (world: FederatedWorld, ownerId: string): Promise<void> => {
  await world.work.sql(
    `insert into tasks (id, owner_id, team_id, title, body, status, created_at, updated_at)
     select gen_random_uuid(), $1::uuid, null, 'task ' || n, 'body of task ' || n, 'open',
       now() - n * interval '1 second', now() - n * interval '1 second' from generate_series(1, $2::int) n`,
    [ownerId, ROWS],
  );
  await world.work.sql('analyze tasks');
};

/** The product's own statement for this grant, made by the product's own decision. */
const statementFor = async (world: FederatedWorld, hand: HandMadeClient, scope: unknown) => {
  const [row] = await world.work.sql(
    'select version, subject_user_id, peer_id from federation_grants where id = $1',
    [hand.grantId],
  );
  const identity = readIdentity(new Uint8Array(new X509Certificate(await readFile(hand.certFile)).raw));
  const parsed = parseScope(scope);
  if (row === undefined || !identity.ok || !parsed.ok) throw new Error('the bench’s grant is not there');
  const grant: Grant = {
    id: hand.grantId,
    peerId: String(row['peer_id']),
    subjectUserId: String(row['subject_user_id']),
    scope: parsed.value,
    status: 'active',
    version: Number(row['version']),
    rateLimitPerMinute: null,
    cacheTtlSeconds: null,
    auditStrict: false,
    createdAt: new Date(),
    activatedAt: new Date(),
    expiresAt: null,
    revokedAt: null,
    revokedReason: null,
  };
  const read = decide.list(
    grant,
    identity.value,
    { resource: 'tasks', limit: PAGE, after: null },
    new Date(),
  );
  if (!read.ok) throw new Error(read.error);
  return listStatement(read.value.terms);
};

const startFloor = (orderFile: string): Promise<ChildProcess> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [FLOOR, orderFile], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.once('exit', (code) => reject(new Error(`the floor ended with ${code}`)));
    child.stdout.once('data', () => {
      child.removeAllListeners('exit');
      resolve(child);
    });
  });

/** A list of 50 of 200,000 rows through nginx, against bare node:http with the same statement behind the same nginx. */
const measureList = async (
  world: FederatedWorld,
  progress: (text: string) => void,
): Promise<Pick<FederatedFigures, 'list_1' | 'list_16'>> => {
  const { state } = world.handle;
  const user = await must(201, world.work, '/api/admin/users', { body: { name: 'bench' } });
  progress(`inserting ${ROWS} rows`);
  await fill(world, user.id);
  const scope = { resources: ['tasks'], max_rows_per_query: 1_000 };
  const hand = await enrollByHand(world.work, { user: 'bench', peer: 'bench', scope });
  await must(200, world.work, `/api/admin/grants/${hand.grantId}`, {
    method: 'PATCH',
    body: { rate_limit_per_minute: 1_000_000 },
  });
  const folder = path.join(state.place, 'bench');
  await mkdir(folder, { recursive: true });
  const socket = path.join(folder, 'floor.sock');
  const orderFile = path.join(folder, 'floor.json');
  const databaseUrl = readSecret(state.gateways.b.databaseUrlFile);
  await writeFile(
    orderFile,
    JSON.stringify({ socket, databaseUrl, ...(await statementFor(world, hand, scope)) }),
    { mode: 0o600 },
  );
  const floor = await startFloor(orderFile);
  const federationPort = await freePort();
  const front = await startNginx({
    folder: path.join(folder, 'nginx'),
    publicPort: await freePort(),
    federationPort,
    materialFolder: materialOf(state, 'b'),
    publicSockets: [socket],
    federationSockets: [socket],
  });
  try {
    const tls = { ca: hand.caFile, cert: hand.certFile, key: hand.keyFile };
    const request = `/federation/v1/tasks?limit=${PAGE}`;
    const gateway = state.components.find((component) => component.name === 'gateway-b');
    const bare: Target = {
      origin: `https://localhost:${federationPort}`,
      path: request,
      tls,
      pid: floor.pid ?? 0,
    };
    const product: Target = { origin: world.work.federationUrl, path: request, tls, pid: gateway?.pid ?? 0 };
    progress('list through nginx against the floor, 1 connection');
    const one = await compare(bare, product, { connections: 1, pairs: 5, seconds: 2 });
    progress('list through nginx against the floor, 16 connections');
    const sixteen = await compare(bare, product, { connections: 16, pairs: 5, seconds: 2 });
    return { list_1: one, list_16: sixteen };
  } finally {
    await stop(front);
    floor.kill('SIGTERM');
    await hand.remove();
  }
};

/** Tier `federated` on real components: boot, readiness, and the list against the floor. */
export const measureFederated = async (progress: (text: string) => void): Promise<FederatedFigures> => {
  progress('booting the harness');
  const begin = performance.now();
  const world = await bootFederatedWorld();
  const bootMs = Math.round(performance.now() - begin);
  try {
    progress('one more gateway, services up');
    const { state } = world.handle;
    const from = performance.now();
    const more = await startGatewayProcess(state, 'b', 'gateway-b-bench');
    const gatewayReadyMs = Math.round(performance.now() - from);
    await stop(more);
    progress(`logs in ${folderOf(state, 'gateway-b')}`);
    return { bootMs, gatewayReadyMs, ...(await measureList(world, progress)) };
  } finally {
    await world.close();
  }
};
