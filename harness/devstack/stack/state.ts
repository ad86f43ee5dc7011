import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, startOf, type Component } from '../components/process.ts';
import type { Ports } from './ports.ts';

export type Mode = 'process' | 'compose';
export type Side = 'a' | 'b';

/** A component as the state file remembers it: the pid counts only together with the time it started. */
export interface Running extends Component {
  readonly started: string | null;
}

/** Each holds a URL of the gateway's database. */
export interface DatabaseUrlFiles {
  /** Login of the public and admin API. */
  readonly databaseUrlFile: string;
  readonly databasePeersUrlFile: string;
  readonly databaseMaintenanceUrlFile: string;
}

export interface GatewayState extends DatabaseUrlFiles {
  readonly name: string;
  readonly baseUrl: string;
  readonly federationUrl: string;
  /** Holds the sealing key, which the setup token is made of. */
  readonly sealingKeyFile: string;
}

/** What a later process needs in order to use, check or stop a stack. Holds no secret. */
export interface StackState {
  readonly version: 1;
  readonly mode: Mode;
  readonly stateDir: string;
  /** Folder of data, sockets and logs; see `placeFor`. */
  readonly place: string;
  readonly ports: Ports;
  readonly replicasOfB: number;
  readonly gatewayEnvironment: Readonly<Record<string, string>>;
  readonly rootCertFile: string;
  readonly gateways: Readonly<Record<Side, GatewayState>>;
  readonly components: readonly Running[];
}

const fileOf = (stateDir: string): string => path.join(stateDir, 'state.json');

export const readState = (stateDir: string): StackState | null => {
  try {
    const state = JSON.parse(readFileSync(fileOf(stateDir), 'utf8')) as StackState;
    return state.version === 1 ? state : null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new Error(`${fileOf(stateDir)} cannot be read`, { cause: error });
  }
};

/** Atomic: a reader sees the old state or the new one. */
export const writeState = (state: StackState): void => {
  const draft = `${fileOf(state.stateDir)}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, fileOf(state.stateDir));
};

export const asRunning = (component: Component): Running => ({
  name: component.name,
  pid: component.pid,
  logFile: component.logFile,
  started: startOf(component.pid),
});

/** Whether that very process still runs, and not another one with its number. */
export const isRunning = ({ pid, started }: Running): boolean =>
  isAlive(pid) && (started === null || startOf(pid) === started);

const LOCK_WAIT_MS = 180_000;

const holderOf = (file: string): { readonly pid: number; readonly started: string | null } | null => {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as { pid: number; started: string | null };
  } catch {
    return null;
  }
};

/** One at a time per state folder, over all processes; a lock whose holder is gone is taken over. */
export const withLock = async <T>(stateDir: string, work: () => Promise<T>): Promise<T> => {
  const file = path.join(stateDir, 'lock');
  const mine = JSON.stringify({ pid: process.pid, started: startOf(process.pid) });
  for (const end = Date.now() + LOCK_WAIT_MS; ;) {
    // Inside the loop: whoever held it may have removed the folder.
    mkdirSync(stateDir, { recursive: true });
    try {
      writeFileSync(file, mine, { flag: 'wx', mode: 0o600 });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = holderOf(file);
    if (holder !== null && !(isAlive(holder.pid) && startOf(holder.pid) === holder.started)) {
      rmSync(file, { force: true });
      continue;
    }
    if (Date.now() > end) throw new Error(`${file} is held by process ${holder?.pid ?? 'unknown'}`);
    await sleep(100);
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
};
