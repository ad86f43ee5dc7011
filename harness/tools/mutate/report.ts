import { mutationsOf } from './changes.ts';
import type { Guard } from './guard-tests.ts';
import type { Mutation } from './mutation.ts';
import { fingerprint, isCurrent, readResults, testsFingerprint } from './results.ts';
import { describeChange } from './run.ts';

export interface Survivor {
  readonly id: string;
  readonly line: number;
  readonly mutator: string;
  readonly change: string;
}

/** How a file stands. */
export interface FileReport {
  readonly file: string;
  readonly area: string;
  /** All changes but those argued to be none. */
  readonly changes: number;
  readonly killed: number;
  readonly survived: number;
  /** Not run yet, or not since the file or its tests changed. */
  readonly open: number;
  readonly equivalent: number;
  /** Of those that were run, rounded down to a tenth; null: none was run. */
  readonly percent: number | null;
  readonly survivors: readonly Survivor[];
}

const survivorOf = (mutation: Mutation): Survivor => ({
  id: mutation.id,
  line: mutation.line,
  mutator: mutation.mutator,
  change: describeChange(mutation),
});

export const percentOf = (killed: number, survived: number): number | null =>
  killed + survived === 0 ? null : Math.floor((1_000 * killed) / (killed + survived)) / 10;

export const reportOf = (guard: Guard, file: string, equivalent: ReadonlySet<string>): FileReport => {
  const kept = readResults();
  const [source, tests] = [fingerprint(file), testsFingerprint(guard)];
  const all = mutationsOf(file);
  const argued = all.filter(({ id }) => equivalent.has(id));
  const changes = all.filter(({ id }) => !equivalent.has(id));
  const current = changes.flatMap((mutation) => {
    const known = kept[mutation.id];
    return known !== undefined && isCurrent(known, source, tests) ? [[mutation, known.outcome] as const] : [];
  });
  const survivors = current
    .filter(([, outcome]) => outcome === 'survived')
    .map(([mutation]) => survivorOf(mutation));
  const killed = current.length - survivors.length;
  return {
    file,
    area: guard.area,
    changes: changes.length,
    killed,
    survived: survivors.length,
    open: changes.length - current.length,
    equivalent: argued.length,
    percent: percentOf(killed, survivors.length),
    survivors,
  };
};

/** No percentage of a part: what is quickly run is quickly noticed. */
const cell = (percent: number | null, open: number): string => {
  if (percent === null) return 'not run';
  return open > 0 ? 'not run to the end' : `${percent} %`;
};

/** A table for people. */
export const table = (reports: readonly FileReport[]): string => {
  const rows = reports.map(
    ({ file, killed, survived, open, equivalent, percent }) =>
      `| \`${file}\` | ${killed} | ${survived} | ${equivalent} | ${open} | ${cell(percent, open)} |`,
  );
  const sum = (pick: (report: FileReport) => number): number =>
    reports.reduce((total, report) => total + pick(report), 0);
  const [killed, survived] = [sum((one) => one.killed), sum((one) => one.survived)];
  const total = `| all | ${killed} | ${survived} | ${sum((one) => one.equivalent)} | ${sum((one) => one.open)} | ${cell(
    percentOf(killed, survived),
    sum((one) => one.open),
  )} |`;
  return [
    '| file | killed | survived | argued equivalent | not run | killed of those run |',
    '| --- | --: | --: | --: | --: | --: |',
    ...rows,
    total,
  ].join('\n');
};
