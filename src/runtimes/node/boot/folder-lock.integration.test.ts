import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';

const WORKER = fileURLToPath(new URL('folder-lock-worker.testkit.ts', import.meta.url));
const PROCESSES = 6;
const KILLS = 40;

const folder = mkdtempSync(join(tmpdir(), 'mosaic-lock-'));
const workers = new Set<ChildProcess>();
afterEach(() => {
  for (const worker of workers) worker.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

it('F-34 is held by one of six processes, whose holders are killed while they hold it', async () => {
  const seen = { double: 0, released: 0, killed: 0 };
  const errors: string[] = [];
  const done = new Promise<void>((resolve) => {
    const start = (): void => {
      const worker = spawn(process.execPath, [WORKER, folder], { stdio: ['ignore', 'pipe', 'pipe'] });
      workers.add(worker);
      worker.stderr.on('data', (text: Buffer) => errors.push(text.toString()));
      worker.stdout.on('data', (text: Buffer) => {
        for (const line of text.toString().split('\n')) {
          if (line === 'double') seen.double += 1;
          if (line === 'released') seen.released += 1;
          if (line === 'held') worker.kill('SIGKILL');
        }
      });
      worker.once('exit', (_code, signal) => {
        workers.delete(worker);
        if (signal !== 'SIGKILL') errors.push(`ended by ${signal}`);
        seen.killed += 1;
        if (seen.killed >= KILLS || errors.length > 0) resolve();
        else start();
      });
    };
    for (let index = 0; index < PROCESSES; index += 1) start();
  });
  await done;
  expect(errors).toEqual([]);
  expect(seen.double).toBe(0);
  expect(seen.released).toBeGreaterThan(0);
}, 120_000);
