import type { Command, CommandOptions } from 'commander';
import { createApi, type Api } from '../client/api.ts';
import {
  DEFAULT_TIMEOUT_SECONDS,
  DEFAULT_URL,
  resolveConnection,
  type ConnectionOptions,
} from '../client/connection.ts';
import { EXIT_CODE_HELP } from './exit.ts';
import type { Io } from './io.ts';
import { wholeNumber } from './options.ts';
import { DEFAULT_ROWS } from '../client/paging.ts';
import { safe, toJson } from '../render/text.ts';

export interface OutputOptions {
  readonly json?: boolean;
}

export interface ApiOptions extends ConnectionOptions, OutputOptions {}

/** Examples and exit codes under the help of a command: a person copies an example sooner than a synopsis. */
const epilogue = (examples: readonly string[]): string =>
  ['', 'Examples:', ...examples.map((example) => `  $ ${example}`), '', EXIT_CODE_HELP].join('\n');

/** A command that does something. `usage` is its name and arguments, for example `show <id>`. */
export const leaf = (
  parent: Command,
  usage: string,
  summary: string,
  examples: readonly string[],
  options: CommandOptions = {},
): Command =>
  parent
    .command(usage, options)
    .description(summary)
    .option('--json', 'print one JSON document on standard output, problems as JSON on standard error')
    .addHelpText('after', epilogue(examples));

/** A command that only holds others. */
export const group = (parent: Command, name: string, summary: string, examples: readonly string[]): Command =>
  parent.command(name).description(summary).addHelpText('after', epilogue(examples));

/** A command that asks a gateway. */
export const apiLeaf = (
  parent: Command,
  usage: string,
  summary: string,
  examples: readonly string[],
  options: CommandOptions = {},
): Command =>
  leaf(parent, usage, summary, examples, options)
    .option('--url <url>', `address of the gateway (MOSAIC_URL; default ${DEFAULT_URL})`)
    .option('--token <token>', 'API token; other users of this machine can see it, so prefer the next two')
    .option('--token-file <file>', 'file that holds the API token (or set MOSAIC_TOKEN)')
    .option(
      '--timeout <seconds>',
      `longest wait for one answer (default ${DEFAULT_TIMEOUT_SECONDS})`,
      wholeNumber(1, 600),
    );

/** The options of a listing, read by `collectPages`. */
export const withPaging = (command: Command): Command =>
  command
    .option(
      '--limit <rows>',
      `how many rows at most (default ${DEFAULT_ROWS}); more than one page is fetched when needed`,
      wholeNumber(1, 1_000_000),
    )
    .option('--all', 'every row')
    .option('--cursor <cursor>', 'continue where an earlier answer stopped (its next_cursor)');

/** For repeatable options. */
export const collect = (value: string, previous: readonly string[] | undefined): readonly string[] => [
  ...(previous ?? []),
  value,
];

export const connect = async (io: Io, options: ConnectionOptions): Promise<Api> =>
  createApi(resolveConnection(options, io.env), io.fetch);

/** The result: JSON for scripts, text for people. */
export const print = (io: Io, options: OutputOptions, data: unknown, render: () => string): void =>
  io.out(options.json === true ? toJson(data) : render());

/** Tells where a listing goes on; on standard error, so that the table stays clean. */
export const printMore = (io: Io, options: OutputOptions, nextCursor: string | null): void => {
  if (nextCursor !== null && options.json !== true)
    io.err(`There are more rows. Use --all, or --cursor ${safe(nextCursor)}\n`);
};
