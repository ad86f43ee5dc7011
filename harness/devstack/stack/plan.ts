import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { urlsOf, type DatabaseUrls } from '../components/postgres.ts';
import { setupTokenOf } from '../../../src/directory/setup-token.ts';
import type { Ports } from './ports.ts';
import type { DatabaseUrlFiles, GatewayState, Side } from './state.ts';

/** What a process-mode stack will be, before anything runs. */
export interface Plan {
  readonly place: string;
  readonly ports: Ports;
  /** Gateways of B on one database behind one front. */
  readonly replicasOfB: number;
  /** Further configuration of the gateways, by environment variable. */
  readonly gatewayEnvironment: Readonly<Record<string, string>>;
}

export const SIDES: readonly Side[] = ['a', 'b'];

/** What each gateway calls itself: A is at home, B at work. */
export const GATEWAY_NAMES: Readonly<Record<Side, string>> = { a: 'home', b: 'work' };

const portOf = (ports: Ports, kind: 'public' | 'federation' | 'postgres' | 'valkey', side: Side): number =>
  ports[`${kind}${side === 'a' ? 'A' : 'B'}`];

/** Names of a side's gateways: `gateway-b`, `gateway-b-2`, … */
export const gatewaysOf = (plan: Pick<Plan, 'replicasOfB'>, side: Side): readonly string[] =>
  Array.from({ length: side === 'b' ? plan.replicasOfB : 1 }, (_, index) =>
    index === 0 ? `gateway-${side}` : `gateway-${side}-${index + 1}`,
  );

export const folderOf = (plan: Pick<Plan, 'place'>, component: string): string =>
  path.join(plan.place, component);

/** Sockets of one gateway process. */
export const socketsOf = (plan: Pick<Plan, 'place'>, gateway: string) => ({
  folder: path.join(folderOf(plan, gateway), 'run'),
  public: path.join(folderOf(plan, gateway), 'run', 'public.sock'),
  federation: path.join(folderOf(plan, gateway), 'run', 'federation.sock'),
});

/** Where the front's certificate, key and revocation lists are; all replicas of a side keep them. */
export const materialOf = (plan: Pick<Plan, 'place'>, side: Side): string =>
  path.join(folderOf(plan, `gateway-${side}`), 'front');

export const portsOf = ({ ports }: Pick<Plan, 'ports'>, side: Side) => ({
  public: portOf(ports, 'public', side),
  federation: portOf(ports, 'federation', side),
  postgres: portOf(ports, 'postgres', side),
  valkey: portOf(ports, 'valkey', side),
});

/** A secret that is made once and kept in a file of its own. @returns the file */
export const secretFile = (plan: Pick<Plan, 'place'>, name: string, make: () => string): string => {
  const folder = path.join(plan.place, 'secrets');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = path.join(folder, name);
  if (!existsSync(file)) writeFileSync(file, `${make()}\n`, { mode: 0o600 });
  return file;
};

export const readSecret = (file: string): string => readFileSync(file, 'utf8').trim();

export const DATABASE = { name: 'mosaic', user: 'mosaic' } as const;

export const postgresPassword = (plan: Plan, side: Side): string =>
  readSecret(secretFile(plan, `postgres-password-${side}`, () => randomBytes(24).toString('hex')));

/** Files with the URL of each login. */
export const databaseUrlFiles = (plan: Plan, side: Side): DatabaseUrlFiles => {
  const urls = (): DatabaseUrls =>
    urlsOf(
      `postgres://${DATABASE.user}:${postgresPassword(plan, side)}@127.0.0.1:${portsOf(plan, side).postgres}/${DATABASE.name}`,
    );
  return {
    databaseUrlFile: secretFile(plan, `database-url-${side}`, () => urls().url),
    databasePeersUrlFile: secretFile(plan, `database-peers-url-${side}`, () => urls().peersUrl),
    databaseMaintenanceUrlFile: secretFile(
      plan,
      `database-maintenance-url-${side}`,
      () => urls().maintenanceUrl,
    ),
  };
};

export const sealingKeyFile = (plan: Pick<Plan, 'place'>, side: Side): string =>
  secretFile(plan, `sealing-key-${side}`, () => randomBytes(32).toString('base64'));

/** What the first administrator of a gateway is created with. */
export const setupTokenOfState = ({ sealingKeyFile: file }: GatewayState): string =>
  setupTokenOf(Buffer.from(readSecret(file), 'base64'));

export const gatewayState = (plan: Plan, side: Side): GatewayState => ({
  name: GATEWAY_NAMES[side],
  baseUrl: `https://localhost:${portsOf(plan, side).public}`,
  federationUrl: `https://localhost:${portsOf(plan, side).federation}`,
  ...databaseUrlFiles(plan, side),
  sealingKeyFile: sealingKeyFile(plan, side),
});
