import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, readText } from '../checks/repository.ts';
import type { Guard } from './guard-tests.ts';

/** `timeout` counts as killed: a test that never ends is noticed. */
export type Outcome = 'killed' | 'timeout' | 'survived';

/** What was found of one change, kept so that a run can be ended and taken up again. */
export interface Kept {
  readonly outcome: Outcome;
  /** The test that failed. */
  readonly by: string | null;
  /** Fingerprints of the guarded file and of its tests at that time. */
  readonly source: string;
  readonly tests: string;
}

/** A change of the same file that was noticed stays noticed when tests are added; what was not is tried again. */
export const isCurrent = (kept: Kept, source: string, tests: string): boolean =>
  kept.source === source && (kept.outcome !== 'survived' || kept.tests === tests);

export type Results = Readonly<Record<string, Kept>>;

const hashOf = (texts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(texts)).digest('hex').slice(0, 12);

/** Of the text of a guarded file: what was found of it holds as long as this does. */
export const fingerprint = (file: string): string => hashOf([readText(file)]);

/** Of the tests that guard it. */
export const testsFingerprint = ({ tests }: Guard): string => hashOf(tests.flat().map(readText));

/**
 * What runs have found, in a folder. Each process writes a file of its own, and reads all, the oldest process's first: one file
 * that all wrote anew would lose what two of them add at the same time.
 */
export const resultsIn = (
  folder: string,
): { readonly read: () => Results; readonly keep: (found: Results) => void } => {
  const own = join(folder, `run-${Date.now()}-${randomUUID()}.json`);
  let kept: Results = {};
  return {
    read: () => {
      const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : [];
      const texts = names.toSorted().map((name) => readFileSync(join(folder, name), 'utf8'));
      return Object.assign({}, ...texts.map((text): unknown => JSON.parse(text))) as Results;
    },
    keep: (found) => {
      mkdirSync(folder, { recursive: true });
      kept = { ...kept, ...found };
      // Whoever reads meanwhile sees the file as it was or as it is.
      writeFileSync(`${own}.draft`, JSON.stringify(kept, null, 1));
      renameSync(`${own}.draft`, own);
    },
  };
};

const { read, keep } = resultsIn(join(ROOT, '.cache', 'mutate'));
export { read as readResults, keep as keepResults };
