import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { NODE_FLAGS } from '../../../bin/launch.mjs';
import { ROOT } from '../../tools/checks/repository.ts';
import { programs } from '../components/installed.ts';
import { launch, type Component, type OnSpawn } from '../components/process.ts';
import { frontFolderOf } from './as-front.ts';
import {
  databaseUrlFiles,
  folderOf,
  gatewaysOf,
  gatewayState,
  GATEWAY_NAMES,
  materialOf,
  portsOf,
  readSecret,
  secretFile,
  socketsOf,
  type Plan,
  sealingKeyFile,
} from './plan.ts';
import type { Side } from './state.ts';
import { requestSocket } from './unix-request.ts';

const MAIN = path.join(ROOT, 'src/cli/main.ts');
const COMPILED = path.join(ROOT, '.cache/compiled');

/** Folder of a gateway's sockets: whoever runs nginx's workers owns it as a group, and what is made in it. */
const makeSocketFolder = (folder: string): void => {
  mkdirSync(folder, { recursive: true });
  if (process.getuid?.() !== 0) return;
  // nginx's workers run as nobody, and the gateway opens its sockets for its group only.
  execFileSync('chgrp', ['nogroup', folder]);
  chmodSync(folder, 0o2750);
};

const valkeyUrlFile = (plan: Plan, side: Side): string =>
  secretFile(plan, `valkey-url-${side}`, () => {
    const password = readSecret(path.join(folderOf(plan, `valkey-${side}`), 'password'));
    return `valkey://mosaic:${password}@127.0.0.1:${portsOf(plan, side).valkey}`;
  });

/** Files of step-ca that a gateway is given. */
export const authorityFiles = (plan: Pick<Plan, 'place'>) => {
  const folder = folderOf(plan, 'step-ca');
  const home = path.join(folder, 'ca');
  return {
    root: path.join(home, 'certs', 'root_ca.crt'),
    intermediate: path.join(home, 'certs', 'intermediate_ca.crt'),
    rootCrl: path.join(home, 'crl', 'root.crl'),
    clientKey: path.join(home, 'gateway', 'mosaic-fed.jwe'),
    serverKey: path.join(home, 'gateway', 'mosaic-tls.jwe'),
    provisionerPassword: path.join(folder, 'provisioner-password'),
  };
};

const databaseOf = (plan: Plan, side: Side): Record<string, unknown> => {
  const files = databaseUrlFiles(plan, side);
  return {
    url_file: files.databaseUrlFile,
    peers_url_file: files.databasePeersUrlFile,
    maintenance_url_file: files.databaseMaintenanceUrlFile,
  };
};

/** A gateway of tier `federated`, as an operator would write it down. */
const configOf = (plan: Plan, side: Side, gateway: string): Record<string, unknown> => {
  const authority = authorityFiles(plan);
  const sockets = socketsOf(plan, gateway);
  const nginx = folderOf(plan, `nginx-${side}`);
  const { baseUrl, federationUrl } = gatewayState(plan, side);
  // Replicas share the front; any other gateway of that side keeps out of its way.
  const isBehindFront = gatewaysOf(plan, side).includes(gateway);
  return {
    version: 2,
    tier: 'federated',
    data_dir: path.join(folderOf(plan, gateway), 'data'),
    gateway: { name: GATEWAY_NAMES[side] },
    database: databaseOf(plan, side),
    kv: { type: 'valkey', url_file: valkeyUrlFile(plan, side) },
    ca: {
      type: 'step-ca',
      url: `https://127.0.0.1:${plan.ports.stepCa}`,
      root_cert_path: authority.root,
      intermediate_cert_path: authority.intermediate,
      root_crl_path: authority.rootCrl,
      provisioner_key_file: authority.clientKey,
      tls_provisioner_key_file: authority.serverKey,
      provisioner_password_file: authority.provisionerPassword,
    },
    listen: { public: { socket: sockets.public }, federation: { socket: sockets.federation } },
    front: {
      directory: frontFolderOf(plan, gateway),
      ...(isBehindFront
        ? {
            nginx_config: path.join(nginx, 'nginx.conf'),
            nginx_pid_file: path.join(nginx, 'run', 'nginx.pid'),
            nginx_binary: programs.nginx,
            refused_log: path.join(nginx, 'log', 'refused.log'),
          }
        : {}),
    },
    federation: {
      url: federationUrl,
      enrollment_base_url: baseUrl,
      server_names: ['localhost', '127.0.0.1'],
      // Both gateways are on loopback.
      allow_private_addresses: true,
    },
    sealing: {
      key_file: sealingKeyFile(plan, side),
    },
    log: { level: 'info' },
  };
};

/** Starts one gateway process; ready when it says so of itself and of every service it needs. */
export const startGatewayProcess = (
  plan: Plan,
  side: Side,
  gateway: string,
  options: {
    readonly onSpawn?: OnSpawn | undefined;
    readonly environment?: Readonly<Record<string, string>>;
  } = {},
): Promise<Component> => {
  const folder = folderOf(plan, gateway);
  const sockets = socketsOf(plan, gateway);
  makeSocketFolder(sockets.folder);
  for (const part of ['data', 'front']) mkdirSync(path.join(folder, part), { recursive: true });
  const config = path.join(folder, 'mosaic.config.json');
  writeFileSync(config, `${JSON.stringify(configOf(plan, side, gateway), null, 2)}\n`, { mode: 0o600 });
  return launch({
    name: gateway,
    command: process.execPath,
    args: [...NODE_FLAGS, MAIN, 'gateway', 'start', '--json', '--config', config],
    folder,
    cwd: folder,
    // As bin/launch.mjs does for an operator.
    env: { NODE_COMPILE_CACHE: COMPILED, ...plan.gatewayEnvironment, ...options.environment },
    onSpawn: options.onSpawn,
    ready: async () => (await requestSocket(sockets.public, '/ready', { timeoutMs: 3_000 })).status === 200,
  });
};

/** What the front of a side stands on. */
export const frontOf = (plan: Plan, side: Side, gateways: readonly string[]) => ({
  name: `nginx-${side}`,
  folder: folderOf(plan, `nginx-${side}`),
  publicPort: portsOf(plan, side).public,
  federationPort: portsOf(plan, side).federation,
  materialFolder: materialOf(plan, side),
  publicSockets: gateways.map((gateway) => socketsOf(plan, gateway).public),
  federationSockets: gateways.map((gateway) => socketsOf(plan, gateway).federation),
  // All clients of a stack are one address, and a load generator is no good client: front-floods has the real rates.
  limits: { requests_per_address: 100_000, requests_per_certificate: 100_000, pages_per_address: 10_000 },
});
