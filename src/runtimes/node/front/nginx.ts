import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { FrontConfig } from '../../../config/config.ts';
import { redact } from '../../common/redact.ts';
import { codeOf } from '../boot/errno.ts';

const run = promisify(execFile);
type Nginx = NonNullable<FrontConfig['nginx']>;

const TEST_MS = 10_000;
/** A reload takes 0.1 s, and was seen to take half a second on a machine with more work than processors. */
const RELOAD_MS = 5_000;
const RELOAD_POLL_MS = 5;

/** nginx's own words, one line, without its time stamps. */
const wordsOf = (error: unknown): string => {
  const text = error instanceof Error && 'stderr' in error ? String(error.stderr) : '';
  const [line] = text.split('\n').filter((one) => /\[(emerg|alert|crit|error)\]/.test(one));
  return redact((line ?? text).replace(/^.*?\[\w+\] /, '').trim()).slice(0, 500);
};

/** `nginx -t`: whether it would start with the files as they are. @returns what it says against them, or null */
export const nginxFault = async ({ binary, config }: Nginx): Promise<string | null> => {
  try {
    await run(binary, ['-t', '-q', '-e', 'stderr', '-c', config], { timeout: TEST_MS });
    return null;
  } catch (error) {
    const words = wordsOf(error);
    if (words !== '') return words;
    return codeOf(error) === 'ENOENT' ? `there is no program ${binary}` : 'it ended without a reason';
  }
};

/** Process of the master, or null when none runs. */
const masterOf = ({ pidFile }: Nginx): number | null => {
  const pid = Number(readFileSync(pidFile, 'utf8').trim());
  // 0 and below would reach whole groups of processes.
  return Number.isInteger(pid) && pid > 1 ? pid : null;
};

const readProc = (path: string): string => {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch {
    return '';
  }
};

/** Processes of its workers; none where the system does not tell (it is not Linux). */
const workersOf = (master: number): readonly number[] =>
  readProc(`${master}/task/${master}/children`).split(' ').filter(Boolean).map(Number);

/**
 * Whether a process of the master takes connections, or will. A worker that was told to go writes so into its title, and accepts nothing
 * from then on. One that was just made has its master's title still, and may come up with what was read before.
 */
const accepts = (worker: number): boolean => {
  const title = readProc(`${worker}/cmdline`).split('\0', 1)[0]?.trim() ?? '';
  return /^nginx: (?:worker|master) process/.test(title) && !title.endsWith('is shutting down');
};

/**
 * Has a running nginx read its configuration again. For a tenth of a second the workers from before take connections
 * beside the new ones, and let in what the new list refuses: it resolves when they no longer do.
 *
 * @returns `kept` when the workers from before go on for seconds: nginx did not take what it was to read
 */
export const reloadNginx = async (nginx: Nginx): Promise<'reloaded' | 'kept' | 'not running'> => {
  let before: readonly number[];
  try {
    const master = masterOf(nginx);
    if (master === null) return 'not running';
    before = workersOf(master);
    process.kill(master, 'SIGHUP');
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ESRCH') return 'not running';
    throw error;
  }
  const end = performance.now() + RELOAD_MS;
  while (before.some(accepts)) {
    if (performance.now() > end) return 'kept';
    await wait(RELOAD_POLL_MS);
  }
  return 'reloaded';
};
