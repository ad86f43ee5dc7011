import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { AttackOrder, AttackReport } from './attacker.ts';
import type { Tally } from './floods.ts';

const ATTACKER = fileURLToPath(new URL('attacker.ts', import.meta.url));

export interface RunningAttack {
  /** Ends it. @returns what came of it */
  stop(): Promise<Tally>;
}

/** Starts an attack in a process of its own; resolves when it has begun. */
export const startAttack = async (order: AttackOrder): Promise<RunningAttack> => {
  const child = fork(ATTACKER, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const begun = Promise.withResolvers<void>();
  let tally: Tally = {};
  const exited = once(child, 'exit');
  child.once('exit', (code) => begun.reject(new Error(`the attacker ended with ${code}`)));
  begun.promise.catch(() => undefined);
  child.on('message', (report: AttackReport) => {
    if (report.kind === 'begun') begun.resolve();
    else tally = report.tally;
  });
  child.send(order);
  await begun.promise;
  return {
    stop: async () => {
      if (child.connected) child.send('stop');
      await exited;
      return tally;
    },
  };
};
