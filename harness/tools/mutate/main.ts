import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { ROOT, exists, readText } from '../checks/repository.ts';
import { runTool } from '../checks/tools.ts';
import { mutationsOf } from './changes.ts';
import { readArguments, staleArguments } from './equivalents.ts';
import type { Guard } from './guard-tests.ts';
import { GUARDS } from './guards.ts';
import { reportOf, table, type FileReport } from './report.ts';
import { fingerprint } from './results.ts';
import { describeChange, jobOf, runJobs, stopAll, type RunOptions } from './run.ts';

/** `npm run mutate -- …`: changes guard code a little and shows whether a test fails. Progress on standard error, results on standard output. */
interface Options {
  readonly file: readonly string[];
  readonly area: readonly string[];
  readonly id: readonly string[];
  readonly onlyChanged?: boolean;
  readonly fresh?: boolean;
  readonly list?: boolean;
  readonly reportOnly?: boolean;
  readonly record?: boolean;
  readonly json?: boolean;
  readonly concurrency: number;
  readonly limit: number;
  readonly minutes: number;
  readonly threshold: number;
}

const RECORD = 'harness/tools/mutate/last-result.json';
const PAGE = 'docs/reference/mutation-results.md';

type Chosen = readonly (readonly [Guard, string])[];

interface Recorded {
  readonly files: readonly (FileReport & { readonly fingerprint: string })[];
}

const lastRecord = (): Recorded =>
  exists(RECORD) ? (JSON.parse(readText(RECORD)) as Recorded) : { files: [] };

const isUnchanged = (file: string, { files }: Recorded): boolean =>
  files.some((one) => one.file === file && one.fingerprint === fingerprint(file) && one.open === 0);

const choose = ({ file, area, onlyChanged }: Options): Chosen => {
  const record = lastRecord();
  const isAll = file.length === 0 && area.length === 0;
  const all = GUARDS.flatMap((guard) => guard.files.map((path) => [guard, path] as const));
  const chosen = all.filter(
    ([guard, path]) =>
      (isAll || file.some((part) => path.includes(part)) || area.includes(guard.area)) &&
      (onlyChanged !== true || !isUnchanged(path, record)),
  );
  if (chosen.length === 0 && onlyChanged !== true)
    throw new Error(
      'No guard file fits. `npm run mutate -- --list` names them all; harness/tools/mutate/guards.ts is the table.',
    );
  return chosen;
};

const PAGE_HEAD = `# Whether tests notice the loss of a guard

Made by \`npm run mutate -- --record\`; [how to use it](../how-to/mutation.md). Each row is a guard file: how many small changes of it made a test
fail, how many did not, how many are argued to change nothing that anybody can see (\`harness/tools/mutate/equivalent.json\`), and how many were not
run since the file or its tests changed.
`;

const record = (reports: readonly FileReport[]): void => {
  const others = lastRecord().files.filter(({ file }) => !reports.some((one) => one.file === file));
  const known = GUARDS.flatMap(({ files }) => files);
  const files = [...others, ...reports.map((one) => ({ ...one, fingerprint: fingerprint(one.file) }))]
    .filter(({ file }) => known.includes(file))
    .toSorted((a, b) => known.indexOf(a.file) - known.indexOf(b.file));
  writeFileSync(join(ROOT, RECORD), JSON.stringify({ files }, null, 2));
  const survivors = files.flatMap(({ file, survivors: left }) =>
    left.map(
      ({ line, mutator, change }) => `- \`${file}:${line}\` ${mutator}: \`${change.replaceAll('`', "'")}\``,
    ),
  );
  writeFileSync(
    join(ROOT, PAGE),
    [PAGE_HEAD, table(files), '', '## What no test noticed', '', ...survivors, ''].join('\n'),
  );
  runTool('prettier', 'prettier', ['--write', '--log-level', 'warn', RECORD, PAGE]);
};

