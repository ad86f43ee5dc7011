import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
let folder: string;
let child: ChildProcess | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mosaic-main-'));
});
afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly log: string;
}

/** Runs the program; `during` gets what it has said so far, and may end it. */
const run = (
  env: Readonly<Record<string, string>>,
  during: (out: string, self: ChildProcess) => void = () => {},
): Promise<Ended> =>
  new Promise((resolve) => {
    const self = spawn(process.execPath, [MAIN], {
      cwd: folder,
      env: { ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child = self;
    let out = '';
    let log = '';
    self.stdout.on('data', (chunk: Buffer) => during((out += chunk.toString()), self));
    self.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
    self.once('close', (code) => resolve({ code, out, log }));
  });

describe('the gateway as a process', () => {
  it('prints how to create the first administrator, and ends with 0 on SIGTERM', async () => {
    const env = { MOSAIC_PUBLIC_PORT: '0', MOSAIC_FEDERATION_PORT: '0' };
    const { code, out, log } = await run(env, (so_far, self) => {
      if (so_far.includes('first administrator') && so_far.endsWith('\n')) self.kill('SIGTERM');
    });
    expect(out).toMatch(/curl -sS -X POST http:\/\/127\.0\.0\.1:\d+\/api\/bootstrap\/setup/);
    expect({ code, last: JSON.parse(log.trim().split('\n').at(-1) ?? '{}') as object }).toMatchObject({
      code: 0,
      last: { message: 'stopped' },
    });
  });

  it.each(['SIGHUP', 'SIGINT', 'SIGTERM'] as const)(
    'F-27 %s ends it gracefully, within its time',
    async (signal) => {
      const env = { MOSAIC_PUBLIC_PORT: '0', MOSAIC_FEDERATION_PORT: '0', MOSAIC_SHUTDOWN_SECONDS: '5' };
      let at = 0;
      const { code, log } = await run(env, (so_far, self) => {
        if (at > 0 || !so_far.includes('first administrator') || !so_far.endsWith('\n')) return;
        at = performance.now();
        self.kill(signal);
      });
      expect({ code, isInTime: performance.now() - at < 6_000 }).toEqual({ code: 0, isInTime: true });
      expect(log).toContain('"stopped"');
    },
  );

  it('F-27 a signal while a start hangs ends it, and a second one at once', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const env = {
      MOSAIC_TIER: 'standalone',
      DATABASE_URL: `postgres://u:canary-7b@127.0.0.1:${(silent.address() as AddressInfo).port}/d`,
      DATABASE_PEERS_URL: `postgres://u:canary-7b@127.0.0.1:${(silent.address() as AddressInfo).port}/d`,
      MOSAIC_SEALING_KEY: 'ab'.repeat(32),
    };
    try {
      for (const signals of [1, 2]) {
        const connected = once(silent, 'connection');
        const running = run(env);
        await connected;
        const from = performance.now();
        child?.kill('SIGTERM');
        if (signals === 2) setTimeout(() => child?.kill('SIGTERM'), 200);
        const { code } = await running;
        // Of the first, that it was ended; or the reason why it would not have started, if that came first.
        expect(signals === 2 ? [1] : [1, 69]).toContain(code);
        expect(performance.now() - from).toBeLessThan(signals === 2 ? 2_000 : 5_000);
      }
    } finally {
      silent.close();
    }
  });

  it('refuses a bad configuration at once: exit code 78 and every fault', async () => {
    writeFileSync(join(folder, 'mosaic.config.json'), '{"version":2,"colour":"red","log":{"level":"loud"}}');
    const { code, log } = await run({ MOSAIC_PUBLIC_PORT: 'x' });
    expect(code).toBe(78);
    expect(log).toMatch(/mosaic\.config\.json and environment[\s\S]*colour: unknown key[\s\S]*/);
    expect(log).toContain('MOSAIC_PUBLIC_PORT (listen.public.port)');
    expect(log).toContain('log.level');
  });

  it('M1-2 refuses tier federated when its configuration lacks a service', async () => {
    const env = {
      MOSAIC_TIER: 'federated',
      DATABASE_URL: 'postgres://u:canary-7b@127.0.0.1:1/d',
      DATABASE_PEERS_URL: 'postgres://u:canary-7b@127.0.0.1:1/d',
      MOSAIC_SEALING_KEY: 'ab'.repeat(32),
    };
    const { code, log } = await run(env);
    expect(code).toBe(78);
    for (const part of ['VALKEY_URL', 'STEP_CA_URL', 'STEP_CA_ROOT_CERT_PATH']) expect(log).toContain(part);
    expect(log).not.toContain('canary');
  });

  it('X-48 names a database that does not answer, without its password', async () => {
    const env = {
      MOSAIC_TIER: 'standalone',
      DATABASE_URL: 'postgres://u:canary-7b@127.0.0.1:1/d',
      DATABASE_PEERS_URL: 'postgres://u:canary-7b@127.0.0.1:1/d',
      MOSAIC_SEALING_KEY: 'ab'.repeat(32),
    };
    const { code, log } = await run(env);
    expect(code).toBe(69);
    expect(log).toMatch(/cannot start:\n {2}Postgres at 127\.0\.0\.1:1: nothing listens there/);
    expect(log).not.toContain('canary');
  });
});
