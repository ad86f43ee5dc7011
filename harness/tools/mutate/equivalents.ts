import { readText } from '../checks/repository.ts';
import type { Mutation } from './mutation.ts';

/** Why a change that no test notices is none: nothing that anybody can see becomes different. */
export interface Argument {
  /** As the run that found it printed it: it changes with the line, so that an argument about other code is stale. */
  readonly id: string;
  readonly file: string;
  /** `original → replacement`, for the reader; the id decides. */
  readonly change: string;
  readonly why: string;
}

export const EQUIVALENT_FILE = 'harness/tools/mutate/equivalent.json';

export const readArguments = (): readonly Argument[] =>
  JSON.parse(readText(EQUIVALENT_FILE)) as readonly Argument[];

/** Arguments about changes that are not there any more, each as one line. */
export const staleArguments = (
  entries: readonly Argument[],
  mutationsOf: (file: string) => readonly Mutation[],
): readonly string[] => {
  const known = new Map<string, ReadonlySet<string>>();
  const idsOf = (file: string): ReadonlySet<string> => {
    const ids = known.get(file) ?? new Set(mutationsOf(file).map(({ id }) => id));
    known.set(file, ids);
    return ids;
  };
  return entries
    .filter(({ id, file }) => !idsOf(file).has(id))
    .map(({ id, file, change }) => `${file}: ${id} (${change}) is no change of this file any more`);
};
