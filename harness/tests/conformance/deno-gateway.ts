import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { behindFront, send } from './node-gateway.ts';
import { startEdgeServices, type EdgeServices } from './services.ts';
import type { GatewayUnderTest } from './under-test.ts';

/** What the front proves itself with. */
const FRONT_SECRET = crypto.randomUUID();

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Beside the front's way to it, that of somebody else who may open the socket. */
export interface DenoGatewayUnderTest extends GatewayUnderTest {
  readonly unprovenFetch: GatewayUnderTest['federationFetch'];
  readonly services: EdgeServices;
  /** Folder of its socket. */
  readonly folder: string;
}

/** The binary itself: killing the package's shim would leave it running. */
export const denoBinary = (): string => {
  const require = createRequire(import.meta.url);
  const shim = require.resolve('deno/package.json');
  const name = `@deno/${process.platform}-${process.arch}${process.platform === 'linux' ? '-glibc' : ''}`;
  return join(dirname(createRequire(shim).resolve(`${name}/package.json`)), 'deno');
};

/**
 * A gateway on Deno in a process of its own, with no more permissions than it needs.
 * @param options.services to be a replica on them; absent: services of its own, which end with it
 */
export const openDenoGateway = async (
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly services?: EdgeServices;
    /** Of the folder that the socket is in; default: its owner's alone. */
    readonly folderMode?: number;
    /** Folder of the socket, of another gateway for example; it stays. Default: a new one. */
    readonly folder?: string;
  } = {},
): Promise<DenoGatewayUnderTest> => {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'mosaic-deno-'));
  const socket = join(folder, 'federation.sock');
  if (options.folderMode !== undefined) chmodSync(folder, options.folderMode);
  const services = options.services ?? (await startEdgeServices());
  const permissions = [
    '--no-prompt',
    '--allow-env',
    '--allow-sys=umask,uid',
    `--allow-net=127.0.0.1,localhost,unix:${socket}`,
    `--allow-read=${root},${folder}`,
    `--allow-write=${folder}`,
  ];
  const child = spawn(
    denoBinary(),
    [
      'run',
      '--quiet',
      '--config',
      join(root, 'deno.json'),
      ...permissions,
      join(root, 'src/runtimes/deno/main.ts'),
    ],
    {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'] || '',
        HOME: folder,
        DENO_DIR: join(folder, 'deno'),
        DENO_NO_UPDATE_CHECK: '1',
        ...services.environment,
        MOSAIC_LOG_LEVEL: 'warn',
        MOSAIC_PUBLIC_PORT: '0',
        MOSAIC_FEDERATION_SOCKET: socket,
        FEDERATION_URL: 'https://federation.test',
        MOSAIC_FRONT_SECRET: FRONT_SECRET,
        ...options.env,
      },
    },
  );
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const firstLine = async (): Promise<string | null> => {
    for await (const line of createInterface({ input: child.stdout })) return line;
    return null;
  };
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    const force = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await exited;
    clearTimeout(force);
    if (options.services === undefined) await services.stop();
    if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
  };
  const line = await firstLine();
  if (line === null) {
    await stop();
    throw new Error(`the gateway did not start on Deno:\n${errors}`);
  }
  const { hostname, port } = new URL((JSON.parse(line) as { readonly public_url: string }).public_url);
  const publicFetch: GatewayUnderTest['publicFetch'] = (path, init = {}) =>
    send(httpRequest, path, init, { host: hostname, port });
  return {
    publicFetch,
    enrollmentFetch: publicFetch,
    federationFetch: behindFront(socket, FRONT_SECRET),
    unprovenFetch: behindFront(socket),
    services,
    folder,
    forge: services.forge,
    setupToken: services.setupToken,
    whenRevoked: [{ status: 403, code: 'grant_revoked' }],
    stop,
  };
};
