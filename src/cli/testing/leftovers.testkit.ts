import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

const commandLines = (): readonly string[] => {
  if (!existsSync('/proc/self/cmdline')) {
    return execFileSync('ps', ['-axo', 'command'], { encoding: 'utf8' }).split('\n');
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        // It ended while we looked.
        return '';
      }
    });
};

/** Processes whose command line names a folder: gateways that work there. */
export const processesIn = (folder: string): readonly string[] =>
  commandLines().filter((line) => line.includes(`--data-dir=${folder}`));

/** What is left of a program whose temporary folder was `folder`: its files, and processes that work there. */
export const leftovers = (
  folder: string,
): { readonly files: readonly string[]; readonly processes: readonly string[] } => ({
  files: readdirSync(folder),
  processes: processesIn(folder),
});
