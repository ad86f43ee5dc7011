import { createHash } from 'node:crypto';

/** One small change of a source text: what stands from `start` to `end` becomes `replacement`. */
export interface Change {
  /** Which rule made it, as `comparison` or `sql-drop-line`. */
  readonly mutator: string;
  /** Offsets into the text, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
}

/** A change of one file, with a name that outlives lines moving and does not outlive the line itself changing. */
export interface Mutation extends Change {
  readonly file: string;
  /** Twelve hexadecimal digits: file, mutator, what is replaced by what, and the whole line around it. */
  readonly id: string;
  /** Counted from 1. */
  readonly line: number;
  readonly original: string;
}

const lineStartsOf = (source: string): readonly number[] => {
  const starts = [0];
  for (let at = source.indexOf('\n'); at >= 0; at = source.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
};

/** The source with the change made. */
export const applyChange = (source: string, { start, end, replacement }: Change): string =>
  source.slice(0, start) + replacement + source.slice(end);

/**
 * Names each change. Two changes of equal lines get different names by their order, so that an argument about one of
 * them never counts for the other.
 */
export const nameChanges = (
  file: string,
  source: string,
  changes: readonly Change[],
): readonly Mutation[] => {
  const starts = lineStartsOf(source);
  const seen = new Map<string, number>();
  const done = new Set<string>();
  const named: Mutation[] = [];
  for (const change of changes.toSorted((a, b) => a.start - b.start || a.end - b.end)) {
    const original = source.slice(change.start, change.end);
    const place = `${change.start} ${change.end} ${change.replacement}`;
    if (original === change.replacement || done.has(place)) continue;
    done.add(place);
    const line = starts.findLastIndex((start) => start <= change.start) + 1;
    const from = starts[line - 1] ?? 0;
    const content = source.slice(from, (starts[line] ?? source.length + 1) - 1).trim();
    const key = JSON.stringify([
      file,
      change.mutator,
      original,
      change.replacement,
      content,
      change.start - from - (source.slice(from).length - source.slice(from).trimStart().length),
    ]);
    const count = seen.get(key) ?? 0;
    seen.set(key, count + 1);
    const id = createHash('sha256').update(`${key}${count}`).digest('hex').slice(0, 12);
    named.push({ ...change, file, id, line, original });
  }
  return named;
};
