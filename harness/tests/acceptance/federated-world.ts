import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import postgres from 'postgres';
import {
  bootHarness,
  serverA,
  serverB,
  tearDownHarness,
  type HarnessHandle,
  type HarnessOptions,
} from '../../devstack/index.ts';
import { DATABASE, folderOf, materialOf, portsOf, setupTokenOfState } from '../../devstack/stack/plan.ts';
import { freePorts } from '../../devstack/stack/ports.ts';
import { isRunning, readState, type Side } from '../../devstack/stack/state.ts';
import { trustingFetch } from '../../devstack/stack/trusting-fetch.ts';
import { must, type World, type WorldGateway } from './world.ts';

export interface FederatedWorld extends World {
  readonly handle: HarnessHandle;
}

const AUDIT_WAIT_MS = 10_000;

/**
 * The queue is first in, first out: when an entry of our own has reached the database, so has all that was accepted
 * before it. Ours is taken out again, so that nobody counts it.
 */
const waitForAudit = async (gateway: WorldGateway): Promise<void> => {
  const traceId = crypto.randomUUID().replaceAll('-', '');
  const response = await (gateway.fetch ?? fetch)(`${gateway.publicUrl}/enrollment/v1/redeem`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', traceparent: `00-${traceId}-${traceId.slice(16)}-01` },
    body: JSON.stringify({ token: 'marker', csr: 'marker' }),
  });
  await response.body?.cancel();
  for (const end = Date.now() + AUDIT_WAIT_MS; Date.now() < end;) {
    const gone = await gateway.sql('delete from federation_audit_log where trace_id = $1 returning id', [
      traceId,
    ]);
    if (gone.length > 0) return;
  }
  throw new Error(`${gateway.name} wrote no audit entry for 10 s (marker answered ${response.status})`);
};

const openGateway = async (handle: HarnessHandle, side: Side) => {
  const { state } = handle;
  const { baseUrl, federationUrl } = side === 'a' ? serverA(handle) : serverB(handle);
  const database = postgres({
    // The superuser over the cluster's own socket: row security binds even the tables' owner.
    host: folderOf(state, `postgres-${side}`),
    port: portsOf(state, side).postgres,
    user: 'postgres',
    database: DATABASE.name,
    max: 2,
    onnotice: () => undefined,
  });
  const gateway: WorldGateway = {
    name: state.gateways[side].name,
    publicUrl: baseUrl,
    federationUrl,
    adminToken: '',
    fetch: trustingFetch(handle.rootPem),
    sql: async (text, parameters = []) => [
      ...(await database.unsafe<Record<string, unknown>[]>(text, [...parameters] as string[])),
    ],
    flushAudit: () => waitForAudit(gateway),
    serverTls: async () => {
      const read = (name: string): Promise<string> =>
        readFile(path.join(materialOf(state, side), name), 'utf8');
      const [cert, key] = await Promise.all([read('server.pem'), read('server.key')]);
      return { cert, key };
    },
  };
  const setup = await must(201, gateway, '/api/bootstrap/setup', {
    token: null,
    body: { name: 'root', setup_token: setupTokenOfState(state.gateways[side]) },
  });
  return { gateway: { ...gateway, adminToken: setup.token.text }, close: () => database.end() };
};

/** Limits that a suite of many requests would run into, and intervals that it would wait for. */
const GENEROUS = { FEDERATION_DEFAULT_RATE_LIMIT_PER_MINUTE: '10000', FEDERATION_CRL_POLL_SECONDS: '1' };

const killAll = (stateDir: string): void => {
  for (const one of readState(stateDir)?.components ?? [])
    if (isRunning(one)) process.kill(one.pid, 'SIGKILL');
};

/** A stack on ports and folders of its own; `close` stops it and removes what it left. */
export const bootStack = async (
  options: Pick<HarnessOptions, 'replicasOfB' | 'gatewayEnvironment'> = {},
): Promise<{ readonly handle: HarnessHandle; close(): Promise<void> }> => {
  const stateDir = await mkdtemp(path.join(tmpdir(), 'mosaic-h-'));
  // A test process that is ended early takes its stack with it.
  const abandon = (): void => killAll(stateDir);
  process.once('exit', abandon);
  const handle = await bootHarness({ ...options, mode: 'process', stateDir, ports: await freePorts() });
  return {
    handle,
    close: async () => {
      process.off('exit', abandon);
      await tearDownHarness(handle, { volumes: true });
      await rm(stateDir, { recursive: true, force: true });
    },
  };
};

/** Two gateways of tier `federated`: Postgres, Valkey, step-ca, and TLS in nginx. */
export const bootFederatedWorld = async (
  options: Pick<HarnessOptions, 'replicasOfB' | 'gatewayEnvironment'> = {},
): Promise<FederatedWorld> => {
  const gatewayEnvironment = { ...GENEROUS, ...options.gatewayEnvironment };
  const stack = await bootStack({ ...options, gatewayEnvironment });
  try {
    const [home, work] = await Promise.all([openGateway(stack.handle, 'a'), openGateway(stack.handle, 'b')]);
    return {
      handle: stack.handle,
      home: home.gateway,
      work: work.gateway,
      close: async () => {
        await Promise.all([home.close(), work.close()]);
        await stack.close();
      },
    };
  } catch (error) {
    await stack.close();
    throw error;
  }
};

/** One world for all suites of a file: each boots and closes it as its own, and it ends with the last one. */
export const shareWorld = <T extends World>(
  boot: () => Promise<T>,
): { boot(): Promise<T>; end(): Promise<void> } => {
  let world: Promise<T> | undefined;
  return {
    boot: async () => {
      world ??= boot();
      return { ...(await world), close: () => Promise.resolve() };
    },
    end: async () => (await world)?.close(),
  };
};
