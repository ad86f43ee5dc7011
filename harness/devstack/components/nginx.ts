import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { renderFront, type NginxOptions } from '../../../src/cli/render/nginx/nginx.ts';
import { programs } from './installed.ts';
import { launch, type Component, type OnSpawn } from './process.ts';
import { accepts } from './sockets.ts';

const run = promisify(execFile);
const SOURCE = fileURLToPath(new URL('../../../infra/nginx/', import.meta.url));
const MODULES = ['ngx_http_js_module', 'ngx_stream_module'].map(
  (name) => `/usr/lib/nginx/modules/${name}.so`,
);

export interface NginxFront {
  readonly folder: string;
  readonly publicPort: number;
  readonly federationPort: number;
  /** Folder where the gateway keeps server.pem, server.key, client-ca.pem and crl.pem. */
  readonly materialFolder: string;
  readonly publicSockets: readonly string[];
  readonly federationSockets: readonly string[];
  /** Name of the process and its log; `nginx` by default. */
  readonly name?: string;
  readonly onSpawn?: OnSpawn;
  readonly isHttp2?: boolean;
  readonly proxies?: readonly string[];
  readonly peerNetworks?: readonly string[];
  readonly limits?: NginxOptions['limits'];
}

/** Writes the configuration exactly as `mosaic infra nginx` does. @returns the path of nginx.conf */
export const writeNginxConfig = (front: NginxFront): string => {
  const { folder } = front;
  for (const part of ['run', 'log']) mkdirSync(path.join(folder, part), { recursive: true });
  const material = (name: string): string => path.join(front.materialFolder, name);
  const files = renderFront((name) => readFileSync(path.join(SOURCE, name), 'utf8'), {
    configFolder: folder,
    runFolder: path.join(folder, 'run'),
    logFolder: path.join(folder, 'log'),
    modules: MODULES,
    workers: 1,
    daemon: false,
    serverName: 'localhost',
    publicListen: `127.0.0.1:${front.publicPort}`,
    federationListen: `127.0.0.1:${front.federationPort}`,
    serverCertificate: material('server.pem'),
    serverKey: material('server.key'),
    clientAuthorities: material('client-ca.pem'),
    revocationLists: material('crl.pem'),
    publicSockets: front.publicSockets,
    federationSockets: front.federationSockets,
    frontProof: material('front-proof.conf'),
    ...(front.proxies === undefined ? {} : { proxies: front.proxies }),
    ...(front.peerNetworks === undefined ? {} : { peerNetworks: front.peerNetworks }),
    ...(front.isHttp2 === undefined ? {} : { isHttp2: front.isHttp2 }),
    ...(front.limits === undefined ? {} : { limits: front.limits }),
  });
  for (const [name, text] of files) writeFileSync(path.join(folder, name), text);
  const configFile = path.join(folder, 'nginx.conf');
  return configFile;
};

/** `nginx -t`: throws with nginx's own words. */
export const testNginxConfig = (configFile: string): void => {
  execFileSync(programs.nginx, ['-t', '-q', '-e', 'stderr', '-c', configFile], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
};

export const startNginx = async (front: NginxFront): Promise<Component> => {
  const configFile = writeNginxConfig(front);
  testNginxConfig(configFile);
  // One that was killed leaves its sockets behind, and the next could not listen (as infra/docker/front-entrypoint.sh).
  for (const name of ['edge-public.sock', 'edge-federation.sock'])
    rmSync(path.join(front.folder, 'run', name), { force: true });
  // Workers run as another user; the sockets' folders are group and world passable, the keys are read by the master only.
  await run('chmod', ['a+rx', front.folder]);
  return launch({
    name: front.name ?? 'nginx',
    command: programs.nginx,
    args: ['-e', path.join(front.folder, 'log', 'error.log'), '-c', configFile],
    folder: front.folder,
    onSpawn: front.onSpawn,
    ready: async () => (await accepts(front.publicPort)) && (await accepts(front.federationPort)),
  });
};
