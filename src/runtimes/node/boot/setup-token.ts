import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { GatewayConfig } from '../../../config/config.ts';
import { parseSealingKey } from '../../../config/sealing-key.ts';
import { setupTokenOf } from '../../../directory/setup-token.ts';
import { SEALING_KEY } from './data-folder.ts';
import { codeOf } from './errno.ts';
import { nodeHashing } from './hashing.ts';

/** In the data folder of tier `local`, for the operator, until there is an administrator. */
const FILE = 'setup-token';
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

/**
 * Tier `local`, and only this machine reaches the public listener: not even through a proxy on it, which may add nothing to a
 * request. Where there is one, people come to another address than this machine's, and enrollment URLs name it.
 */
export const isSetupOpen = ({ tier, publicSocket, publicListener, federation }: GatewayConfig): boolean =>
  tier === 'local' &&
  publicSocket === null &&
  LOOPBACK.test(publicListener.host) &&
  (federation.enrollmentBaseUrl === null ||
    LOOPBACK.test(new URL(federation.enrollmentBaseUrl).hostname.replace(/^\[(.*)\]$/, '$1')));

/** The setup token of the gateway with this configuration; null where its data folder has no key yet. */
export const setupTokenIn = ({ tier, sealingKey, dataDir }: GatewayConfig): string | null => {
  if (sealingKey !== null) return setupTokenOf(sealingKey, nodeHashing);
  if (tier !== 'local') return null;
  try {
    const key = parseSealingKey(readFileSync(join(resolve(dataDir), SEALING_KEY), 'utf8').trim());
    return key === null ? null : setupTokenOf(key, nodeHashing);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
};

/** Writes the token into the data folder (mode 0600), or removes it. Only tier `local` has such a folder. */
export const keepSetupToken = ({ tier, dataDir }: GatewayConfig, token: string | null): void => {
  if (tier !== 'local') return;
  const path = join(resolve(dataDir), FILE);
  rmSync(path, { force: true });
  if (token !== null) writeFileSync(path, `${token}\n`, { mode: 0o600, flag: 'wx' });
};
