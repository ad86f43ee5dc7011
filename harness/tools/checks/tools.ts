import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './repository.ts';

/** The JavaScript entry of a tool, started directly: no shell and no npm in between, so signals arrive. */
export function toolEntry(name: string, command: string = name): string {
  const folder = join(ROOT, 'node_modules', name);
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    bin: string | Record<string, string>;
  };
  const path = typeof bin === 'string' ? bin : bin[command];
  if (path === undefined) throw new Error(`${name} has no command ${command}`);
  return join(folder, path);
}

/** Runs a tool of node_modules in the checkout with the terminal attached; answers its exit code. */
export function runTool(name: string, command: string, args: readonly string[]): number {
  const { status, error } = spawnSync(process.execPath, [toolEntry(name, command), ...args], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  if (error !== undefined) throw error;
  return status ?? 1;
}

/** The same with what it printed. */
export function readTool(name: string, command: string, args: readonly string[]): string {
  const { stdout, stderr, status, error } = spawnSync(process.execPath, [toolEntry(name, command), ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr || stdout}`);
  return stdout;
}
