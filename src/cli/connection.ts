import { readFile } from 'node:fs/promises';
import { usageError } from './exit.ts';
import type { Io } from './io.ts';

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

const readTokenFile = async (path: string): Promise<string> => {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    throw usageError(`The token file ${path} can not be read (${code}).`);
  }
};

const tokenOf = async (options: ConnectionOptions, env: Io['env']): Promise<string | null> => {
  if (options.token !== undefined && options.tokenFile !== undefined) {
    throw usageError('--token and --token-file exclude each other.');
  }
  if (options.token !== undefined) return parseToken(options.token, '--token');
  if (options.tokenFile !== undefined) {
    return parseToken(await readTokenFile(options.tokenFile), `The file ${options.tokenFile}`);
  }
  const fromEnv = env['MOSAIC_TOKEN'];
  return fromEnv === undefined || fromEnv === '' ? null : parseToken(fromEnv, 'MOSAIC_TOKEN');
};

/**
 * Where to, and as whom: options win over the environment, the environment over the default.
 * @throws CliError usage
 */
export const resolveConnection = async (options: ConnectionOptions, env: Io['env']): Promise<Connection> => {
  const fromEnv = env['MOSAIC_URL'];
  return {
    url: parseUrl(options.url ?? (fromEnv === undefined || fromEnv === '' ? DEFAULT_URL : fromEnv)),
    token: await tokenOf(options, env),
    timeoutMs: (options.timeout ?? DEFAULT_TIMEOUT_SECONDS) * 1000,
  };
};
