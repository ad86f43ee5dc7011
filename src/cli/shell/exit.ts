import type { Issue } from '../../../domain/errors.ts';

/** What a script can tell from the exit status alone. Documented in docs/reference/ADMIN-CLI.md and in every `--help`. */
export const EXIT = {
  ok: 0,
  /** The gateway refused, or something failed. */
  failure: 1,
  /** The command line or a file named on it is wrong; nothing was sent. */
  usage: 2,
  /** The gateway could not be reached, or did not answer in time. */
  unreachable: 3,
  /** No token, a token that is not accepted, or one without the permission. */
  denied: 4,
  notFound: 5,
  /** A check came to an end and found something wrong: the log was changed, or the other side contradicts itself. */
  contradicted: 6,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_CODE_HELP =
  'Exit codes: 0 ok · 1 refused or failed · 2 wrong usage · 3 gateway unreachable · ' +
  '4 not signed in or not allowed · 5 not found · 6 a check found something wrong';

export interface CliProblem {
  /** A stable code of the gateway's catalogue, or one of this program's own. */
  readonly code: string;
  readonly title: string;
  readonly detail?: string;
  readonly issues?: readonly Issue[];
  readonly remedy?: string;
  /** HTTP status, when a gateway answered. */
  readonly status?: number;
  readonly trace_id?: string;
}

/** The only error a command throws on purpose; anything else is a bug and is shown without its stack. */
export class CliError extends Error {
  readonly exitCode: ExitCode;
  readonly problem: CliProblem;

  constructor(exitCode: ExitCode, problem: CliProblem, cause?: unknown) {
    super(problem.title, { cause });
    this.name = 'CliError';
    this.exitCode = exitCode;
    this.problem = problem;
  }
}

/** A command that did its work and whose result is the exit code itself. */
export class ExitWith extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`exit code ${exitCode}`);
    this.name = 'ExitWith';
    this.exitCode = exitCode;
  }
}

/** A mistake on the command line, found before anything was sent. */
export const usageError = (title: string, remedy?: string): CliError =>
  new CliError(EXIT.usage, { code: 'usage', title, ...(remedy === undefined ? {} : { remedy }) });

/** The exit code of an HTTP status. */
export const exitCodeOf = (status: number): ExitCode => {
  if (status === 401 || status === 403) return EXIT.denied;
  return status === 404 ? EXIT.notFound : EXIT.failure;
};
