import { Command } from 'commander';
import { EXIT_CODE_HELP } from './exit.ts';
import type { Io } from './io.ts';
import { VERSION } from './version.ts';

type AddCommand = (program: Command, io: Io) => void;

/** Each loaded only where it is needed: most of a short command's time, and some of a gateway's start, is loading. */
const COMMANDS: ReadonlyMap<string, () => Promise<AddCommand>> = new Map([
  ['gateway', async () => (await import('../commands/gateway.ts')).addGateway],
  ['bootstrap', async () => (await import('../commands/bootstrap.ts')).addBootstrap],
  ['user', async () => (await import('../commands/user.ts')).addUser],
  ['team', async () => (await import('../commands/team.ts')).addTeam],
  ['token', async () => (await import('../commands/token.ts')).addToken],
  ['federation', async () => (await import('../commands/federation.ts')).addFederation],
  ['query', async () => (await import('../commands/query.ts')).addQuery],
  ['search', async () => (await import('../commands/search.ts')).addSearch],
  ['resource', async () => (await import('../commands/resource.ts')).addResource],
  ['ca', async () => (await import('../commands/ca.ts')).addCa],
  ['storage', async () => (await import('../commands/storage.ts')).addStorage],
  ['database', async () => (await import('../commands/database.ts')).addDatabase],
  ['keys', async () => (await import('../commands/keys.ts')).addKeys],
  ['infra', async () => (await import('../commands/infra.ts')).addInfra],
  ['demo', async () => (await import('../commands/demo.ts')).addDemo],
]);

/**
 * The command line. Nothing runs until it is parsed; problems are thrown, never `process.exit`.
 * @param first argument, where it is known: when it names a command, the others are left out
 */
export const buildProgram = async (io: Io, json: boolean, first = ''): Promise<Command> => {
  const program = new Command('mosaic')
    .description('Query one person’s data on another gateway, over mutual TLS, within a grant.')
    .version(VERSION)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out(text),
      // With --json the problem document is all that may stand on standard error.
      writeErr: (text) => {
        if (!json) io.err(text);
      },
    })
    .showHelpAfterError('What to do: add --help for the options and examples.')
    .addHelpText('after', `\nTry it: mosaic demo\n\n${EXIT_CODE_HELP}`);
  const only = COMMANDS.get(first);
  const wanted = only === undefined ? [...COMMANDS.values()] : [only];
  for (const add of await Promise.all(wanted.map((load) => load()))) add(program, io);
  return program;
};
