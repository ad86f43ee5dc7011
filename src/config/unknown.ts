import { DEPRECATED_VARIABLES, ENVIRONMENT } from './environment.ts';
import type { ConfigIssue } from './issues.ts';

/** Names that are ours: whoever sets one of them means this program. */
const OURS = /^(MOSAIC|FEDERATION)_/;

const KNOWN: ReadonlySet<string> = new Set([
  ...ENVIRONMENT.flatMap(({ variable, secret }) =>
    secret === true ? [variable, `${variable}_FILE`] : [variable],
  ),
  ...Object.keys(DEPRECATED_VARIABLES),
]);

/**
 * Names of ours that the configuration does not have, and who reads them. They stand in the environment of a gateway where
 * it is started from a shell that also runs the commands, the compose files or the harness.
 */
export const OTHER_VARIABLES: Readonly<Record<string, string>> = {
  MOSAIC_URL: 'commands',
  MOSAIC_TOKEN: 'commands',
  MOSAIC_SETUP_TOKEN: 'commands',
  MOSAIC_TARGET_DATABASE_URL: 'commands',
  MOSAIC_PEER_BINDINGS: 'Workers',
  MOSAIC_CACHE_DIR: 'harness',
  MOSAIC_HARNESS_MODE: 'harness',
  MOSAIC_HARNESS_STATE_DIR: 'harness',
  MOSAIC_RENEWAL_REQUESTS: 'harness',
  MOSAIC_IMAGE_PREFIX: 'Swarm stack',
  FEDERATION_HOST: 'compose file',
  FEDERATION_HOST_PORT: 'compose file',
};

/** Letters that have to be changed, added or taken away. */
const distance = (one: string, other: string): number => {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [at, letter] of Array.from(one).entries()) {
    const next = [at + 1];
    for (const [index, expected] of Array.from(other).entries()) {
      const change = (row[index] ?? 0) + (letter === expected ? 0 : 1);
      next.push(Math.min(change, (row[index + 1] ?? 0) + 1, (next[index] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
};

/** More differs than a slip of the finger. */
const MOST_SLIPS = 3;
const LONGEST = 100;

export interface UnknownVariable {
  readonly name: string;
  /** The setting that may be meant; null: none is like it. */
  readonly meant: string | null;
}

/**
 * Variables that look like ours and set nothing: a slip in a name, which would else leave a default in force without a word.
 *
 * @param others names beside the configuration's that may be set; a runtime whose environment holds nothing but its own
 *   settings names those that it reads
 */
export const unknownVariables = (
  names: Iterable<string>,
  others: readonly string[] = Object.keys(OTHER_VARIABLES),
): readonly UnknownVariable[] => {
  const known = [...KNOWN, ...others];
  return [...names]
    .filter((name) => OURS.test(name) && name.length <= LONGEST && !known.includes(name))
    .map((name) => {
      const [nearest] = known
        .map((one) => ({ one, slips: distance(name, one) }))
        .filter(({ slips }) => slips <= MOST_SLIPS)
        .toSorted((a, b) => a.slips - b.slips);
      return { name, meant: nearest?.one ?? null };
    });
};

/** The same as faults of a configuration: of one that does not stand, each may be the reason. */
export const unknownVariableIssues = (
  names: Iterable<string>,
  others?: readonly string[],
): readonly ConfigIssue[] =>
  unknownVariables(names, others).map(({ name, meant }) => ({
    path: name,
    message: 'is no setting of this gateway',
    ...(meant === null ? {} : { expected: meant }),
  }));

/** The same in a sentence, for the log and the doctor of a gateway that starts nevertheless. */
export const unknownVariableWarning = ({ path, expected }: ConfigIssue): string =>
  expected === undefined
    ? `The environment variable ${path} sets nothing: no setting has that name.`
    : `The environment variable ${path} sets nothing: did you mean ${expected}?`;
