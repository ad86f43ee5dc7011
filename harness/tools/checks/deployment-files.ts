import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parse } from 'yaml';
import { readText, ROOT } from './repository.ts';

/** A mount, port, secret or config of a service: short text, or an object. */
export type Entry = string | Readonly<Record<string, unknown>>;

export interface Service {
  readonly image?: string;
  readonly user?: string;
  readonly profiles?: readonly string[];
  readonly build?: { readonly target?: string };
  readonly environment?: Readonly<Record<string, string | number | boolean>>;
  readonly healthcheck?: { readonly test?: readonly string[] };
  readonly volumes?: readonly Entry[];
  readonly ports?: readonly string[];
  readonly secrets?: readonly Entry[];
  readonly configs?: readonly Entry[];
  readonly networks?: readonly string[] | Readonly<Record<string, unknown>>;
  readonly read_only?: boolean;
  readonly privileged?: boolean;
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly ulimits?: Readonly<Record<string, number>>;
  readonly security_opt?: readonly string[];
  readonly deploy?: { readonly labels?: readonly string[] };
}

export interface Deployment {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>;
  readonly volumes: Readonly<
    Record<string, { readonly driver_opts?: Readonly<Record<string, string>> } | null>
  >;
  readonly secrets: Readonly<Record<string, { readonly file?: string; readonly external?: boolean }>>;
  readonly configs: Readonly<Record<string, { readonly file: string }>>;
}

export const FEDERATED = 'infra/docker-compose.federated.yml';
export const TWO_GATEWAYS = 'infra/docker-compose.two-gateways.yml';
export const STACK = 'infra/swarm/docker-stack.yml';

export const readDeployment = (path: string): Deployment =>
  parse(readText(path), { merge: true, strict: true }) as Deployment;

/** `${NAME:-default}` → default, `${NAME}` and `${NAME:?why}` → what `values` says, or nothing. */
export const interpolate = (text: string, values: Readonly<Record<string, string>> = {}): string =>
  text.replaceAll(
    /\$\{([A-Z_]+)(?::([-?])([^}]*))?\}/g,
    (_all, name: string, kind?: string, rest?: string) => values[name] ?? (kind === '-' ? (rest ?? '') : ''),
  );

const runs = (args: readonly string[]): boolean =>
  spawnSync('docker', args, { stdio: 'ignore' }).status === 0;

export interface Checker {
  readonly name: string;
  /** @returns what is wrong, empty when nothing is */
  readonly check: (path: string) => string;
}

const byDocker = (name: string, args: (path: string) => readonly string[]): Checker => ({
  name,
  check: (path) => {
    const env = { ...process.env, STACK_NAME: 'mosaic', HOST_FQDN: 'mosaic.example.org' };
    const { status, stderr } = spawnSync('docker', args(join(ROOT, path)), { env, encoding: 'utf8' });
    return status === 0 ? '' : `exit code ${status}: ${stderr}`;
  },
});

const isList = (value: unknown): value is readonly string[] => Array.isArray(value);

export const networksOf = ({ networks = [] }: Service): readonly string[] =>
  isList(networks) ? networks : Object.keys(networks);

/** Every name a service refers to is declared in the same file. */
const referencesOf = (path: string): string => {
  const deployment = readDeployment(path);
  const names = (entries: readonly Entry[] = []) =>
    entries.map((entry) => (typeof entry === 'string' ? entry : String(entry['source'])));
  const faults = Object.entries(deployment.services).flatMap(([service, part]) => {
    const volumes = (part.volumes ?? []).flatMap((volume) =>
      typeof volume === 'string' ? [volume.split(':')[0] ?? ''] : [],
    );
    const used = {
      networks: networksOf(part),
      volumes,
      secrets: names(part.secrets),
      configs: names(part.configs),
    };
    return Object.entries(used).flatMap(([kind, list]) =>
      list
        .filter((name) => !(name in deployment[kind as keyof typeof used]))
        .map((name) => `${service}: ${kind} has no ${name}`),
    );
  });
  return faults.join('\n');
};

const byParsing: Checker = { name: 'parsing the YAML and resolving its names', check: referencesOf };

/** The best judge of a compose file on this machine; none of them needs an engine. */
export const composeChecker = (): Checker =>
  runs(['compose', 'version'])
    ? byDocker('docker compose config', (path) => ['compose', '--profile', '*', '-f', path, 'config', '-q'])
    : byParsing;

/** The same for the stack: the plain client knows it. */
export const stackChecker = (): Checker =>
  runs(['stack', 'config', '--help'])
    ? byDocker('docker stack config', (path) => ['stack', 'config', '-c', path])
    : byParsing;

export const checkReferences = referencesOf;