const listChanges = (chosen: Chosen, options: Options): void => {
  const all = chosen.flatMap(([{ area }, file]) => mutationsOf(file).map((one) => ({ area, ...one })));
  const text = chosen.map(
    ([{ area }, file]) => `${area.padEnd(11)} ${String(mutationsOf(file).length).padStart(4)}  ${file}`,
  );
  const details = all.map(
    (one) => `${one.id} ${one.file}:${one.line} ${one.mutator}: ${describeChange(one)}`,
  );
  const lines = options.file.length > 0 ? details : text;
  process.stdout.write(`${options.json === true ? JSON.stringify(all, null, 2) : lines.join('\n')}\n`);
};

const mutate = async (options: Options): Promise<void> => {
  const chosen = choose(options);
  if (options.list === true) return listChanges(chosen, options);
  const argued = readArguments();
  const stale = staleArguments(argued, mutationsOf);
  const equivalent = new Set(argued.map(({ id }) => id));
  const run: RunOptions = {
    fresh: options.fresh === true,
    concurrency: options.concurrency,
    limitMs: options.limit * 1_000,
    budgetMs: options.minutes * 60_000,
    ids: options.id,
    equivalent,
    say: (line) => void process.stderr.write(`${line}\n`),
  };
  const broken =
    options.reportOnly === true
      ? []
      : await runJobs(
          chosen.map(([guard, file]) => jobOf(guard, file, run)),
          run,
        );
  const reports = chosen.map(([guard, file]) => reportOf(guard, file, equivalent));
  const low = reports.filter(
    ({ percent, open }) => open > 0 || percent === null || percent < options.threshold,
  );
  if (options.record === true) record(reports);
  const complaints = [
    ...stale,
    ...broken,
    ...low.map(({ file, percent, open }) => `${file}: ${percent ?? 0} % killed, ${open} not run`),
  ];
  const text = [table(reports), ...complaints.map((line) => `✗ ${line}`)].join('\n');
  process.stdout.write(
    `${options.json === true ? JSON.stringify({ files: reports, complaints }, null, 2) : text}\n`,
  );
  if (complaints.length > 0) process.exitCode = 1;
};

const several = (text: string, before: readonly string[]): readonly string[] => [...before, text];
const number = (text: string): number => {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('It is a number above 0.');
  return value;
};

const program = new Command('npm run -s mutate --')
  .description(
    'Changes guard code a little, one change at a time, and shows which changes no test notices. No file is written.',
  )
  .option('--file <part>', 'guard files whose path contains it; may be repeated', several, [])
  .option('--area <name>', 'one area of the table, besides the files; may be repeated', several, [])
  .option('--id <id>', 'one change again, whatever is known of it; may be repeated', several, [])
  .option('--only-changed', 'files that changed since the recorded result, or were not run to the end')
  .option('--fresh', 'forget what earlier runs found')
  .option('--list', 'name the files, or with --file the changes, and run nothing')
  .option('--report-only', 'run nothing; show what earlier runs found')
  .option('--record', `write ${RECORD} and ${PAGE}`)
  .option('--json', 'print one JSON document')
  .option('--concurrency <n>', 'processes at once', number, 2)
  .option('--limit <seconds>', 'least time that one change may take', number, 20)
  .option('--minutes <n>', 'begin no change after that', number, 24 * 60)
  .option('--threshold <percent>', 'below it the exit code is 1', number, 95)
  .exitOverride()
  .showHelpAfterError('Add --help for the options.')
  .addHelpText(
    'after',
    `
Examples:
  $ npm run mutate -- --list                              which files, and how many changes
  $ npm run mutate -- --file domain/scope                 one file; a second run takes up where the first ended
  $ npm run mutate -- --area x509 --concurrency 1         one area, beside other work
  $ npm run mutate -- --only-changed --minutes 10         what changed, for ten minutes
  $ npm run -s mutate -- --file seal --list --json        every change with its id, for an argument
  $ npm run mutate -- --file seal --id f4c6055227c7       one change again
  $ npm run mutate -- --report-only --record              write what is known down

What is found is kept in .cache/mutate, change by change.
Exit codes: 0 all noticed · 1 something was not, or was not run, or an argument is stale · 2 wrong usage`,
  )
  .action(mutate);

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    stopAll();
    process.exit(1);
  });

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : 2);
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
