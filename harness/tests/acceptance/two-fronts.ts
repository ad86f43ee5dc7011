import { cpSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { freePort } from '../../devstack/components/sockets.ts';
import { programs } from '../../devstack/components/installed.ts';
import { startNginx, writeNginxConfig } from '../../devstack/components/nginx.ts';
import { stop, type Component } from '../../devstack/components/process.ts';
import { startGatewayProcess } from '../../devstack/stack/gateway.ts';
import { folderOf, materialOf, socketsOf } from '../../devstack/stack/plan.ts';
import type { FederatedWorld } from './federated-world.ts';
import { tlsGet, type HandMadeClient } from './hand-made-client.ts';

/** One more replica of B that stands behind an nginx of its own, on another machine as it were: they share no folder. */
export interface ReplicaWithFront {
  /** A handshake of its own, and what the front or the gateway says: its status and reason. */
  ask(client: HandMadeClient): Promise<readonly unknown[]>;
  readonly pid: number;
  close(): Promise<void>;
}

export const startReplicaWithFront = async (
  { handle: { state } }: FederatedWorld,
  name: string,
  frontPollSeconds: number,
): Promise<ReplicaWithFront> => {
  const folder = folderOf(state, `nginx-of-${name}`);
  const sockets = socketsOf(state, name);
  const front = {
    name: `nginx-of-${name}`,
    folder,
    publicPort: await freePort(),
    federationPort: await freePort(),
    materialFolder: path.join(folderOf(state, name), 'front'),
    publicSockets: [sockets.public],
    federationSockets: [sockets.federation],
  };
  const components: Component[] = [];
  const close = async (): Promise<void> => {
    for (const component of components.toReversed()) await stop(component);
  };
  try {
    const environment = {
      ...state.gatewayEnvironment,
      MOSAIC_FRONT_NGINX_CONFIG: writeNginxConfig(front),
      MOSAIC_FRONT_NGINX_PID_FILE: path.join(folder, 'run', 'nginx.pid'),
      MOSAIC_FRONT_NGINX_BINARY: programs.nginx,
      FEDERATION_FRONT_POLL_SECONDS: String(frontPollSeconds),
    };
    const gateway = await startGatewayProcess(state, 'b', name, { environment });
    components.push(gateway, await startNginx(front));
    return {
      pid: gateway.pid,
      close,
      ask: async ({ caFile, certFile, keyFile }) => {
        const tls = {
          ca: readFileSync(caFile, 'utf8'),
          cert: readFileSync(certFile, 'utf8'),
          key: readFileSync(keyFile, 'utf8'),
        };
        const url = `https://localhost:${front.federationPort}/federation/v1/tasks`;
        const { status, body } = await tlsGet(url, tls);
        return [status, (body as { readonly detail?: string }).detail ?? body.code];
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
};

/** An nginx before B's gateway that nobody tells of anything: it stays with the revocation lists of this moment. */
export const startDeafNginx = async (
  { handle: { state } }: FederatedWorld,
  name: string,
): Promise<{ readonly federationUrl: string; close(): Promise<void> }> => {
  const folder = folderOf(state, name);
  const materialFolder = path.join(folder, 'material');
  cpSync(materialOf(state, 'b'), materialFolder, { recursive: true });
  const sockets = socketsOf(state, 'gateway-b');
  const federationPort = await freePort();
  const component = await startNginx({
    name,
    folder,
    publicPort: await freePort(),
    federationPort,
    materialFolder,
    publicSockets: [sockets.public],
    federationSockets: [sockets.federation],
  });
  return { federationUrl: `https://localhost:${federationPort}`, close: () => stop(component) };
};
