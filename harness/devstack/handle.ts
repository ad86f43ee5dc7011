import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../tools/checks/repository.ts';
import { bootContainers, hasCompose, stopContainers } from './stack/compose.ts';
import { healthOf, type Health } from './stack/health.ts';
import { portsOfEnvironment, type Ports } from './stack/ports.ts';
import { bootProcesses, stopProcesses } from './stack/stack.ts';
import { readState, withLock, type Mode, type StackState } from './stack/state.ts';

export interface HarnessOptions {
  /** Folder of state, data and logs. Default: `MOSAIC_HARNESS_STATE_DIR`, else `.cache/harness` in the checkout. */
  readonly stateDir?: string;
  /** Default: `MOSAIC_HARNESS_MODE`, else compose where an engine answers, else processes. */
  readonly mode?: Mode | 'auto';
  /** Default: what the environment says (harness/devstack/stack/ports.ts), else SPEC's. */
  readonly ports?: Ports;
  /** Process mode: gateways of B on one database behind one front. */
  readonly replicasOfB?: number;
  /** Process mode: further configuration of the gateways, by environment variable. */
  readonly gatewayEnvironment?: Readonly<Record<string, string>>;
}

export interface HarnessHandle {
  /** false: a healthy stack was there already, and `tearDownHarness` leaves it to whoever booted it. */
  readonly ownedStack: boolean;
  readonly mode: Mode;
  readonly stateDir: string;
  /** The authority's root certificate, PEM: what clients of both gateways trust. */
  readonly rootPem: string;
  readonly state: StackState;
}

const MODES = ['auto', 'process', 'compose'] as const;

const modeFrom = (given: string | undefined): Mode => {
  const mode = MODES.find((one) => one === (given ?? 'auto'));
  if (mode === undefined)
    throw new Error(`the mode is one of ${MODES.join(', ')}, not ${JSON.stringify(given)}`);
  if (mode !== 'auto') return mode;
  return hasCompose() ? 'compose' : 'process';
};

export const stateDirFrom = (given: string | undefined): string =>
  path.resolve(ROOT, given ?? (process.env['MOSAIC_HARNESS_STATE_DIR'] || path.join('.cache', 'harness')));

const handleOf = (state: StackState, ownedStack: boolean): HarnessHandle => ({
  ownedStack,
  mode: state.mode,
  stateDir: state.stateDir,
  rootPem: readFileSync(state.rootCertFile, 'utf8'),
  state,
});

/** Reuses the healthy stack of that folder, or boots one. One at a time per folder, over all processes. */
export const boot = (options: HarnessOptions): Promise<HarnessHandle> => {
  const stateDir = stateDirFrom(options.stateDir);
  return withLock(stateDir, async () => {
    const before = readState(stateDir);
    if (before !== null && (await healthOf(before)).healthy) return handleOf(before, false);
    const ports = options.ports ?? portsOfEnvironment(process.env);
    const mode = modeFrom(options.mode ?? (process.env['MOSAIC_HARNESS_MODE'] || undefined));
    if (mode === 'compose') return handleOf(await bootContainers(stateDir, ports), true);
    const { replicasOfB = 1, gatewayEnvironment = {} } = options;
    return handleOf(await bootProcesses({ stateDir, ports, replicasOfB, gatewayEnvironment }), true);
  });
};

/** @returns null when that folder has no stack */
export const look = async (
  stateDir: string,
): Promise<{ readonly state: StackState; readonly health: Health } | null> => {
  const state = readState(stateDir);
  return state === null ? null : { state, health: await healthOf(state) };
};

/** @returns whether there was a stack */
export const takeDown = (stateDir: string, volumes: boolean): Promise<boolean> =>
  withLock(stateDir, async () => {
    const state = readState(stateDir);
    if (state === null) return false;
    await (state.mode === 'compose' ? stopContainers(state, volumes) : stopProcesses(state, volumes));
    return true;
  });
