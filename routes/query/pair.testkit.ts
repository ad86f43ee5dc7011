import type { Hono } from 'hono';
import { createEnrollmentApp, createFederationApp, createPublicApp } from '../../src/app/app.ts';
import { makeTestDeps, type TestDeps, type TestOverrides } from '../../src/app/deps.testkit.ts';
import type { Deps } from '../../src/app/deps.ts';
import { closeOutbound } from '../../src/outbound/outbound.ts';
import { createFront } from '../../src/runtimes/node/front/front.ts';
import { keepFrontMaterial } from '../../src/runtimes/node/front/front-material.ts';
import { listenTcp } from '../../src/runtimes/node/http/listen.ts';
import { serverNames } from '../../src/runtimes/node/front/server-certificate.ts';
import { certificateOfSocket } from '../../src/runtimes/node/front/tls-peers.ts';
import { callApp, type Answer, type Call } from '../testing/api.testkit.ts';
import type { AppEnv } from '../http/http.ts';

/** One real gateway of a pair: its public API without a socket, its TLS front with one. */
export interface PairSide {
  readonly deps: Deps & Pick<TestDeps, 'sql' | 'logged' | 'clock'>;
  readonly port: number;
  readonly adminToken: string;
  /** As the administrator unless told otherwise; fails the test on another status when one is given. */
  call(path: string, call?: Call & { readonly status?: number }): Promise<Answer>;
  /** A user with a token. */
  person(name: string): Promise<{ readonly id: string; readonly name: string; readonly token: string }>;
  /** Gives the front what the authority has now, which else happens at intervals. */
  refreshFront(): Promise<void>;
  /** Has the front verify clients by another root, whose certificates a test can date as it likes. */
  trust(rootPem: string): void;
  close(): Promise<void>;
}

/** A gateway on loopback, TLS included. */
export const startSide = async (name: string, overrides: TestOverrides = {}): Promise<PairSide> => {
  const made = await makeTestDeps({ ...overrides, settings: { gatewayName: name, ...overrides.settings } });
  const keeper = await keepFrontMaterial({
    ca: made.ca,
    keyMaker: made.keyMaker,
    clock: made.clock,
    log: made.log,
    names: serverNames(['127.0.0.1']),
    pollMs: 3_600_000,
  });
  // The apps need the port, the port needs the front, the front needs the apps.
  const apps: { federation?: Hono<AppEnv>; enrollment?: Hono<AppEnv> } = {};
  const none = (): Response => new Response(null, { status: 503 });
  const front = createFront({
    federation: (request, env) => apps.federation?.fetch(request, env) ?? none(),
    enrollment: (request, env) => apps.enrollment?.fetch(request, env) ?? none(),
    material: keeper.current(),
    log: made.log,
  });
  keeper.start(front.replace);
  const port = await listenTcp(front.server, '127.0.0.1', 0, 'test');
  const url = `https://127.0.0.1:${port}`;
  const deps = { ...made, settings: { ...made.settings, federationUrl: url, enrollmentBaseUrl: url } };
  apps.federation = createFederationApp(deps, certificateOfSocket);
  apps.enrollment = createEnrollmentApp(deps);
  const app = createPublicApp(deps);

  const setup = await callApp(app, '/api/bootstrap/setup', { body: { name: 'root' } });
  const adminToken = (setup.body['token'] as { readonly text: string }).text;
  const call: PairSide['call'] = async (path, { status, ...options } = {}) => {
    const answer = await callApp(app, path, { token: adminToken, ...options });
    if (status !== undefined && answer.status !== status)
      throw new Error(`${path}: ${answer.status} ${answer.text}`);
    return answer;
  };
  return {
    deps,
    port,
    adminToken,
    call,
    person: async (personName) => {
      const user = await call('/api/admin/users', { status: 201, body: { name: personName } });
      const body = { user_id: user.body['id'], name: 'test' };
      const token = await call('/api/admin/tokens', { status: 201, body });
      return { id: String(user.body['id']), name: personName, token: String(token.body['text']) };
    },
    refreshFront: keeper.refresh,
    trust: (root) => {
      const { certificate, key, crl } = keeper.current();
      front.replace({ certificate, key, crl, root });
    },
    close: async () => {
      await closeOutbound(deps.outbound);
      keeper.stop();
      await front.stop(200);
      await made.close();
    },
  };
};

/** A pending grant at the serving side, and its enrollment URL. */
export const grantFor = async (
  work: PairSide,
  user: string,
  peer: string,
  scope: unknown = { resources: ['tasks'], max_rows_per_query: 100 },
): Promise<{ readonly id: string; readonly url: string }> => {
  const made = await work.call('/api/admin/grants', { status: 201, body: { user, peer, scope } });
  const { grant, enrollment } = made.body as {
    readonly grant: { id: string };
    readonly enrollment: { url: string };
  };
  return { id: grant.id, url: enrollment.url };
};
