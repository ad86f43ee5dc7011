import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { launchGateway, type GatewayProcess } from '../../src/cli/demo/launch.ts';
import type { ApiAnswer, ApiCall, Body } from '../tests/acceptance/world.ts';

/** A real gateway of tier `local` that a test may call, wherever it runs. */
export interface LocalGateway {
  readonly name: string;
  readonly publicUrl: string;
  /** Base of the mTLS listener. */
  readonly federationUrl: string;
  readonly adminToken: string;
  stop(): Promise<void>;
}

/** A gateway that is a process of its own: it can crash and come back. */
export interface LocalProcess extends LocalGateway {
  /** Ends the process at once, as a crash would. Its folder stays. */
  crash(): Promise<void>;
  readonly pid: number;
  /** Starts it again on the same folder and the same ports. */
  restart(): Promise<void>;
}

export interface Two<T extends LocalGateway> {
  readonly home: T;
  readonly work: T;
  close(): Promise<void>;
}

/** Both gateways are on loopback. */
const ENV = { FEDERATION_ALLOW_PRIVATE_ADDRESSES: 'true', FEDERATION_DEFAULT_RATE_LIMIT_PER_MINUTE: '10000' };

/** A gateway's public API for one token; null for none. */
export const api =
  (gateway: Pick<LocalGateway, 'publicUrl'>, token: string | null) =>
  async (address: string, { method, body, headers }: Omit<ApiCall, 'token'> = {}): Promise<ApiAnswer> => {
    const response = await fetch(`${gateway.publicUrl}${address}`, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = (response.headers.get('content-type') ?? '').includes('json');
    const parsed = (isJson ? JSON.parse(text) : text) as Body;
    return { status: response.status, headers: response.headers, body: parsed };
  };

/** Creates something through `ask`, which must succeed. @throws Error with the answer otherwise */
export const create = async (ask: ReturnType<typeof api>, address: string, body: unknown): Promise<Body> => {
  const answer = await ask(address, { body });
  if (answer.status === 201) return answer.body;
  throw new Error(`POST ${address}: ${answer.status} ${JSON.stringify(answer.body)}`);
};

const portOf = (url: string): number => Number(new URL(url).port);

/** One gateway as `mosaic gateway start`, in a temporary folder, with its first administrator. */
export const startProcess = async (
  name: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<LocalProcess> => {
  const env = { ...ENV, ...environment };
  const folder = await mkdtemp(path.join(tmpdir(), `mosaic-${name}-`));
  const dataDir = path.join(folder, 'data');
  await mkdir(dataDir);
  let current: GatewayProcess = launchGateway({ name, dataDir, env });
  const { publicUrl, federationUrl } = await current.ready;
  const ports = { publicPort: portOf(publicUrl), federationPort: portOf(federationUrl) };
  const setup = await create(api({ publicUrl }, null), '/api/bootstrap/setup', { name: 'root' });
  return {
    name,
    publicUrl,
    federationUrl,
    adminToken: setup.token.text,
    get pid() {
      return current.pid ?? 0;
    },
    crash: async () => {
      current.kill();
      await current.exited;
    },
    restart: async () => {
      current = launchGateway({ name, dataDir, env, ...ports });
      await current.ready;
    },
    stop: async () => {
      await current.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

const two = async <T extends LocalGateway>(start: (name: string) => Promise<T>): Promise<Two<T>> => {
  const started = await Promise.allSettled([start('home'), start('work')]);
  const [home, work] = started;
  const close = async (): Promise<void> => {
    await Promise.all(started.flatMap((each) => (each.status === 'fulfilled' ? [each.value.stop()] : [])));
  };
  if (home.status === 'fulfilled' && work.status === 'fulfilled') {
    return { home: home.value, work: work.value, close };
  }
  await close();
  throw new Error('two gateways do not start', { cause: started });
};

/** `home` and `work` as processes of their own, each on free ports and in a temporary folder. */
export const bootTwoProcesses = (
  environment: Readonly<Record<string, string>> = {},
): Promise<Two<LocalProcess>> => two((name) => startProcess(name, environment));

export interface Enrollment {
  readonly grantId: string;
  readonly peerId: string;
}

/** Grants at `work` and enrolls at `home`, as two administrators would. Users by name; `peer` is what home calls work. */
export const enroll = async (
  { home, work }: Pick<Two<LocalGateway>, 'home' | 'work'>,
  terms: {
    readonly subject: string;
    readonly localUser: string;
    readonly peer: string;
    readonly scope: unknown;
  },
): Promise<Enrollment> => {
  const asked = {
    user: terms.subject,
    peer: `${home.name}-${terms.localUser}-${terms.peer}`,
    scope: terms.scope,
    // Cases change something at work and look at once.
    cache_ttl_seconds: 0,
  };
  const { grant, enrollment } = await create(api(work, work.adminToken), '/api/admin/grants', asked);
  const redeemed = { enrollment_url: enrollment.url, user: terms.localUser, name: terms.peer };
  const peer = await create(api(home, home.adminToken), '/api/admin/peers', redeemed);
  return { grantId: grant.id, peerId: peer.id };
};
