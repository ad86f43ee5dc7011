import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { reloadNginx } from './nginx.ts';

const LIVES_MS = 1_000;
let end: (() => void) | null = null;
afterEach(() => {
  end?.();
  end = null;
});

/** A master that takes SIGHUP, with one child of that title, which ends by itself. */
const masterWith = async (title: string): Promise<{ readonly pidFile: string }> => {
  const folder = mkdtempSync(join(tmpdir(), 'mosaic-master-'));
  const child = `(exec -a '${title}' sleep ${LIVES_MS / 1_000}) &`;
  const script = `trap : HUP; ${child} sleep 0.1; echo ready; while kill -0 $! 2>/dev/null; do wait $!; done; exec sleep 30`;
  const master = spawn('/bin/bash', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  end = () => {
    master.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  await once(master.stdout, 'data');
  const pidFile = join(folder, 'nginx.pid');
  writeFileSync(pidFile, `${master.pid}\n`);
  return { pidFile };
};

describe('M6-1 the end of a reload', () => {
  const took = async (title: string): Promise<number> => {
    const { pidFile } = await masterWith(title);
    const from = performance.now();
    expect(await reloadNginx({ pidFile, config: 'nginx.conf', binary: 'nginx' })).toBe('reloaded');
    return performance.now() - from;
  };

  it.each([
    ['a worker', 'nginx: worker process'],
    // Made by a reload just before: it has read the list of that one, and its title is its master's until it is ready.
    ['a worker that is being made', 'nginx: master process nginx -c nginx.conf'],
  ])('waits for %s of before', async (_name, title) => {
    expect(await took(title)).toBeGreaterThan(LIVES_MS / 2);
  });

  it('does not wait for a worker that only finishes its answers', async () => {
    expect(await took('nginx: worker process is shutting down')).toBeLessThan(LIVES_MS / 2);
  });
});
