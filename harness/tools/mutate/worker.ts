import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createVitest, type TestSpecification, type Vitest } from 'vitest/node';
import { ROOT } from '../checks/repository.ts';
import { lastingPool } from './lasting-worker.ts';
import type { Overlay } from './overlay.ts';

/*
 * A process of its own that runs the tests of one guard again and again, each time with another text of the guarded file. Whoever
 * started it ends it when a change makes a test run for ever.
 */

/** What the process is asked: the text to run with, or null for the file as it is. */
export interface Asked {
  readonly path: string;
  readonly text: string | null;
}

export type Told =
  | { readonly kind: 'ready' }
  /** A group of tests has noticed nothing, and the next one is begun. */
  | { readonly kind: 'passed' }
  /** How long each group took that was run. */
  | { readonly kind: 'ran'; readonly failed: string | null; readonly milliseconds: readonly number[] };

const groups = JSON.parse(process.argv[2] ?? '[]') as readonly (readonly string[])[];
const folder = mkdtempSync(join(tmpdir(), 'mosaic-mutate-'));
const overlayFile = join(folder, 'overlay.json');
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
process.on('disconnect', () => process.exit(0));

let overlay: Overlay = { path: '', text: null };
writeFileSync(overlayFile, JSON.stringify(overlay));

const replaceText = {
  name: 'mosaic-mutation',
  enforce: 'pre' as const,
  load: (id: string): string | null => (id.split('?')[0] === overlay.path ? overlay.text : null),
};

const open = (tests: readonly string[]): Promise<Vitest> =>
  createVitest(
    'test',
    {
      config: false,
      root: ROOT,
      watch: false,
      include: [...tests],
      setupFiles: [join(ROOT, 'harness/tools/mutate/overlay.ts')],
      provide: { overlayFile, templateFile: process.argv[3] ?? '' },
      reporters: [{}],
      bail: 1,
      // Kept on the disk by the text of the file there, it would give the unchanged module, or keep a changed one.
      fsModuleCache: false,
      pool: lastingPool(),
      maxWorkers: 1,
      testTimeout: 30_000,
      hookTimeout: 60_000,
      restoreMocks: true,
      unstubEnvs: true,
      unstubGlobals: true,
    },
    { plugins: [replaceText], server: { watch: null }, logLevel: 'silent' },
  );

/** The first failure in the words of the test, or null when all passed. */
const failureOf = async (vitest: Vitest, specifications: TestSpecification[]): Promise<string | null> => {
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications);
  for (const module of testModules) {
    for (const test of module.children.allTests('failed')) return test.fullName;
    if (module.state() === 'failed') return `${module.relativeModuleId} does not load`;
  }
  return unhandledErrors.length > 0 ? 'an error that no test caught' : null;
};

const runs: (readonly [Vitest, TestSpecification[]])[] = [];
for (const tests of groups) {
  const vitest = await open(tests);
  await vitest.standalone();
  const specifications = await vitest.globTestSpecifications();
  if (specifications.length !== tests.length) throw new Error(`not all of ${tests.join(', ')} are there`);
  runs.push([vitest, specifications]);
}

const tell = (told: Told): void => void process.send?.(told);

const run = async ({ path, text }: Asked): Promise<Told> => {
  overlay = { path, text };
  writeFileSync(overlayFile, JSON.stringify(overlay));
  const milliseconds: number[] = [];
  for (const [vitest, specifications] of runs) {
    if (milliseconds.length > 0) tell({ kind: 'passed' });
    const begin = performance.now();
    vitest.invalidateFile(path);
    const failed = await failureOf(vitest, specifications);
    milliseconds.push(Math.round(performance.now() - begin));
    if (failed !== null) return { kind: 'ran', failed, milliseconds };
  }
  return { kind: 'ran', failed: null, milliseconds };
};

process.on(
  'message',
  (asked: Asked) =>
    void run(asked).then(tell, (error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exit(1);
    }),
);
tell({ kind: 'ready' });
