import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../../tools/checks/repository.ts';
import { healthOf } from './health.ts';
import { GATEWAY_NAMES, portsOf, secretFile, SIDES } from './plan.ts';
import { environmentOfPorts, type Ports } from './ports.ts';
import { removeStack } from './remove.ts';
import { writeState, type DatabaseUrlFiles, type Side, type StackState } from './state.ts';

const run = promisify(execFile);
const COMPOSE_FILE = path.join(ROOT, 'infra/docker-compose.two-gateways.yml');
const MAKE_SECRETS = path.join(ROOT, 'infra/docker/make-secrets.sh');
/** Images are built on the first start. */
const UP_MS = 900_000;

/** Whether an engine answers, with the compose plugin. */
export const hasCompose = (): boolean => {
  try {
    for (const args of [
      ['version', '--format', '{{.Server.Version}}'],
      ['compose', 'version'],
    ]) {
      execFileSync('docker', args, { stdio: 'ignore', timeout: 5_000 });
    }
    return true;
  } catch {
    return false;
  }
};

const folders = (stateDir: string) => ({
  secrets: path.join(stateDir, 'secrets'),
  authority: path.join(stateDir, 'secrets', 'authority'),
});

const environmentFor = (stateDir: string, ports: Ports): NodeJS.ProcessEnv => {
  const { secrets, authority } = folders(stateDir);
  return {
    ...process.env,
    ...environmentOfPorts(ports),
    SECRETS_DIR: secrets,
    STEP_CA_PASSWORD_FILE: path.join(authority, 'dev-password'),
    STEP_CA_PROVISIONER_PASSWORD_FILE: path.join(authority, 'dev-provisioner-password'),
  };
};

const compose = async (stateDir: string, ports: Ports, args: readonly string[]): Promise<string> => {
  const command = ['compose', '--file', COMPOSE_FILE, ...args];
  const { stdout } = await run('docker', command, {
    env: environmentFor(stateDir, ports),
    timeout: UP_MS,
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
};

/** The URL that a container is given, as this machine reaches the same database. */
const urlFromHere = (name: string, stateDir: string, ports: Ports, side: Side): string => {
  const url = new URL(readFileSync(path.join(folders(stateDir).secrets, side, name), 'utf8').trim());
  url.hostname = '127.0.0.1';
  url.port = String(portsOf({ ports }, side).postgres);
  return secretFile({ place: stateDir }, `${name}-${side}`, () => url.href);
};

const databaseUrlsFromHere = (stateDir: string, ports: Ports, side: Side): DatabaseUrlFiles => ({
  databaseUrlFile: urlFromHere('database-url', stateDir, ports, side),
  databasePeersUrlFile: urlFromHere('database-peers-url', stateDir, ports, side),
  databaseMaintenanceUrlFile: urlFromHere('database-maintenance-url', stateDir, ports, side),
});

/** Boots the two gateways as containers. @throws Error with the log of docker compose; its containers stay, with theirs */
export const bootContainers = async (stateDir: string, ports: Ports): Promise<StackState> => {
  const { secrets, authority } = folders(stateDir);
  mkdirSync(authority, { recursive: true, mode: 0o700 });
  for (const side of SIDES) {
    const env = { ...process.env, STEP_CA_SECRETS: authority };
    await run(MAKE_SECRETS, [path.join(secrets, side)], { env });
  }
  await compose(stateDir, ports, ['up', '--detach', '--build', '--wait']);
  const rootCertFile = path.join(stateDir, 'root_ca.crt');
  const print = ['exec', '-T', 'step-ca', 'cat', '/run/authority/root_ca.crt'];
  writeFileSync(rootCertFile, await compose(stateDir, ports, print));
  const gateway = (side: Side) => ({
    name: GATEWAY_NAMES[side],
    baseUrl: `https://localhost:${portsOf({ ports }, side).public}`,
    federationUrl: `https://localhost:${portsOf({ ports }, side).federation}`,
    ...databaseUrlsFromHere(stateDir, ports, side),
    sealingKeyFile: path.join(secrets, side, 'sealing-key'),
  });
  const state: StackState = {
    version: 1,
    mode: 'compose',
    stateDir,
    place: stateDir,
    ports,
    replicasOfB: 1,
    gatewayEnvironment: {},
    rootCertFile,
    gateways: { a: gateway('a'), b: gateway('b') },
    components: [],
  };
  writeState(state);
  const { healthy, complaints } = await healthOf(state);
  if (!healthy) throw new Error(`the containers are up but not well:\n${complaints.join('\n')}`);
  return state;
};

export const stopContainers = async (state: StackState, volumes: boolean): Promise<void> => {
  await compose(state.stateDir, state.ports, ['down', ...(volumes ? ['--volumes'] : [])]);
  if (volumes) removeStack(state);
};
