import { DEPRECATED_VARIABLES, ENVIRONMENT } from './environment.ts';

/** Names that are ours: whoever sets one of them means this program. */
const OURS = /^(MOSAIC|FEDERATION)_/;

const KNOWN: ReadonlySet<string> = new Set([
  ...ENVIRONMENT.flatMap(({ variable, secret }) =>
    secret === true ? [variable, `${variable}_FILE`] : [variable],
  ),
  ...Object.keys(DEPRECATED_VARIABLES),
]);

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
 * @param others names that this runtime reads beside the configuration's
 */
export const unknownVariables = (
  names: Iterable<string>,
  others: readonly string[] = [],
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
