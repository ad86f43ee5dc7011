import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT, readText } from '../checks/repository.ts';
import type { Guard } from './guards.ts';

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

const FILE = join(ROOT, '.cache', 'mutate', 'results.json');

const hashOf = (texts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(texts)).digest('hex').slice(0, 12);

/** Of the text of a guarded file: what was found of it holds as long as this does. */
export const fingerprint = (file: string): string => hashOf([readText(file)]);

/** Of the tests that guard it. */
export const testsFingerprint = ({ tests }: Guard): string => hashOf(tests.flat().map(readText));

export const readResults = (): Results =>
  existsSync(FILE) ? (JSON.parse(readFileSync(FILE, 'utf8')) as Results) : {};

/** Adds to what other runs have written meanwhile. */
export const keepResults = (found: Results): void => {
  mkdirSync(dirname(FILE), { recursive: true });
  const draft = `${FILE}.${process.pid}`;
  writeFileSync(draft, JSON.stringify({ ...readResults(), ...found }, null, 1));
  renameSync(draft, FILE);
};
