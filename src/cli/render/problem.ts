import type { CliProblem } from '../shell/exit.ts';
import { safe, toJson } from './text.ts';

/** A problem for a person: what, why, where exactly, and what to do. */
export const renderProblem = (problem: CliProblem): string => {
  const lines = [`mosaic: ${safe(problem.title)} (${safe(problem.code)})`];
  if (problem.detail !== undefined) lines.push(`  ${safe(problem.detail)}`);
  for (const issue of problem.issues ?? []) {
    const expected = issue.expected === undefined ? '' : ` (expected: ${safe(issue.expected)})`;
    lines.push(`  - ${safe(issue.path)}: ${safe(issue.message)}${expected}`);
  }
  if (problem.remedy !== undefined) lines.push(`  What to do: ${safe(problem.remedy)}`);
  if (problem.trace_id !== undefined) lines.push(`  Trace id: ${safe(problem.trace_id)}`);
  return `${lines.join('\n')}\n`;
};

/** The same for a script, on standard error: `{"error": {…, "exit_code"}}`. */
export const problemJson = (problem: CliProblem, exitCode: number): string =>
  toJson({ error: { ...problem, exit_code: exitCode } });
