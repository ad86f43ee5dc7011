import { Command } from 'commander';
import { addBootstrap } from './commands/bootstrap.ts';
import { addCa } from './commands/ca.ts';
import { addDemo } from './commands/demo.ts';
import { addFederation } from './commands/federation.ts';
import { addGateway } from './commands/gateway.ts';
import { addInfra } from './commands/infra.ts';
import { addKeys } from './commands/keys.ts';
import { addQuery } from './commands/query.ts';
import { addResource } from './commands/resource.ts';
import { addSearch } from './commands/search.ts';
import { addStorage } from './commands/storage.ts';
import { addTeam } from './commands/team.ts';
import { addToken } from './commands/token.ts';
import { addUser } from './commands/user.ts';
import { EXIT_CODE_HELP } from './exit.ts';
import type { Io } from './io.ts';
import { VERSION } from './version.ts';

/** The whole command line. Nothing runs until it is parsed; problems are thrown, never `process.exit`. */
export const buildProgram = (io: Io, json: boolean): Command => {
  const program = new Command('mosaic')
    .description('One person’s data at work, asked for from home, over mutual TLS, within a grant.')
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
  addGateway(program, io);
  addBootstrap(program, io);
  addUser(program, io);
  addTeam(program, io);
  addToken(program, io);
  addFederation(program, io);
  addQuery(program, io);
  addSearch(program, io);
  addResource(program, io);
  addCa(program, io);
  addStorage(program, io);
  addKeys(program, io);
  addInfra(program, io);
  addDemo(program, io);
  return program;
};
