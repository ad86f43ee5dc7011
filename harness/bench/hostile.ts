import { ATTACKS, type Front } from '../tests/hostile/attacks.ts';
import { openBattlefield } from '../tests/hostile/battlefield.ts';
import { beside, type Beside, type Met } from '../tests/hostile/beside.ts';
import type { Tally } from '../tests/hostile/floods.ts';
import type { SectionReport, Table } from './figure.ts';

/** An attack takes some five seconds, so all of them at both fronts less than four minutes. */
const SPAN = { aloneMs: 1_000, besideMs: 3_000, connections: 4 } as const;
const FRONTS: readonly Front[] = ['nginx', 'own'];
/** A gateway that does not come back is not waited for again. */
const GIVEN_UP = 'gone';

const ms = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toFixed(1));
const share = ({ answered, asked }: Met): string => `${((answered / Math.max(1, asked)) * 100).toFixed(1)} %`;
const counts = (tally: Tally): string =>
  Object.entries(tally)
    .map(([what, count]) => `${what}: ${count}`)
    .join(', ') || '–';

const HEAD = [
  'attack',
  'fault',
  'p50 alone (ms)',
  'beside',
  'p99 alone (ms)',
  'beside',
  'p99 ÷ alone',
  '200s',
  '503s',
  'loop held (ms)',
  'RSS + (MiB)',
  'the attacker got',
];

const rowOf = (name: string, faults: string, met: Beside): readonly string[] => [
  name,
  faults,
  ms(met.alone.p50Ms),
  ms(met.beside.p50Ms),
  ms(met.alone.p99Ms),
  ms(met.beside.p99Ms),
  (met.beside.p99Ms / met.alone.p99Ms).toFixed(2),
  share(met.beside),
  String(met.beside.others['503'] ?? 0),
  ms(met.heldMs),
  String(met.residentMiB[1] - met.residentMiB[0]),
  counts(met.tally),
];

/** What of it is measured; an empty list is everything. */
export interface HostilityChosen {
  /** Parts of names of attacks. */
  readonly attacks: readonly string[];
  readonly fronts: readonly string[];
}

const isChosen = (name: string, { attacks }: HostilityChosen): boolean =>
  attacks.length === 0 || attacks.some((part) => name.toLowerCase().includes(part.toLowerCase()));

/** @returns what is wrong with what was chosen; null when nothing is */
export const wrongChoice = (chosen: HostilityChosen): string | null => {
  const front = chosen.fronts.find((name) => !FRONTS.some((known) => known === name));
  if (front !== undefined) return `There is no front ${front}: they are ${FRONTS.join(' and ')}.`;
  const names = ATTACKS.map(({ name }) => name);
  const attack = chosen.attacks.find(
    (part) => !names.some((name) => isChosen(name, { ...chosen, attacks: [part] })),
  );
  return attack === undefined ? null : `There is no attack “${attack}”: they are ${names.join('; ')}.`;
};

const measureAt = async (
  front: Front,
  chosen: HostilityChosen,
  progress: (text: string) => void,
): Promise<Table> => {
  progress(`hostility: booting the front ${front}`);
  const field = await openBattlefield(front);
  const rows: (readonly string[])[] = [];
  const gone = new Set<string>();
  try {
    for (const attack of ATTACKS.filter(
      ({ name, fronts }) => fronts.includes(front) && isChosen(name, chosen),
    )) {
      progress(`${front}: ${attack.name}`);
      const met = gone.has(attack.at) ? null : await beside(field, attack, SPAN).catch(() => null);
      if (met === null) {
        gone.add(attack.at);
        rows.push([attack.name, attack.faults, ...HEAD.slice(2).map(() => GIVEN_UP)]);
      } else rows.push(rowOf(attack.name, attack.faults, met));
    }
  } finally {
    await field.close();
  }
  const title = front === 'nginx' ? 'Behind nginx' : 'On the gateway’s own front';
  return { title, head: HEAD, rows };
};

/** A good peer alone and beside each attack of FAULTS kind A, at both fronts. Aim: p99 at most twice its p99 alone, and no 503. */
export const measureHostility = async (
  progress: (text: string) => void,
  chosen: HostilityChosen,
): Promise<SectionReport> => {
  const tables: Table[] = [];
  for (const front of FRONTS)
    if (chosen.fronts.length === 0 || chosen.fronts.includes(front))
      tables.push(await measureAt(front, chosen, progress));
  return { figures: [], tables };
};
