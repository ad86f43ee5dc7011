import { spawn, type ChildProcess } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { NODE_FLAGS } from '../../bin/launch.mjs';
import { readIdentity } from '../../ca/x509/identity.ts';
import { openPostgresStorage } from '../../db/connect/postgres.ts';
import type { Statement } from '../../db/sql/read.ts';
import type { Grant } from '../../domain/grants/grant.ts';
import type { Resource } from '../../domain/resources.ts';
import type { CertificateIdentity } from '../../domain/peers/identity.ts';
import type { FederatedWorld } from '../tests/acceptance/federated-world.ts';
import { enrollByHand, type HandMadeClient } from '../tests/acceptance/hand-made-client.ts';
import { must } from '../tests/acceptance/world.ts';
import { startNginx } from '../devstack/components/nginx.ts';
import { stop, type Component } from '../devstack/components/process.ts';
import { freePort } from '../devstack/components/sockets.ts';
import { materialOf, readSecret, socketsOf } from '../devstack/stack/plan.ts';
import { startGatewayProcess } from '../devstack/stack/gateway.ts';
import type { Target } from './measure.ts';

const GATEWAYS = { home: 'gateway-a', work: 'gateway-b' } as const;
const FLOOR = fileURLToPath(new URL('floor-http.ts', import.meta.url));
const VARIANT = fileURLToPath(new URL('variant.ts', import.meta.url));
const WITHOUT_TELEMETRY = fileURLToPath(new URL('without-telemetry.ts', import.meta.url));

/** What a variant of the gateway leaves out, to see what it costs; `nothing` is what the others are compared with. */
export type LeftOut = 'nothing' | 'audit' | 'limiter' | 'telemetry';

/** The gateway at work is what is measured; the one at home is its twin where a comparison needs one. */
export type Place = 'home' | 'work';

/** A user with a grant, and the certificate for it. */
export interface Subject {
  readonly at: Place;
  readonly userId: string;
  readonly hand: HandMadeClient;
}

/** One that is ended before the stage is: it has connections to the database. */
export interface Passing extends Target {
  end(): Promise<void>;
}

export interface Pair {
  readonly without: Target;
  readonly whole: Target;
  end(): Promise<void>;
}

export interface Stage {
  readonly world: FederatedWorld;
  /** File with the authority's root certificate. */
  readonly rootFile: string;
  /** A user with a grant that no limit stops; at work unless told otherwise. */
  subject(name: string, scope: unknown, at?: Place): Promise<Subject>;
  /** The product for this subject, as it stands behind its nginx. */
  product(subject: Subject, path: string): Target;
  /**
   * The floor behind an nginx of its own: one statement, the same settings.
   * @param packed what the statement gives packed pages of
   */
  floor(subject: Subject, statement: Statement, path: string, packed?: Resource): Promise<Target>;
  /** One more gateway on B's database, as it stands, behind an nginx of its own. */
  another(subject: Subject, path: string, environment?: Readonly<Record<string, string>>): Promise<Passing>;
  /** The serving side of such a gateway, assembled by hand with something left out; and whole, in the same process. */
  variant(subject: Subject, path: string, leftOut: LeftOut): Promise<Pair>;
  /** What the product decides on for this subject, so that the floor is given the product's own statement. */
  decided(subject: Subject): Promise<{ readonly grant: Grant; readonly identity: CertificateIdentity }>;
  close(): Promise<void>;
}

const startScript = (
  script: string,
  args: readonly string[],
  nodeOptions: readonly string[] = [],
): Promise<ChildProcess> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...NODE_FLAGS, ...nodeOptions, script, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child.once('exit', (code) => reject(new Error(`${path.basename(script)} ended with ${code}`)));
    child.stdout.once('data', () => {
      child.removeAllListeners('exit');
      resolve(child);
    });
  });

