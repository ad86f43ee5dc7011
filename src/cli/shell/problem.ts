import { z } from 'zod';
import type { Issue } from '../../../domain/errors.ts';
import { fileError, pathOf } from '../../../domain/system-errors.ts';
import { CliError, exitCodeOf, type CliProblem } from './exit.ts';

const problemDocument = z.looseObject({
  title: z.string(),
  code: z.string().optional(),
  detail: z.string().optional(),
  remedy: z.string().optional(),
  trace_id: z.string().optional(),
  issues: z
    .array(z.looseObject({ path: z.string(), message: z.string(), expected: z.string().optional() }))
    .optional(),
});

/** What an error of the operating system that no command knew better says; null for any other error. */
export const systemProblem = (error: unknown): CliProblem | null => {
  const found = fileError(error);
  if (found === null) return null;
  const path = pathOf(error) ?? 'A file, folder or stream';
  return { code: 'system_error', title: `${path} cannot be used: ${found.what}.`, remedy: `${found.cure}.` };
};

const toIssue = (issue: { path: string; message: string; expected?: string | undefined }): Issue => ({
  path: issue.path,
  message: issue.message,
  ...(issue.expected === undefined ? {} : { expected: issue.expected }),
});

/**
 * The error behind an answer that is not a success: the gateway's RFC 9457 problem, or, when something else
 * answered (a proxy, another program), what little can be said.
 */
export const problemOf = (status: number, body: unknown): CliError => {
  const parsed = problemDocument.safeParse(body);
  if (!parsed.success) {
    return new CliError(exitCodeOf(status), {
      code: 'unexpected_answer',
      title: `The server answered HTTP ${status} without saying why.`,
      remedy: 'Check that --url names a Mosaic gateway; a proxy in front of it may have answered.',
      status,
    });
  }
  const { title, code, detail, remedy, trace_id, issues } = parsed.data;
  return new CliError(exitCodeOf(status), {
    code: code ?? `http_${status}`,
    title,
    ...(detail === undefined || detail === title ? {} : { detail }),
    ...(issues === undefined ? {} : { issues: issues.map(toIssue) }),
    ...(remedy === undefined ? {} : { remedy }),
    status,
    ...(trace_id === undefined ? {} : { trace_id }),
  });
};
