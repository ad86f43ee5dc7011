import { readError } from '../../../domain/system-errors.ts';
import { readTextFile } from '../../runtimes/node/boot/read-text.ts';
import { usageError } from '../shell/exit.ts';
import { pathError } from '../shell/files.ts';
import type { Io } from '../shell/io.ts';

/** The options every command has that talks to a gateway. */
export interface ConnectionOptions {
  readonly url?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  /** Seconds, already checked. */
  readonly timeout?: number;
}

export interface Connection {
  /** No trailing slash; may have a path. */
  readonly url: string;
  readonly token: string | null;
  readonly timeoutMs: number;
}

export const DEFAULT_URL = 'http://127.0.0.1:8080';
export const DEFAULT_TIMEOUT_SECONDS = 30;

const parseUrl = (text: string): string => {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw usageError(`--url is not an http or https address.`, `Give one such as ${DEFAULT_URL}.`);
  }
  if (url.username !== '' || url.password !== '') {
    throw usageError(
      '--url must not hold a user name or password.',
      'Sign in with --token-file or MOSAIC_TOKEN.',
    );
  }
  if (url.search !== '' || url.hash !== '') throw usageError('--url must end before any ? or #.');
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
};

// Checked here because a header with other characters fails with a message that repeats the header.
const parseToken = (text: string, from: string): string => {
  const token = text.trim();
  if (!/^[\x21-\x7e]{1,512}$/.test(token)) {
    throw usageError(`${from} does not hold a token.`, 'A token is one word that starts with mos_.');
  }
  return token;
};

const readTokenFile = (path: string): string => {
  try {
    return readTextFile(path);
  } catch (error) {
    throw pathError(`The token file ${path}`, 'cannot be read', readError(error));
  }
};

const tokenOf = (options: ConnectionOptions, env: Io['env']): string | null => {
  if (options.token !== undefined && options.tokenFile !== undefined) {
    throw usageError('--token and --token-file exclude each other.');
  }
  if (options.token !== undefined) return parseToken(options.token, '--token');
  if (options.tokenFile !== undefined) {
    return parseToken(readTokenFile(options.tokenFile), `The file ${options.tokenFile}`);
  }
  const fromEnv = env['MOSAIC_TOKEN'];
  return fromEnv === undefined || fromEnv === '' ? null : parseToken(fromEnv, 'MOSAIC_TOKEN');
};

/**
 * Where to, and as whom: options win over the environment, the environment over the default.
 * @throws CliError usage
 */
export const resolveConnection = (options: ConnectionOptions, env: Io['env']): Connection => {
  const fromEnv = env['MOSAIC_URL'];
  return {
    url: parseUrl(options.url ?? (fromEnv === undefined || fromEnv === '' ? DEFAULT_URL : fromEnv)),
    token: tokenOf(options, env),
    timeoutMs: (options.timeout ?? DEFAULT_TIMEOUT_SECONDS) * 1000,
  };
};
