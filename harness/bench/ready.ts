import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NODE_FLAGS } from '../../bin/launch.mjs';
import { ROOT } from '../tools/checks/repository.ts';
import { launch, stop, type Component } from '../devstack/components/process.ts';
import { BUNDLE, bundleProduct } from '../tests/package/bundle.ts';
import { startGatewayProcess } from '../devstack/stack/gateway.ts';
import { folderOf, socketsOf, type Plan } from '../devstack/stack/plan.ts';
import { requestSocket } from '../devstack/stack/unix-request.ts';
import { figure, type Figure, type SectionReport } from './figure.ts';
import { cpuMs } from './machine.ts';
import { median } from './measure.ts';
import type { Stage } from './stage.ts';

/** Starts of each kind, in turn; the first one of a kind fills the engine's cache and does not count. */
const STARTS = 6;
/** Then a gateway has written what was compiled, as it does some seconds after its start. */
const SETTLED_MS = 5_000;
const GATEWAY = 'gateway-b-ready';

interface Start {
  readonly ms: number;
  /** Of the gateway's process. */
  readonly cpu: number;
}

const figuresOf = (name: string, [first, ...again]: readonly Start[], target = ''): readonly Figure[] => [
  figure(`${name} (ms)`, median(again.map(({ ms }) => ms)), target),
  figure(`the same, least of ${again.length} starts (ms)`, Math.min(...again.map(({ ms }) => ms))),
  figure('the same, CPU, least (ms)', Math.min(...again.map(({ cpu }) => cpu))),
  figure('the same, the first start (ms)', first?.ms ?? Number.NaN),
];

/** What the image does, with the files of a gateway that was started from sources before. */
const launchBundle = (plan: Plan, folder: string): Promise<Component> => {
  const home = folderOf(plan, GATEWAY);
  const config = path.join(home, 'mosaic.config.json');
  return launch({
    name: GATEWAY,
    command: process.execPath,
    args: [...NODE_FLAGS, path.join(folder, 'main.js'), 'gateway', 'start', '--json', '--config', config],
    folder: home,
    cwd: home,
    env: { NODE_COMPILE_CACHE: path.join(folder, 'compiled'), ...plan.gatewayEnvironment },
    ready: async () =>
      (await requestSocket(socketsOf(plan, GATEWAY).public, '/ready', { timeoutMs: 3_000 })).status === 200,
  });
};

const measureStart = async (start: () => Promise<Component>, settledMs: number): Promise<Start> => {
  const begin = performance.now();
  const gateway = await start();
  const ms = performance.now() - begin;
  const cpu = cpuMs(gateway.pid);
  await sleep(settledMs);
  await stop(gateway);
  return { ms, cpu };
};

/** One more gateway, its services up: the bundle as the image starts it, and the checkout's sources. */
export const measureReady = async ({ world }: Pick<Stage, 'world'>): Promise<SectionReport> => {
  const { state } = world.handle;
  // Within the checkout: the bundle takes PGlite from its packages.
  const cache = path.join(ROOT, '.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(path.join(cache, `${BUNDLE}-`));
  try {
    await bundleProduct(folder);
    const [ofBundle, ofSources]: [Start[], Start[]] = [[], []];
    for (let turn = 0; turn < STARTS; turn += 1) {
      const settledMs = turn === 0 ? SETTLED_MS : 0;
      ofSources.push(await measureStart(() => startGatewayProcess(state, 'b', GATEWAY), settledMs));
      ofBundle.push(await measureStart(() => launchBundle(state, folder), settledMs));
    }
    return {
      figures: [
        ...figuresOf('federated gateway ready', ofBundle, '≤ 700'),
        ...figuresOf('federated gateway ready, from sources', ofSources),
      ],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
