import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process of ours: known by its pid, its output in a log file, stopped by that pid and nothing else. */
export interface Component {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
}

export interface Launch {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Where the log goes. */
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Asked every few milliseconds until it answers true. */
  readonly ready: () => Promise<boolean>;
  readonly timeoutMs?: number;
  /** Told as soon as there is a pid, long before it is ready: so that an interrupted start leaves nothing behind. */
  readonly onSpawn?: OnSpawn | undefined;
}

export type OnSpawn = (component: Component) => void;

const POLL_MS = 10;
const START_MS = 20_000;
const STOP_MS = 10_000;

/** Inherited by components; all else (DATABASE_URL, PGHOST, …) could point them at something real. */
const INHERITED = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TMPDIR', 'TZ'];

export const inheritedEnvironment = (): Record<string, string> =>
  Object.fromEntries(
    INHERITED.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );

export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  try {
    // A zombie has ended; only its parent has not looked yet.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

/** When a process started, in ticks since boot: tells it from another one that got the same pid later. Null when it is gone. */
export const startOf = (pid: number): string | null => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
};

const tail = (file: string): string => readFileSync(file, 'utf8').split('\n').slice(-15).join('\n');

/**
 * Starts a process that outlives this one, and waits until it is ready.
 * @throws Error with the end of its log when it ends or is not ready in time; it is stopped then
 */
export const launch = async (options: Launch): Promise<Component> => {
  mkdirSync(options.folder, { recursive: true });
  const logFile = path.join(options.folder, `${options.name}.log`);
  const log = openSync(logFile, 'a');
  const child = spawn(options.command, [...options.args], {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...inheritedEnvironment(), ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
  });
  closeSync(log);
  let failure: Error | undefined;
  child.on('error', (error) => (failure = error));
  child.unref();
  const component = { name: options.name, pid: child.pid ?? -1, logFile };
  if (component.pid > 0) options.onSpawn?.(component);
  const end = Date.now() + (options.timeoutMs ?? START_MS);
  while (Date.now() < end) {
    if (failure !== undefined || child.exitCode !== null || child.signalCode !== null) break;
    if (await options.ready().catch(() => false)) return component;
    await sleep(POLL_MS);
  }
  if (component.pid > 0) await stop(component);
  const why =
    failure?.message ?? (child.exitCode === null ? 'was not ready in time' : `ended with ${child.exitCode}`);
  throw new Error(`${options.name} ${why}\n${tail(logFile)}`);
};

/** Stops one process by its pid: asks, waits, and only then kills. */
export const stop = async (
  { pid }: Pick<Component, 'pid'>,
  first: NodeJS.Signals = 'SIGTERM',
): Promise<void> => {
  for (const signal of [first, 'SIGKILL'] as const) {
    if (!isAlive(pid)) return;
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    const end = Date.now() + STOP_MS;
    while (Date.now() < end && isAlive(pid)) await sleep(POLL_MS);
  }
};
