import { CommanderError } from 'commander';
import { CliError, EXIT, ExitWith, type CliProblem } from './exit.ts';
import type { Io } from './io.ts';
import { systemProblem } from './problem.ts';
import { buildProgram } from './program.ts';
import { problemJson, renderProblem } from '../render/problem.ts';

const report = (io: Io, json: boolean, problem: CliProblem, exitCode: number): number => {
  io.err(json ? problemJson(problem, exitCode) : renderProblem(problem));
  return exitCode;
};

// Commander has told a person already (it writes before it throws); a script still needs its document.
const ofCommander = (io: Io, json: boolean, error: CommanderError): number => {
  if (error.exitCode === 0) return EXIT.ok;
  if (json) {
    const title =
      error.message === '(outputHelp)' ? 'A command is missing.' : error.message.replace(/^error: /, '');
    report(
      io,
      true,
      { code: 'usage', title, remedy: 'Add --help for the options and examples.' },
      EXIT.usage,
    );
  }
  return EXIT.usage;
};

/**
 * Runs one command line.
 * @param args without the program's own name
 * @returns the exit code; never throws, and never shows a stack
 */
export const run = async (args: readonly string[], io: Io): Promise<number> => {
  const json = args.includes('--json');
  try {
    const program = await buildProgram(io, json, args[0]);
    await program.parseAsync([...args], { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return ofCommander(io, json, error);
    if (error instanceof ExitWith) return error.exitCode;
    if (error instanceof CliError) return report(io, json, error.problem, error.exitCode);
    const system = systemProblem(error);
    if (system !== null) return report(io, json, system, EXIT.failure);
    const title = 'The command failed because of an error in this program.';
    const detail = error instanceof Error ? `${error.name}: ${error.message}` : 'no reason given';
    return report(io, json, { code: 'internal', title, detail }, EXIT.failure);
  }
};
