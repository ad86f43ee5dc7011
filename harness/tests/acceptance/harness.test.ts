import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../../tools/checks/repository.ts';
import { isAlive } from '../../devstack/components/process.ts';
import * as harness from '../../devstack/index.ts';
import { environmentOfPorts, freePorts, portsOfEnvironment, type Ports } from '../../devstack/stack/ports.ts';
import { processOf } from '../../devstack/stack/stack.ts';
import { trustingFetch } from '../../devstack/stack/trusting-fetch.ts';
import type { Body } from './world.ts';

const run = promisify(execFile);
const { bootHarness, seed, serverA, serverB, tearDownHarness } = harness;

describe('the harness', () => {
  const stateDir = mkdtempSync(path.join(tmpdir(), 'mosaic-h-'));
  let ports: Ports;
  let handle: harness.HarnessHandle;
  let seeded: harness.Seed;

  const options = () => ({ mode: 'process' as const, stateDir, ports });
  const cli = async (...args: readonly string[]) => {
    const env = { ...process.env, ...environmentOfPorts(ports), MOSAIC_HARNESS_MODE: 'process' };
    const command = [path.join(ROOT, 'harness/devstack/cli.ts'), ...args, '--state-dir', stateDir];
    return run(process.execPath, command, { env }).then(
      ({ stdout }) => ({ code: 0, stdout, stderr: '' }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
  };
  const query = async (pathname: string): Promise<Body> => {
    const response = await trustingFetch(handle.rootPem)(`${serverA(handle).baseUrl}${pathname}`, {
      headers: { authorization: `Bearer ${seeded.tokens.userA}` },
    });
    return (await response.json()) as Body;
  };

  beforeAll(async () => {
    ports = await freePorts();
    handle = await bootHarness(options());
    seeded = await seed(handle, 'all');
  });
  afterAll(async () => {
    await tearDownHarness(handle, { volumes: true });
    rmSync(stateDir, { recursive: true, force: true });
  });

  it('exports what SPEC names and nothing else', () => {
    expect(Object.keys(harness).toSorted()).toEqual(
      ['bootHarness', 'seed', 'serverA', 'serverB', 'tearDownHarness'].toSorted(),
    );
  });

  it('has SPEC’s ports unless a variable moves them', () => {
    expect(portsOfEnvironment({})).toMatchObject({
      publicA: 14_001,
      publicB: 14_002,
      federationA: 14_011,
      federationB: 14_012,
      postgresA: 15_432,
      postgresB: 15_433,
      valkeyA: 16_379,
      valkeyB: 16_380,
      stepCa: 19_000,
    });
    expect(portsOfEnvironment({ GATEWAY_A_HOST_PORT: '15001' }).publicA).toBe(15_001);
    expect(() => portsOfEnvironment({ GATEWAY_A_HOST_PORT: 'x' })).toThrow(/GATEWAY_A_HOST_PORT/);
  });

  it('M1-1 boots tier federated: both gateways are ready with database, key-value store and authority', async () => {
    expect(handle.ownedStack).toBe(true);
    for (const { baseUrl } of [serverA(handle), serverB(handle)]) {
      const response = await trustingFetch(handle.rootPem)(`${baseUrl}/ready`);
      const body = (await response.json()) as { services: Record<string, { status: string }> };
      expect(response.status).toBe(200);
      expect(Object.values(body.services).map(({ status }) => status)).toEqual(['ok', 'ok', 'ok']);
    }
    // Nobody but the harness's own root vouches for them.
    await expect(fetch(`${serverA(handle).baseUrl}/health`)).rejects.toThrow(/fetch failed/);
  });

  it('a healthy stack is used again, and whoever did not boot it does not stop it', async () => {
    const [second, third] = await Promise.all([bootHarness(options()), bootHarness(options())]);
    expect([second.ownedStack, third.ownedStack]).toEqual([false, false]);
    expect(serverB(second)).toEqual(serverB(handle));
    await tearDownHarness(second, { volumes: true });
    expect((await bootHarness(options())).ownedStack).toBe(false);
  });

  it('M2-6 seed: variant A gives personal tasks and notes', async () => {
    const { peerName } = seeded.grants.variantA;
    expect(seeded.grants.variantA.id).toMatch(/^[0-9a-f-]{36}$/);
    const tasks = await query(`/api/query/tasks?source=federated:${peerName}`);
    const notes = await query(`/api/query/notes?source=federated:${peerName}`);
    for (const { items } of [tasks, notes]) {
      expect(items.length).toBeGreaterThan(0);
      expect(items.every(({ team_id: team }) => team === null)).toBe(true);
    }
  });

  it('seed: variant B gives tasks of team T1 only', async () => {
    const { peerName } = seeded.grants.variantB;
    const { items } = await query(`/api/query/tasks?source=federated:${peerName}`);
    expect(items.map(({ title }) => title).toSorted()).toEqual([
      'Order hardware for T1',
      'Review the T1 roadmap',
    ]);
    const notes = await query(`/api/query/notes?source=federated:${peerName}`);
    expect(JSON.stringify(notes)).toContain('resource_not_granted');
  });

  it('M3-3 seed: variant C grants credentials and excludes them: excluded wins', async () => {
    const { id, peerName } = seeded.grants.variantC;
    const credentials = await query(`/api/query/credentials?source=federated:${peerName}`);
    expect(JSON.stringify(credentials)).toContain('resource_excluded');
    const tasks = await query(`/api/query/tasks?source=federated:${peerName}`);
    expect(tasks.items.length).toBeGreaterThan(0);
    const shown = await trustingFetch(handle.rootPem)(`${serverB(handle).baseUrl}/api/admin/grants/${id}`, {
      headers: { authorization: `Bearer ${seeded.tokens.adminB}` },
    });
    expect(await shown.json()).toMatchObject({
      scope: { resources: ['tasks', 'credentials'], excluded_resources: ['credentials'] },
    });
  });

  it('seed on a used database throws with the command that resets it, and changes nothing', async () => {
    await expect(seed(handle, 'variantA')).rejects.toThrow(/npm run harness -- down --volumes/);
    const peers = await query('/api/peers');
    expect(peers.items).toHaveLength(3);
  });

  it('by hand: status, root-cert and seed tell the same', async () => {
    const status = await cli('status', '--json');
    expect(JSON.parse(status.stdout)).toMatchObject({ healthy: true, mode: 'process', complaints: [] });
    expect((await cli('root-cert')).stdout.trim()).toBe(handle.rootPem.trim());
    const again = await cli('seed', '--json');
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('down --volumes')]);
    expect((await cli('seed', 'everything')).code).toBe(2);
  });

  it('a stack that is no longer whole is booted again on its data, and down ends every process', async () => {
    process.kill(processOf(stateDir, 'gateway-a').pid, 'SIGKILL');
    expect(JSON.parse((await cli('status', '--json')).stdout)).toMatchObject({
      healthy: false,
      complaints: ['gateway-a has ended'],
    });
    handle = await bootHarness(options());
    expect(handle.ownedStack).toBe(true);
    const peers = await query('/api/peers');
    expect(peers.items).toHaveLength(3);
    const pids = handle.state.components.map(({ pid }) => pid);
    expect(pids).toHaveLength(9);
    expect(JSON.parse((await cli('down', '--volumes', '--json')).stdout)).toMatchObject({ stopped: true });
    expect(pids.filter(isAlive)).toEqual([]);
    expect(existsSync(stateDir)).toBe(false);
  });
});
