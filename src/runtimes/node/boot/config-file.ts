import { readError } from '../../../../domain/system-errors.ts';
import type { Environment } from '../../../config/environment.ts';
import { ConfigError } from '../../../config/issues.ts';
import { loadConfig, type LoadedConfig } from '../../../config/load.ts';
import { codeOf } from './errno.ts';
import { readTextFile } from './read-text.ts';

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

const readConfig = (path: string, isOptional: boolean): string | undefined => {
  try {
    return readTextFile(path);
  } catch (error) {
    if (isOptional && codeOf(error) === 'ENOENT') return undefined;
    const found = readError(error);
    if (found === null) throw error;
    const message = `cannot be read: ${found.what}. What to do: ${found.cure}`;
    throw new ConfigError([{ path, message, expected: 'the path of a configuration file' }]);
  }
};

/** Loads the configuration from disk and environment; paths in it are relative to the current folder. @throws ConfigError */
export const loadConfigFile = ({ path, env = process.env }: ConfigFileOptions = {}): LoadedFile => {
  const file = readConfig(path ?? CONFIG_FILE, path === undefined);
  try {
    const loaded = loadConfig({ ...(file === undefined ? {} : { file }), env, readFile: readTextFile });
    return { ...loaded, hasFile: file !== undefined };
  } catch (error) {
    if (!(error instanceof ConfigError) || file === undefined) throw error;
    const name = path ?? CONFIG_FILE;
    const issues = error.issues.map((issue) =>
      issue.path === '$' && issue.variable === undefined ? { ...issue, path: name } : issue,
    );
    throw new ConfigError(issues, `The configuration (${name} and environment) is not valid:`);
  }
};
