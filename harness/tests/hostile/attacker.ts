import { ATTACKS, type Victim } from './attacks.ts';
import type { Tally } from './floods.ts';

/**
 * One attack in a process of its own, so that it shares no loop with whoever measures: an order comes over the channel of the parent,
 * `begun` and the tally go back, and it ends with `stop`, with its parent, or after `LONGEST_MS`.
 */
export interface AttackOrder {
  readonly name: string;
  readonly victim: Victim;
}

export type AttackReport = { readonly kind: 'begun' } | { readonly kind: 'done'; readonly tally: Tally };

const LONGEST_MS = 60_000;
const stopping = new AbortController();
const tell = (report: AttackReport): void => void process.send?.(report);

const carryOut = async ({ name, victim }: AttackOrder): Promise<void> => {
  const attack = ATTACKS.find((one) => one.name === name);
  if (attack === undefined) throw new Error(`there is no attack ${name}`);
  const tally = await attack.run(victim, stopping.signal, () => tell({ kind: 'begun' }));
  process.send?.({ kind: 'done', tally } satisfies AttackReport, () => process.exit(0));
};

setTimeout(() => stopping.abort(), LONGEST_MS).unref();
process.on('disconnect', () => process.exit(0));
process.on('message', (message: AttackOrder | 'stop') => {
  if (message === 'stop') stopping.abort();
  else void carryOut(message);
});