/** Everything a comparison at B needs, on a booted world. */
export const openStage = async (world: FederatedWorld): Promise<Stage> => {
  const { state } = world.handle;
  const folder = path.join(state.place, 'bench');
  await mkdir(folder, { recursive: true });
  const { databaseUrlFile, databasePeersUrlFile } = state.gateways.b;
  const [url, peersUrl] = [readSecret(databaseUrlFile), readSecret(databasePeersUrlFile)];
  const storage = await openPostgresStorage({ url, peersUrl });
  const components: Component[] = [];
  const children: ChildProcess[] = [];
  const hands: HandMadeClient[] = [];
  let made = 0;

  const tlsOf = ({ hand }: Subject): Target['tls'] => ({
    ca: hand.caFile,
    cert: hand.certFile,
    key: hand.keyFile,
  });

  const behindNginx = async (name: string, sockets: { public: string; federation: string }) => {
    const federationPort = await freePort();
    const nginx = await startNginx({
      folder: path.join(folder, `nginx-${name}`),
      publicPort: await freePort(),
      federationPort,
      materialFolder: materialOf(state, 'b'),
      publicSockets: [sockets.public],
      federationSockets: [sockets.federation],
    });
    components.push(nginx);
    return { origin: `https://localhost:${federationPort}`, nginx };
  };

  const oneMore = async (environment: Readonly<Record<string, string>>) => {
    made += 1;
    const name = `gateway-b-bench-${made}`;
    return { name, gateway: await startGatewayProcess(state, 'b', name, { environment }) };
  };

  return {
    world,
    rootFile: state.rootCertFile,

    subject: async (name, scope, at = 'work') => {
      const user = await must(201, world[at], '/api/admin/users', { body: { name } });
      const hand = await enrollByHand(world[at], { user: name, peer: name, scope });
      hands.push(hand);
      await must(200, world[at], `/api/admin/grants/${hand.grantId}`, {
        method: 'PATCH',
        body: { rate_limit_per_minute: 1_000_000 },
      });
      return { at, userId: user.id, hand };
    },

    product: (subject, request) => ({
      origin: world[subject.at].federationUrl,
      path: request,
      tls: tlsOf(subject),
      pid: state.components.find(({ name }) => name === GATEWAYS[subject.at])?.pid ?? 0,
    }),

    floor: async (subject, statement, request, packed) => {
      made += 1;
      const socket = path.join(folder, `floor-${made}.sock`);
      const order = path.join(folder, `floor-${made}.json`);
      await writeFile(
        order,
        JSON.stringify({ socket, databaseUrl: peersUrl, ...statement, packed: packed ?? null }),
        {
          mode: 0o600,
        },
      );
      const child = await startScript(FLOOR, [order]);
      children.push(child);
      const { origin } = await behindNginx(`floor-${made}`, { public: socket, federation: socket });
      return { origin, path: request, tls: tlsOf(subject), pid: child.pid ?? 0 };
    },

    another: async (subject, request, environment = {}) => {
      const { name, gateway } = await oneMore(environment);
      components.push(gateway);
      const { origin, nginx } = await behindNginx(name, socketsOf(state, name));
      const end = async (): Promise<void> => {
        await stop(nginx);
        await stop(gateway);
      };
      return { origin, path: request, tls: tlsOf(subject), pid: gateway.pid, end };
    },

    variant: async (subject, request, leftOut) => {
      // The harness writes its configuration and proves it; then ours takes its place, assembled without one part.
      const { name, gateway } = await oneMore({});
      await stop(gateway);
      const config = path.join(state.place, name, 'mosaic.config.json');
      const hooks = leftOut === 'telemetry' ? ['--import', WITHOUT_TELEMETRY] : [];
      const child = await startScript(VARIANT, [config, leftOut], hooks);
      children.push(child);
      const sockets = socketsOf(state, name);
      const without = await behindNginx(name, sockets);
      const whole = await behindNginx(`${name}-whole`, {
        public: sockets.public,
        federation: `${sockets.federation}.whole`,
      });
      const end = async (): Promise<void> => {
        await stop(without.nginx);
        await stop(whole.nginx);
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        await ended;
      };
      const target = { path: request, tls: tlsOf(subject), pid: child.pid ?? 0 };
      return {
        without: { ...target, origin: without.origin },
        whole: { ...target, origin: whole.origin },
        end,
      };
    },

    decided: async ({ hand }) => {
      const record = await storage.stores.grants.byId(hand.grantId);
      const identity = readIdentity(new Uint8Array(new X509Certificate(await readFile(hand.certFile)).raw));
      if (record === null || !identity.ok) throw new Error('the bench’s grant is not there');
      return { grant: record.grant, identity: identity.value };
    },

    close: async () => {
      for (const child of children) child.kill('SIGTERM');
      for (const component of components.toReversed()) await stop(component);
      for (const hand of hands) await hand.remove();
      await storage.close();
    },
  };
};
