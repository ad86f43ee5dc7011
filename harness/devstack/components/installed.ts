import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const INFRA = fileURLToPath(new URL('../../../infra/', import.meta.url));

/** Pins of infra/versions.env. */
export const versions = Object.fromEntries(
  readFileSync(path.join(INFRA, 'versions.env'), 'utf8')
    .split('\n')
    .filter((line) => /^[A-Z]/.test(line))
    .map((line) => line.split('=', 2) as [string, string]),
);

export const cacheFolder =
  process.env['MOSAIC_CACHE_DIR'] ||
  path.join(process.env['XDG_CACHE_HOME'] || path.join(homedir(), '.cache'), 'mosaic-federation');

/** Where each real component's program is. */
export const programs = {
  stepCa: path.join(cacheFolder, 'bin', `step-ca-${versions['STEP_CA_VERSION']}`),
  step: path.join(cacheFolder, 'bin', `step-${versions['STEP_CLI_VERSION']}`),
  composeSpec: path.join(cacheFolder, 'bin', `compose-spec-${versions['COMPOSE_SPEC_VERSION']}`),
  postgresBin: `/usr/lib/postgresql/${versions['POSTGRES_MAJOR']}/bin`,
  nginx: '/usr/sbin/nginx',
  valkey: '/usr/bin/valkey-server',
  provision: path.join(INFRA, 'step-ca', 'provision.sh'),
  crossSign: path.join(INFRA, 'step-ca', 'cross-sign.sh'),
} as const;

const INSTALLER = path.join(INFRA, 'install-debian.sh');

const check = (): string => {
  try {
    execFileSync(INSTALLER, ['--check'], { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
    return '';
  } catch (error) {
    return String((error as { stderr?: string }).stderr ?? error);
  }
};

/**
 * Makes sure that the real components are there: installs them where it may (root on Debian), else says what is missing.
 * @throws Error that names what is missing and how to get it
 */
export const ensureInstalled = (): void => {
  if (check() === '') return;
  const mayInstall = process.getuid?.() === 0 && existsSync('/etc/debian_version');
  if (mayInstall) execFileSync(INSTALLER, { stdio: ['ignore', 'inherit', 'inherit'] });
  const missing = check();
  if (missing !== '') {
    throw new Error(
      `${missing.trim()}\nInstall the real components with: infra/install-debian.sh (root, Debian 12)`,
    );
  }
};
