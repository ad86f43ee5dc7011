import { readFileSync } from 'node:fs';
import type { HarnessHandle } from '../../devstack/index.ts';
import { isAlive } from '../../devstack/components/process.ts';
import { processOf, restartComponent } from '../../devstack/stack/stack.ts';

const childrenOf = (pid: number): readonly number[] => {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
};

/** A process of ours and all it started itself: Postgres's sessions, nginx's workers. */
const familyOf = (pid: number): readonly number[] => [pid, ...childrenOf(pid).flatMap(familyOf)];

const signal = (pids: readonly number[], name: NodeJS.Signals): void => {
  for (const pid of pids) if (isAlive(pid)) process.kill(pid, name);
};

export interface Fault {
  readonly kind: 'killed' | 'hung';
  /** @returns what undoes it, as an operator or a supervisor would */
  inflict(handle: HarnessHandle, component: string): () => Promise<void>;
}

/** Ends a component and everything of it at once; undone by starting it again. */
export const killed: Fault = {
  kind: 'killed',
  inflict: ({ stateDir }, component) => {
    signal(familyOf(processOf(stateDir, component).pid), 'SIGKILL');
    return () => restartComponent(stateDir, component);
  },
};

/** Connections are still accepted by the system, and nothing is answered; undone by letting it go on. */
export const hung: Fault = {
  kind: 'hung',
  inflict: ({ stateDir }, component) => {
    // The parent first: it could start more meanwhile.
    const { pid } = processOf(stateDir, component);
    signal([pid], 'SIGSTOP');
    const family = familyOf(pid);
    signal(family, 'SIGSTOP');
    return () => Promise.resolve(signal(family.toReversed(), 'SIGCONT'));
  },
};
