import { readFileSync } from 'node:fs';
import type { Environment } from '../../config/environment.ts';
import { ConfigError } from '../../config/issues.ts';
import { loadConfig, type LoadedConfig } from '../../config/load.ts';
import { codeOf } from './errno.ts';

export const CONFIG_FILE = 'mosaic.config.json';

export interface ConfigFileOptions {
  /** Of the file; absent: mosaic.config.json in the current folder, when there is one. */
  readonly path?: string;
  /** Default: the process's. What a command line says goes in here too. */
  readonly env?: Environment;
}

export interface LoadedFile extends LoadedConfig {
  /** Whether a file was read, beside the environment. */
  readonly hasFile: boolean;
}

const readFile = (path: string): string => readFileSync(path, 'utf8');

const readConfig = (path: string, isOptional: boolean): string | undefined => {
  try {
    return readFile(path);
  } catch (error) {
    if (isOptional && codeOf(error) === 'ENOENT') return undefined;
    const message = codeOf(error) === 'ENOENT' ? 'does not exist' : 'can not be read';
    throw new ConfigError([{ path, message, expected: 'the path of a configuration file' }]);
  }
};

/** Loads the configuration from disk and environment; paths in it are relative to the current folder. @throws ConfigError */
export const loadConfigFile = ({ path, env = process.env }: ConfigFileOptions = {}): LoadedFile => {
  const file = readConfig(path ?? CONFIG_FILE, path === undefined);
  try {
    const loaded = loadConfig({ ...(file === undefined ? {} : { file }), env, readFile });
    return { ...loaded, hasFile: file !== undefined };
  } catch (error) {
    if (!(error instanceof ConfigError) || file === undefined) throw error;
    throw new ConfigError(
      error.issues,
      `The configuration (${path ?? CONFIG_FILE} and environment) is not valid:`,
    );
  }
};
