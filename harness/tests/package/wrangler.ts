import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../devstack/components/sockets.ts';

const run = promisify(execFile);
const READY_MS = 120_000;
const QUIET = {
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_ignore_scripts: 'true',
} as const;

/** What a reader sees in the end. */
export interface Tried {
  readonly text: string;
  /** What `wrangler dev` wrote. */
  readonly log: string;
}

const blocksOf = (text: string, language: string): readonly string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    ([, block]) => block ?? '',
  );

/** Installs and prepares as the blocks say, runs `wrangler dev` beside the last block, and ends it with all it started. */
const runBlocks = async (
  folder: string,
  env: Readonly<Record<string, string>>,
  [install = '', dev = '', ask = '']: readonly string[],
): Promise<Tried> => {
  // As whoever runs the tests installs: behind which proxy, and from where, is theirs.
  await run('sh', ['-eu', '-c', install], { cwd: folder, env: { ...process.env, ...QUIET } });
  // A group of its own: npx starts wrangler, and that workerd.
  const wrangler = spawn('sh', ['-eu', '-c', dev], { cwd: folder, env, detached: true });
  const ended = once(wrangler, 'close');
  let log = '';
  const isReady = new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`wrangler dev is not ready:\n${log}`)), READY_MS);
    const read = (chunk: string): void => {
      log += chunk;
      if (!log.includes('Ready on ')) return;
      clearTimeout(late);
      resolve();
    };
    for (const stream of [wrangler.stdout, wrangler.stderr]) stream.setEncoding('utf8').on('data', read);
    wrangler.once('close', () => {
      clearTimeout(late);
      reject(new Error(`wrangler dev ended:\n${log}`));
    });
  });
  try {
    await isReady;
    const { stdout } = await run('sh', ['-eu', '-c', ask], { cwd: folder, env });
    return { text: stdout, log };
  } finally {
    if (wrangler.pid !== undefined && wrangler.exitCode === null) process.kill(-wrangler.pid, 'SIGTERM');
    await ended;
  }
};

/**
 * Follows "With wrangler" of docs/tutorials/try-locally.md: its shell blocks as they stand, but for the port.
 * @param folder has the package installed
 */
export const followWrangler = async (
  tutorial: string,
  folder: string,
  environment: Readonly<Record<string, string>>,
): Promise<Tried> => {
  const [, after = ''] = tutorial.split('### With wrangler\n');
  const [section = ''] = after.split(/^## /m);
  const [secrets = ''] = blocksOf(section, 'ini');
  const { MOSAIC_SEALING_KEY = '', ...others } = environment;
  await writeFile(path.join(folder, '.dev.vars'), secrets.replace(/<64 [^>]*>/, MOSAIC_SEALING_KEY));
  const port = String(await freePort());
  const blocks = blocksOf(section, 'sh').map((block) =>
    block.replaceAll(':8787', `:${port}`).replace('npx wrangler dev', `npx wrangler dev --port ${port}`),
  );
  const env = {
    ...others,
    PATH: process.env['PATH'] || '',
    HOME: folder,
    // Nobody is there to answer, and nothing is told to anybody.
    CI: '1',
    WRANGLER_SEND_METRICS: 'false',
    ...QUIET,
  };
  return runBlocks(folder, env, blocks);
};
