import { mkdirSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scope } from '../../../domain/scope/scope.ts';
import { fileError } from '../../../domain/system-errors.ts';
import { pathError } from '../shell/files.ts';
import { newGrantAnswer, peerAnswer, queryAnswer, type QueryAnswer } from '../client/answers.ts';
import { createApi, type Api } from '../client/api.ts';
import { HOME, nativeRows, perform, WORK, type ApiFor, type Stage } from './cast.ts';
import { explainLeftOut, type LeftOut } from './explain.ts';
import { launchGateway, type GatewayProcess, type ReadyGateway } from './launch.ts';

const ANSWER_TIMEOUT_MS = 30_000;

/** Both gateways stand on this machine, which the SSRF guard refuses unless told otherwise. */
const DEMO_ENV = { FEDERATION_ALLOW_PRIVATE_ADDRESSES: 'true' };

export interface DemoResult {
  readonly answer: QueryAnswer;
  readonly scope: Scope;
  readonly leftOut: readonly LeftOut[];
  /** Tasks at work that alice does not even see there. */
  readonly hiddenByRbac: number;
  /** What asking for credentials gives, which the scope does not grant. */
  readonly credentials: QueryAnswer;
  readonly timings: {
    readonly boot: number;
    readonly seed: number;
    readonly enroll: number;
    readonly query: number;
  };
  readonly home: Stage;
  readonly work: Stage;
}

export interface Demo {
  readonly home: ReadyGateway;
  readonly work: ReadyGateway;
  readonly result: DemoResult;
}

/** Everything the demo leaves on a machine while it runs, and how it goes away again. */
export interface Traces {
  readonly folder: string;
  /** In the order of their start, ready or not. */
  readonly gateways: GatewayProcess[];
  /** Ends the gateways gracefully, then removes the folder. May be called again. */
  close(): Promise<void>;
}

const REMOVE = { recursive: true, force: true, maxRetries: 5, retryDelay: 100 } as const;

export const leaveTraces = async (): Promise<Traces> => {
  const folder = await mkdtemp(join(tmpdir(), 'mosaic-demo-')).catch((error: unknown) => {
    throw pathError(
      `The folder for temporary files ${tmpdir()} (TMPDIR)`,
      'cannot be used',
      fileError(error),
    );
  });
  const gateways: GatewayProcess[] = [];
  // For ends that can't be awaited, such as a closed pipe.
  const atExit = (): void => {
    for (const gateway of gateways) gateway.kill();
    rmSync(folder, REMOVE);
  };
  process.on('exit', atExit);
  const close = async (): Promise<void> => {
    await Promise.all(gateways.map((gateway) => gateway.stop()));
    await rm(folder, REMOVE);
    process.off('exit', atExit);
  };
  return { folder, gateways, close };
};

const apiForUrl =
  (url: string): ApiFor =>
  (token) =>
    createApi({ url, token, timeoutMs: ANSWER_TIMEOUT_MS }, globalThis.fetch);

/** Starts a gateway without a pause in between, so that it is among the traces before anyone can close them. */
const launch = async (traces: Traces, name: string): Promise<ReadyGateway> => {
  const dataDir = join(traces.folder, name);
  mkdirSync(dataDir);
  const gateway = launchGateway({ name, dataDir, env: DEMO_ENV });
  traces.gateways.push(gateway);
  return gateway.ready;
};

const scopeFor = (teams: Stage['teams']): Scope => ({
  resources: ['tasks', 'notes'],
  excluded_resources: ['credentials'],
  filters: { tasks: { include_teams: [teams['platform'] ?? ''], include_personal: true } },
  max_rows_per_query: 200,
});

const enroll = async (work: Api, home: Api, scope: Scope): Promise<void> => {
  const terms = { user: 'alice', peer: 'home', scope };
  const { enrollment } = await work.post('/api/admin/grants', terms, newGrantAnswer);
  const request = { enrollment_url: enrollment.url, user: 'alice', name: 'work' };
  await home.post('/api/admin/peers', request, peerAnswer);
};

const ask = (alice: Api, resource: string, source: string): Promise<QueryAnswer> =>
  alice.get(`/api/query/${resource}`, queryAnswer, { source, limit: 200 });

/**
 * The whole way of a federated read: two gateways, people and rows, a grant, the enrollment, a question.
 * @param tell hears of each step as it begins
 * @throws CliError or Error; what was started is in `traces` and is the caller's to close
 */
export const playDemo = async (traces: Traces, tell: (step: string) => void): Promise<Demo> => {
  const marks = [performance.now()];
  const step = (text: string): void => {
    marks.push(performance.now());
    tell(text);
  };
  const took = (index: number): number => Math.round((marks[index + 1] ?? 0) - (marks[index] ?? 0));

  tell('Starting the gateways home and work …');
  const [home, work] = await Promise.all([launch(traces, 'home'), launch(traces, 'work')]);

  step('Creating people, teams and rows …');
  const [atHome, atWork] = [apiForUrl(home.publicUrl), apiForUrl(work.publicUrl)];
  const [homeStage, workStage] = await Promise.all([perform(atHome, HOME), perform(atWork, WORK)]);

  step('Granting at work, enrolling at home …');
  const scope = scopeFor(workStage.teams);
  await enroll(atWork(workStage.adminToken), atHome(homeStage.adminToken), scope);

  step('Querying the tasks of home and work at once …');
  const alice = atHome(homeStage.tokens['alice'] ?? null);
  const answer = await ask(alice, 'tasks', 'all');
  marks.push(performance.now());

  const native = await nativeRows(atWork(workStage.tokens['alice'] ?? null), 'tasks');
  const arrived = new Set(answer.items.filter(({ _source }) => _source !== 'local').map(({ id }) => id));
  const leftOut = explainLeftOut({ resource: 'tasks', scope, native, arrived, teams: workStage.teams });
  const tasksAtWork = WORK.rows.filter(({ resource }) => resource === 'tasks').length;
  return {
    home,
    work,
    result: {
      answer,
      scope,
      leftOut,
      hiddenByRbac: tasksAtWork - native.length,
      credentials: await ask(alice, 'credentials', 'all'),
      timings: { boot: took(0), seed: took(1), enroll: took(2), query: took(3) },
      home: homeStage,
      work: workStage,
    },
  };
};
