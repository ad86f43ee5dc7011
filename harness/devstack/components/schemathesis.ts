import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { cacheFolder, versions } from './installed.ts';

const run = promisify(execFile);
const REQUIREMENTS = fileURLToPath(new URL('../../tests/openapi/requirements.txt', import.meta.url));
const INSTALL_MS = 300_000;

const install = async (folder: string): Promise<void> => {
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
  // Wheels alone: nothing of a package runs while it is installed.
  const wheels = ['--only-binary=:all:', '--no-deps', '--target', folder, '--requirement', REQUIREMENTS];
  await run('python3', [...pip, ...wheels], { timeout: INSTALL_MS });
};

/** Debian's Python comes without pip. */
const installPip = async (): Promise<void> => {
  const hasPip = await run('python3', ['-m', 'pip', '--version']).then(
    () => true,
    () => false,
  );
  if (hasPip) return;
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version'))
    throw new Error('Schemathesis is installed with pip: install Python 3 with pip.');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['-q', 'update'], { env, timeout: INSTALL_MS });
  await run('apt-get', ['-q', 'install', '-y', '--no-install-recommends', 'python3-pip'], {
    env,
    timeout: INSTALL_MS,
  });
};

/**
 * Makes sure that the pinned Schemathesis is there, outside the checkout and keyed by its version.
 * @returns the folder to be put into PYTHONPATH
 * @throws Error when there is no Python with pip
 */
export const ensureSchemathesis = async (): Promise<string> => {
  const folder = path.join(cacheFolder, `schemathesis-${versions['SCHEMATHESIS_VERSION']}`);
  if (existsSync(folder)) return folder;
  await installPip();
  await mkdir(cacheFolder, { recursive: true });
  const draft = await mkdtemp(path.join(cacheFolder, 'schemathesis-draft-'));
  try {
    await install(draft);
    await rename(draft, folder);
  } catch (error) {
    // Somebody else may have been first.
    if (!existsSync(folder)) throw error;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return folder;
};
