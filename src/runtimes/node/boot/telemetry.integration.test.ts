import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../config/load.ts';
import { createLog } from './log.ts';
import { startGateway, type RunningGateway } from './start.ts';

const run = promisify(execFile);
const START = fileURLToPath(new URL('start.ts', import.meta.url));
const LOAD = fileURLToPath(new URL('../../../config/load.ts', import.meta.url));

let folder: string;
let gateway: RunningGateway | null;
let lines: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mosaic-telemetry-'));
  gateway = null;
  lines = [];
});
afterEach(async () => {
  await gateway?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const environmentOf = (env: Readonly<Record<string, string>>): Readonly<Record<string, string>> => ({
  MOSAIC_DATA_DIR: join(folder, 'data'),
  MOSAIC_PUBLIC_PORT: '0',
  MOSAIC_FEDERATION_PORT: '0',
  ...env,
});

const start = async (env: Readonly<Record<string, string>>): Promise<RunningGateway> => {
  const { config } = loadConfig({ env: environmentOf(env) });
  const destination = { write: (line: string) => void lines.push(line) };
  gateway = await startGateway(config, { log: createLog({ level: 'debug', gateway: 'g', destination }) });
  return gateway;
};

/** A gateway in a process of its own, from start to stop: which modules of the libraries it loaded. */
const loadedBy = async (env: Readonly<Record<string, string>>): Promise<readonly string[]> => {
  const script = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ load: (url, context, next) => {
      if (url.includes('@opentelemetry')) loaded.push(url);
      return next(url, context);
    } });
    const { loadConfig } = await import(${JSON.stringify(LOAD)});
    const { startGateway } = await import(${JSON.stringify(START)});
    const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
    const gateway = await startGateway(loadConfig({ env: process.env }).config, { log });
    const answer = await fetch(gateway.publicUrl + '/health');
    await gateway.stop();
    console.log(JSON.stringify({ status: answer.status, loaded }));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], {
    env: { PATH: process.env['PATH'] || '', ...environmentOf(env) },
  });
  const { status, loaded } = JSON.parse(stdout) as { status: number; loaded: readonly string[] };
  expect(status).toBe(200);
  return loaded;
};

describe('telemetry on Node', () => {
  it('off by default: not one module of its libraries is loaded', async () => {
    expect(await loadedBy({})).toEqual([]);
  });

  it('on, they are', async () => {
    expect((await loadedBy({ MOSAIC_METRICS_PORT: '0' })).length).toBeGreaterThan(10);
  });

  it('off, nobody is told anything: no page, no hook, the audit log as it is', async () => {
    const { deps, publicUrl, metricsPort } = await start({});
    expect([deps.telemetry, deps.metrics, metricsPort]).toEqual([undefined, undefined, null]);
    expect((await fetch(`${publicUrl}/metrics`)).status).toBe(404);
  });

  it('X-80 a listener for /metrics alone: nothing else is on it, and without a token the public one has no such page', async () => {
    const { metricsPort, publicUrl } = await start({ MOSAIC_METRICS_PORT: '0' });
    const at = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${metricsPort}${path}`, init);
    const page = await at('/metrics');
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('mosaic_service_up')]);
    for (const path of ['/', '/health', '/api/admin/users', '/federation/v1/capabilities', '/openapi.json'])
      expect([path, (await at(path)).status]).toEqual([path, 404]);
    expect((await at('/metrics', { method: 'POST' })).status).toBe(405);
    expect((await fetch(`${publicUrl}/metrics`)).status).toBe(404);
    expect((await fetch(`${publicUrl}/metrics`, { headers: { authorization: 'Bearer ' } })).status).toBe(404);
  });

  it('X-80 where a token is configured, that listener asks for it too', async () => {
    const token = 'm'.repeat(40);
    const { metricsPort } = await start({ MOSAIC_METRICS_PORT: '0', MOSAIC_METRICS_TOKEN: token });
    const at = async (headers: Readonly<Record<string, string>>): Promise<number> =>
      (await fetch(`http://127.0.0.1:${metricsPort}/metrics`, { headers })).status;
    expect(await at({})).toBe(401);
    expect(await at({ authorization: `Bearer ${token.slice(1)}n` })).toBe(401);
    expect(await at({ authorization: `Basic ${btoa(`x:${token}`)}` })).toBe(401);
    expect(await at({ authorization: `Bearer ${token}` })).toBe(200);
  });

  it('X-71 a collector that is away costs nobody anything, is told once, and does not hold up the end', async () => {
    const secret = `canary${crypto.randomUUID()}`;
    const { deps, publicUrl, stop } = await start({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=${secret}`,
      OTEL_TRACES_SAMPLER_ARG: '1',
      OTEL_BSP_SCHEDULE_DELAY: '10',
    });
    const context = deps.telemetry?.begin('a'.repeat(32), null, 'gateway') ?? null;
    if (context === null) throw new Error('not recorded');
    for (let span = 0; span < 5_000; span += 1)
      deps.telemetry?.end({
        context: deps.telemetry.within(context),
        parentId: context.spanId,
        name: 'federation.request',
        kind: 'client',
        startedAt: new Date(),
        durationMs: 1,
        isError: false,
        attributes: {},
      });
    expect((await fetch(`${publicUrl}/health`)).status).toBe(200);
    const begin = performance.now();
    await stop();
    expect(performance.now() - begin).toBeLessThan(10_000);
    await expect
      .poll(() => lines.filter((line) => line.includes('telemetry collector')).length, { timeout: 10_000 })
      .toBeGreaterThan(0);
    expect(lines.join('\n')).not.toContain(secret);
  });
});
