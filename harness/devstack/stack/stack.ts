import { ensureInstalled } from '../components/installed.ts';
import type { OnSpawn } from '../components/process.ts';
import { healthOf } from './health.ts';
import { placeFor } from './place.ts';
import { gatewayState, type Plan } from './plan.ts';
import { assertPortsFree, type Ports } from './ports.ts';
import { rootCertificateOf, startAll, startersOf, stopComponents } from './processes.ts';
import { removeStack } from './remove.ts';
import { asRunning, isRunning, readState, writeState, type Running, type StackState } from './state.ts';

export interface StackOptions {
  readonly stateDir: string;
  readonly ports: Ports;
  readonly replicasOfB: number;
  readonly gatewayEnvironment: Readonly<Record<string, string>>;
}

const planOf = (options: StackOptions, place: string): Plan => ({
  place,
  ports: options.ports,
  replicasOfB: options.replicasOfB,
  gatewayEnvironment: options.gatewayEnvironment,
});

/** Data folders remember their ports (Postgres, the authority's revocation list): moving them takes a new start. */
const assertSamePorts = (before: StackState, ports: Ports): void => {
  const moved = Object.entries(before.ports).filter(([name, port]) => ports[name as keyof Ports] !== port);
  if (moved.length === 0) return;
  throw new Error(
    `${before.stateDir} was made with other ports (${moved.map(([name, port]) => `${name} ${port}`).join(', ')}). ` +
      'Use those, another state folder, or start over: npm run harness -- down --volumes',
  );
};

/** Keeps the state file true from the first process on, so that an interrupted start can be cleaned up. */
const recorder = (first: StackState): { readonly onSpawn: OnSpawn; readonly state: () => StackState } => {
  let state = first;
  return {
    onSpawn: (component) => {
      const others = state.components.filter(({ name }) => name !== component.name);
      state = { ...state, components: [...others, asRunning(component)] };
      writeState(state);
    },
    state: () => state,
  };
};

/**
 * Boots the components as processes of ours. Data of an earlier stack in the same folder is used again.
 * @throws Error naming what failed, with the end of its log; nothing runs then, and the logs stay
 */
export const bootProcesses = async (options: StackOptions): Promise<StackState> => {
  ensureInstalled();
  const before = readState(options.stateDir);
  if (before !== null) {
    await stopComponents(before.components);
    if (before.mode === 'process') assertSamePorts(before, options.ports);
  }
  await assertPortsFree(options.ports);
  const place = placeFor(options.stateDir);
  const plan = planOf(options, place);
  const { onSpawn, state } = recorder({
    version: 1,
    mode: 'process',
    stateDir: options.stateDir,
    place,
    ports: options.ports,
    replicasOfB: options.replicasOfB,
    gatewayEnvironment: options.gatewayEnvironment,
    rootCertFile: rootCertificateOf(plan),
    gateways: { a: gatewayState(plan, 'a'), b: gatewayState(plan, 'b') },
    components: [],
  });
  writeState(state());
  try {
    await startAll(plan, onSpawn);
    const { healthy, complaints } = await healthOf(state());
    if (!healthy) throw new Error(complaints.join('\n'));
    return state();
  } catch (error) {
    await stopComponents(state().components);
    writeState({ ...state(), components: [] });
    const text = error instanceof Error ? error.message : String(error);
    throw new Error(`the harness did not start; its logs are in ${place}\n${text}`, { cause: error });
  }
};

/** Stops what the state file names. With `volumes` data, secrets and logs go too. */
export const stopProcesses = async (state: StackState, volumes: boolean): Promise<void> => {
  await stopComponents(state.components);
  if (volumes) removeStack(state);
  else writeState({ ...state, components: [] });
};

const componentOf = (state: StackState, name: string): Running => {
  const found = state.components.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no component ${name}`);
  return found;
};

/** The process of a component, whether it runs or not. @throws Error when the stack has none of that name */
export const processOf = (stateDir: string, name: string): Running => {
  const state = readState(stateDir);
  if (state === null) throw new Error(`there is no stack in ${stateDir}`);
  return componentOf(state, name);
};

/** Starts a component again that has ended, as it was started at first. */
export const restartComponent = async (stateDir: string, name: string): Promise<void> => {
  const state = readState(stateDir);
  if (state === null) throw new Error(`there is no stack in ${stateDir}`);
  if (isRunning(componentOf(state, name))) throw new Error(`${name} still runs`);
  const starter = startersOf({ ...state }).get(name);
  if (starter === undefined) throw new Error(`there is no component ${name}`);
  await starter(recorder(state).onSpawn);
};
