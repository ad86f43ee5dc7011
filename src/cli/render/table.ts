import Table from 'cli-table3';

const NO_LINES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

const STYLE = { head: [], border: [], 'padding-left': 0, 'padding-right': 0 };

const trimLines = (text: string): string => text.replace(/[ \t]+$/gm, '');

/**
 * Columns under headings, without frames or colours, so that it reads well and cuts well with other tools.
 * Cells must have been made safe to print already.
 */
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const made = new Table({ head: [...head], chars: NO_LINES, style: STYLE });
  for (const row of rows) made.push([...row]);
  return `${trimLines(made.toString())}\n`;
};

/** A table, or one sentence when there is nothing to show. */
export const tableOr = (
  empty: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string => (rows.length === 0 ? `${empty}\n` : table(head, rows));

/** One thing, a fact a line. */
export const facts = (pairs: readonly (readonly [string, string])[]): string => {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs
    .map(
      ([name, value]) => `${name.padEnd(width)}  ${value.replaceAll('\n', `\n${' '.repeat(width + 2)}`)}\n`,
    )
    .join('');
};
