import { readdirSync, rmdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { StackState } from './state.ts';

/** What a stack makes in its folders. Somebody may have named a folder that holds other things, too: those stay. */
const OURS =
  /^(step-ca|(postgres|valkey|nginx|gateway)-[ab](-[\w-]+)?|secrets|state\.json(\.\d+)?|root_ca\.crt|lock)$/;

/** Removes data, secrets, logs and state of a stack that has been stopped. */
export const removeStack = ({ place, stateDir }: Pick<StackState, 'place' | 'stateDir'>): void => {
  for (const folder of new Set([place, stateDir])) {
    const entries = readdirSync(folder);
    for (const name of entries.filter((one) => OURS.test(one)))
      rmSync(path.join(folder, name), { recursive: true, force: true });
    if (entries.every((name) => OURS.test(name))) rmdirSync(folder);
  }
};
