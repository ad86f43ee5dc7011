import type { Change } from './mutation.ts';

/* Mutators of SQL as text: a condition less, a comparison turned round, true for false, another number, a line less. */

const SWAPS: readonly (readonly [RegExp, string, string])[] = [
  [/ is not null\b/gi, ' is null', 'sql-null'],
  [/ is null\b/gi, ' is not null', 'sql-null'],
  [/ is not distinct from /gi, ' is distinct from ', 'sql-comparison'],
  [/ is distinct from /gi, ' is not distinct from ', 'sql-comparison'],
  [/ not in \(/gi, ' in (', 'sql-comparison'],
  [/(?<! not) in \(/gi, ' not in (', 'sql-comparison'],
  [/\bnot exists\b/gi, 'exists', 'sql-comparison'],
  [/(?<!not )(?<!if )\bexists \(/gi, 'not exists (', 'sql-comparison'],
  [/ >= /g, ' < ', 'sql-comparison'],
  [/ <= /g, ' > ', 'sql-comparison'],
  [/ > /g, ' <= ', 'sql-comparison'],
  [/ < /g, ' >= ', 'sql-comparison'],
  [/ <> /g, ' = ', 'sql-comparison'],
  [/(?<=\S) = (?!any|all)/g, ' <> ', 'sql-comparison'],
  [/ = any /g, ' <> all ', 'sql-comparison'],
  [/\btrue\b/g, 'false', 'sql-boolean'],
  [/\bfalse\b/g, 'true', 'sql-boolean'],
  [/\band (?=[a-z(])/g, 'or ', 'sql-logical'],
  [/\bor (?=[a-z(])(?!replace)/g, 'and ', 'sql-logical'],
  [/\bnot (?=[a-z_.]+\()/g, '', 'sql-negation'],
  [/\bdesc\b/g, 'asc', 'sql-order'],
  [/\bleast\(/g, 'greatest(', 'sql-bound'],
  [/\bgreatest\(/g, 'least(', 'sql-bound'],
  [/ for (?:update|share)\b/g, '', 'sql-lock'],
  [/ && /g, ' <> ', 'sql-comparison'],
  [/\bsecurity definer\b/g, 'security invoker', 'sql-security'],
  [/ stable\b/g, ' volatile', 'sql-volatility'],
];

/** Whole numbers of their own: no parameters, no types, no parts of names. */
const NUMBER = /(?<![\w$.'-])\d+(?![\w.'"])/g;

/** A condition that ends with its line, its list, or at the next one. */
const CONDITION = / and [^\n]*?(?=\n|$|\band\b|\bor\b|\border by\b)/g;

const isComment = (line: string): boolean => /^\s*--/.test(line);

/** Lines that stand alone: a clause, or a statement that ends with a semicolon. */
const droppableLines = (text: string): Change[] => {
  const changes: Change[] = [];
  let at = 0;
  for (const line of text.split('\n')) {
    const body = line.trim();
    const isClause = /^(?:and|or|where|limit|offset|set) /.test(body);
    const isStatement =
      /^(?:grant|revoke|create policy|alter table|create index|create unique index|alter function|if) .*;$/.test(
        body,
      );
    if (isClause || isStatement)
      changes.push({ mutator: 'sql-drop-line', start: at, end: at + line.length, replacement: '' });
    at += line.length + 1;
  }
  return changes;
};

/** Parts of a text that are SQL and no comment, with their places. */
const codeLines = (text: string): readonly (readonly [number, string])[] => {
  const found: (readonly [number, string])[] = [];
  let at = 0;
  for (const line of text.split('\n')) {
    if (!isComment(line)) found.push([at, line]);
    at += line.length + 1;
  }
  return found;
};

/** Every small change of a text of SQL, or of a part of one. */
export const sqlChanges = (text: string): readonly Change[] => {
  const changes = droppableLines(text);
  for (const [at, line] of codeLines(text)) {
    for (const [pattern, replacement, mutator] of SWAPS)
      for (const match of line.matchAll(pattern))
        changes.push({
          mutator,
          start: at + match.index,
          end: at + match.index + match[0].length,
          replacement,
        });
    for (const match of line.matchAll(NUMBER)) {
      const value = Number(match[0]);
      const replacement = String(value < 256 ? value + 1 : value * 10);
      changes.push({
        mutator: 'sql-number',
        start: at + match.index,
        end: at + match.index + match[0].length,
        replacement,
      });
    }
    for (const match of line.matchAll(CONDITION))
      changes.push({
        mutator: 'sql-drop-condition',
        start: at + match.index,
        end: at + match.index + match[0].length,
        replacement: '',
      });
  }
  return changes;
};
