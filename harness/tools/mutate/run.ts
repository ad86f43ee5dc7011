import { join } from 'node:path';
import { ROOT, readText } from '../checks/repository.ts';
import { mutationsOf } from './changes.ts';
import { databaseTemplate, needDatabase } from './database-template.ts';
import { GuardProcess, type Ran } from './guard-process.ts';
import type { Guard } from './guard-tests.ts';
import { applyChange, type Mutation } from './mutation.ts';
import { fingerprint, isCurrent, keepResults, readResults, testsFingerprint, type Kept } from './results.ts';
import { compiles } from './type-check.ts';

export interface RunOptions {
  /** Nothing found earlier counts. */
  readonly fresh: boolean;
  /** Processes at once. */
  readonly concurrency: number;
  /** Least time that one change may take, in milliseconds; a slow baseline raises it. */
  readonly limitMs: number;
  /** The ids to run; none given: all that are left to do. */
  readonly ids: readonly string[];
  /** Ids of changes that are argued to be none: they are not run. */
  readonly equivalent: ReadonlySet<string>;
  /** No new change is begun after this many milliseconds; what is left is for the next run. */
  readonly budgetMs: number;
  readonly say: (line: string) => void;
}

export interface Job {
  readonly guard: Guard;
  readonly file: string;
  readonly open: readonly Mutation[];
}

/** What is left to do for a file. */
export const jobOf = (guard: Guard, file: string, options: RunOptions): Job => {
  const kept = options.fresh ? {} : readResults();
  const [source, tests] = [fingerprint(file), testsFingerprint(guard)];
  const open = mutationsOf(file).filter(({ id }) => {
    if (options.ids.length > 0) return options.ids.includes(id);
    const known = kept[id];
    return !options.equivalent.has(id) && (known === undefined || !isCurrent(known, source, tests));
  });
  return { guard, file, open };
};

const clip = (text: string): string => {
  const one = text.replaceAll(/\s+/g, ' ').trim();
  return one.length > 60 ? `${one.slice(0, 57)}…` : one;
};

export const describeChange = ({
  original,
  replacement,
}: Pick<Mutation, 'original' | 'replacement'>): string =>
  `${clip(original)} → ${clip(replacement) || '(nothing)'}`;

/** Time that each group of tests may take: far more than without a change, since the machine may be busy. */
const limitsOf = (baseline: readonly number[], least: number): readonly number[] =>
  baseline.map((milliseconds) => Math.max(least, 6 * milliseconds));

/** For a run without any change. */
const BASELINE_LIMITS = [600_000];

/** What no test can pass with that loads the file. */
const brokenText = (file: string): string =>
  file.endsWith('.ts') ? "throw new Error('the guard is gone');" : '';

const running = new Set<GuardProcess>();

/** Ends every process of a run that is given up. */
export const stopAll = (): void => {
  for (const one of running) one.stop();
};

let checks = 0;

/** What no test noticed is shown to the compiler. */
const outcomeOf = async (
  ran: Ran,
  mutation: Mutation,
  text: string,
): Promise<Pick<Kept, 'outcome' | 'by'>> => {
  if (ran === null) return { outcome: 'timeout', by: null };
  if (ran.failed !== null) return { outcome: 'killed', by: ran.failed };
  if (!mutation.file.endsWith('.ts')) return { outcome: 'survived', by: null };
  checks += 1;
  const isCompiling = await compiles(
    `types-${process.pid}-${checks}`,
    mutation.file,
    applyChange(text, mutation),
  );
  return isCompiling ? { outcome: 'survived', by: null } : { outcome: 'killed', by: 'typecheck' };
};

const runJob = async (
  { guard, file, open }: Job,
  options: RunOptions,
  isOver: () => boolean,
): Promise<void> => {
  if (open.length === 0 || isOver()) return;
  const { say } = options;
  const template = needDatabase(guard.tests) ? await databaseTemplate(file) : '';
  const tests = new GuardProcess(guard.tests, template);
  running.add(tests);
  const [source, path, text] = [fingerprint(file), join(ROOT, file), readText(file)];
  const print = testsFingerprint(guard);
  try {
    const baseline = await tests.run({ path, text: null }, BASELINE_LIMITS);
    if (baseline === null || baseline.failed !== null)
      throw new Error(`${file}: its tests fail without any change: ${baseline?.failed ?? 'not in time'}`);
    const without = await tests.run({ path, text: brokenText(file) }, BASELINE_LIMITS);
    if (without?.failed === null)
      throw new Error(`${file}: its tests pass without it, so that they guard nothing`);
    const limits = limitsOf(baseline.milliseconds, options.limitMs);
    say(`${file}: ${open.length} changes, ${baseline.milliseconds.join(' + ')} ms a run without one`);
    let killed = 0;
    for (const [index, mutation] of open.entries()) {
      if (isOver()) {
        say(`${file}: the time is over, ${open.length - index} changes are left for the next run`);
        return;
      }
      // A process that ends by itself was ended by the change.
      const ran = await tests
        .run({ path, text: applyChange(text, mutation) }, limits)
        .catch((): Ran => ({ kind: 'ran', failed: 'the process of the tests ended', milliseconds: [] }));
      const kept: Kept = { ...(await outcomeOf(ran, mutation, text)), source, tests: print };
      const { outcome } = kept;
      keepResults({ [mutation.id]: kept });
      if (outcome !== 'survived') killed += 1;
      else
        say(
          `  survived ${mutation.id} ${file}:${mutation.line} ${mutation.mutator}: ${describeChange(mutation)}`,
        );
      if ((index + 1) % 25 === 0) say(`  ${file}: ${index + 1} of ${open.length}, ${killed} killed`);
    }
    say(`${file}: ${killed} of ${open.length} killed`);
  } finally {
    tests.stop();
    running.delete(tests);
  }
};

/** Runs what is left to do, several guards at once. @returns files whose tests could not be used */
export const runJobs = async (jobs: readonly Job[], options: RunOptions): Promise<readonly string[]> => {
  const end = performance.now() + options.budgetMs;
  const isOver = (): boolean => performance.now() > end;
  const queue = [...jobs];
  const broken: string[] = [];
  const work = async (): Promise<void> => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      try {
        await runJob(job, options, isOver);
      } catch (error) {
        broken.push(error instanceof Error ? error.message : String(error));
      }
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, work));
  return broken;
};
