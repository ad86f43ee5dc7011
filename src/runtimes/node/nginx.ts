import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { FrontConfig } from '../../config/config.ts';
import { redact } from '../redact.ts';
import { codeOf } from './errno.ts';

const run = promisify(execFile);
type Nginx = NonNullable<FrontConfig['nginx']>;

const TEST_MS = 10_000;

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

/** Asks a running nginx to read its configuration again. @returns whether one runs */
export const reloadNginx = ({ pidFile }: Nginx): boolean => {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8').trim());
    // 0 and below would reach whole groups of processes.
    if (!Number.isInteger(pid) || pid <= 1) return false;
    process.kill(pid, 'SIGHUP');
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ESRCH') return false;
    throw error;
  }
};
