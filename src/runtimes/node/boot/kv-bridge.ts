import { readFileSync, realpathSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { fileURLToPath } from 'node:url';
import { getRequestListener } from '@hono/node-server';
import { MosaicError } from '../../../../domain/errors.ts';
import type { Log } from '../../../../domain/ports/basics.ts';
import { createKvBridge } from '../../../kv/bridge.ts';
import { openValkeyCommands } from '../../../kv/valkey.ts';
import { DEFAULT_LIMITS, serverOptions } from '../http/http-limits.ts';
import { listenTcp } from '../http/listen.ts';
import { createLog } from './log.ts';
import { makeStoppable } from '../http/stopping.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface RunningKvBridge {
  readonly url: string;
  close(): Promise<void>;
}

const DEFAULT_PORT = 8079;
const GRACE_MS = 3_000;
const TLS_LIMITS = { minVersion: 'TLSv1.2', handshakeTimeout: DEFAULT_LIMITS.handshakeTimeoutMs } as const;

/** An empty text is no setting: compose files pass what is not set as that. */
const withoutEmpty = (env: Environment): Environment =>
  Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));

/** @throws TypeError that names the variable and never quotes what stands in it or in the file */
const fileOf = (env: Environment, variable: string): string | undefined => {
  const path = env[variable];
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    throw new TypeError(`${variable} names a file that cannot be read`);
  }
};

const required = (env: Environment, name: string): string => {
  const value = fileOf(env, `${name}_FILE`) ?? env[name] ?? '';
  if (value === '') throw new TypeError(`${name} (or ${name}_FILE) is missing`);
  return value;
};

const portOf = (env: Environment): number => {
  const text = env['KV_BRIDGE_PORT'] ?? String(DEFAULT_PORT);
  const port = Number(text);
  // A blank text would be the number 0, which is any port.
  if (!/^\d{1,5}$/.test(text) || port > 65_535) {
    throw new TypeError('KV_BRIDGE_PORT is a number from 0 to 65535');
  }
  return port;
};

/** TLS when both files are given; without it the token and the values cross the network in clear. */
const makeServer = (env: Environment, listener: ReturnType<typeof getRequestListener>): Server => {
  const cert = fileOf(env, 'KV_BRIDGE_TLS_CERT_FILE');
  const key = fileOf(env, 'KV_BRIDGE_TLS_KEY_FILE');
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError('KV_BRIDGE_TLS_CERT_FILE and KV_BRIDGE_TLS_KEY_FILE go together');
  }
  const limits = serverOptions(DEFAULT_LIMITS);
  const handle = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    void listener(incoming, outgoing);
  };
  const server =
    cert === undefined || key === undefined
      ? createServer(limits, handle)
      : createTlsServer({ ...limits, ...TLS_LIMITS, cert, key }, handle);
  server.maxConnections = DEFAULT_LIMITS.maxConnections;
  return server;
};

/**
 * Starts the REST bridge over a Valkey; docs/reference/key-value.md lists the variables.
 *
 * @throws TypeError for a missing or bad setting, ListenError for an address that can't be used
 * @throws MosaicError `unavailable` when Valkey does not answer
 */
export const startKvBridge = async (given: Environment, log: Log): Promise<RunningKvBridge> => {
  const env = withoutEmpty(given);
  const url = required(env, 'VALKEY_URL');
  const tokens = required(env, 'KV_BRIDGE_TOKEN').split(/\s+/);
  const listenPort = portOf(env);
  const host = env['KV_BRIDGE_HOST'] ?? '127.0.0.1';
  const passwordFile = env['VALKEY_PASSWORD_FILE'];
  const ca = fileOf(env, 'VALKEY_CA_FILE');
  const commands = await openValkeyCommands({
    url,
    log,
    ...(passwordFile === undefined ? {} : { passwordFile }),
    ...(ca === undefined ? {} : { tls: { ca } }),
  });
  try {
    const app = createKvBridge({ port: commands, tokens, log });
    const server = makeServer(env, getRequestListener(app.fetch));
    const stoppable = makeStoppable(server);
    const port = await listenTcp(server, host, listenPort, 'KV_BRIDGE_PORT');
    const scheme = env['KV_BRIDGE_TLS_CERT_FILE'] === undefined ? 'http' : 'https';
    return {
      url: `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`,
      close: async () => {
        await stoppable.stop(GRACE_MS);
        await commands.close();
      },
    };
  } catch (error) {
    await commands.close();
    throw error;
  }
};

const main = async (): Promise<void> => {
  const log = createLog({ level: 'info', gateway: 'kv-bridge' });
  try {
    const bridge = await startKvBridge(process.env, log);
    log.info('key-value bridge is listening', { url: bridge.url });
    const stop = (): void => void bridge.close().then(() => process.exit(0));
    process.once('SIGTERM', stop);
    process.once('SIGINT', stop);
    process.once('SIGHUP', stop);
  } catch (error) {
    const reason = error instanceof MosaicError ? error.cause : error;
    log.error('key-value bridge cannot start', { reason: reason instanceof Error ? reason.message : null });
    process.exitCode = 1;
  }
};

const entry = process.argv[1];
if (entry !== undefined && realpathSync(entry) === fileURLToPath(import.meta.url)) await main();
