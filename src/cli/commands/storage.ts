import { parseDatabaseAddress } from '../../../domain/database/address.ts';
import type { Command } from 'commander';
import { MosaicError } from '../../../domain/errors.ts';
import { ConfigError } from '../../config/issues.ts';
import type { StoreToMove, TierOutcome, TierPlan } from '../../runtimes/node/tier-move/migrate-tier.ts';
import { group, leaf, print, type OutputOptions } from '../shell/command.ts';
import { configProblem } from '../shell/configuration.ts';
import { CliError, EXIT, usageError } from '../shell/exit.ts';
import { readText } from '../shell/files.ts';
import type { Io } from '../shell/io.ts';
import { outcomeJson, renderOutcome, renderPlan, reportProgress } from '../render/transfer.ts';

interface MigrateTierOptions extends OutputOptions {
  readonly to?: string;
  readonly toFile?: string;
  readonly config?: string;
  readonly dataDir?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

const TARGET_VARIABLE = 'MOSAIC_TARGET_DATABASE_URL';
const TARGET_REMEDY = `Give postgres://user:password@host:port/database in a file (--to-file) or as ${TARGET_VARIABLE}.`;

const targetUrl = async (io: Io, { to, toFile }: MigrateTierOptions): Promise<string> => {
  if (to !== undefined && toFile !== undefined) throw usageError('--to and --to-file both name the target.');
  const given = to ?? (toFile === undefined ? io.env[TARGET_VARIABLE] : await readText(io, toFile));
  if (given === undefined || given.trim() === '') throw usageError('The target is missing.', TARGET_REMEDY);
  const parsed = parseDatabaseAddress(given.trim());
  if (!parsed.ok) throw usageError(`The target’s address ${parsed.error}.`, TARGET_REMEDY);
  return given.trim();
};

/** A folder names its store whatever the configuration says by now; only its key may come from outside. */
const storeToMove = async (io: Io, { config: path, dataDir }: MigrateTierOptions): Promise<StoreToMove> => {
  const { loadConfigFile } = await import('../../runtimes/node/boot/config-file.ts');
  if (dataDir === undefined) {
    return loadConfigFile({ env: io.env, ...(path === undefined ? {} : { path }) }).config;
  }
  if (path !== undefined) throw usageError('--config and --data-dir both name the store to move.');
  const { localStore } = await import('../../runtimes/node/tier-move/migrate-tier.ts');
  return localStore(dataDir, io.env);
};

const problemOf = async (error: unknown): Promise<unknown> => {
  if (error instanceof ConfigError) return configProblem(error);
  const { TransferError, DataFolderError } = await import('../../runtimes/node/tier-move/migrate-tier.ts');
  if (error instanceof TransferError) {
    const { code, message: title, remedy } = error;
    return new CliError(EXIT.failure, { code, title, remedy }, error);
  }
  if (error instanceof DataFolderError)
    return new CliError(EXIT.failure, { code: 'data_folder', title: error.message }, error);
  if (error instanceof MosaicError) {
    const exit = error.code === 'database_unavailable' ? EXIT.unreachable : EXIT.failure;
    return new CliError(exit, { code: error.code, title: error.message }, error);
  }
  return error;
};

const confirmation =
  (io: Io, { yes, json }: MigrateTierOptions) =>
  async (plan: TierPlan): Promise<boolean> => {
    if (yes === true) return true;
    if (io.prompt === undefined || json === true) {
      throw usageError(
        'Moving a store needs your confirmation, and this command cannot ask for it.',
        'Preview the move with --dry-run, then add --yes.',
      );
    }
    io.err(`${renderPlan(plan)}\n`);
    return /^y(es)?$/i.test((await io.prompt('Copy all of it to the target? [y/N] ')).trim());
  };

const migrateTier = async (io: Io, options: MigrateTierOptions): Promise<TierOutcome> => {
  const url = await targetUrl(io, options);
  const store = await storeToMove(io, options);
  // Loaded only here: no other command needs a database.
  const { migrateTier: run } = await import('../../runtimes/node/tier-move/migrate-tier.ts');
  const progress = reportProgress(io);
  const isQuiet = options.json === true;
  const confirm = confirmation(io, options);
  try {
    return await run(store, url, {
      isDryRun: options.dryRun === true,
      confirm: async (plan) => {
        const agreed = await confirm(plan);
        progress.begin(plan.rows);
        return agreed;
      },
      onRows: (phase, table, count) => {
        if (!isQuiet) progress.rows(phase, table, count);
      },
      onStartOver: () => {
        if (!isQuiet) progress.startOver();
      },
    });
  } finally {
    if (!isQuiet) progress.end();
  }
};

export const addStorage = (program: Command, io: Io): void => {
  const storage = group(program, 'storage', 'Where a gateway keeps its data.', [
    'mosaic storage migrate-tier --to-file target-url --dry-run',
  ]);
  const command = leaf(
    storage,
    'migrate-tier',
    'Move a local or standalone store into an empty Postgres. Asks first; can be run again at any time.',
    [
      'mosaic storage migrate-tier --to-file target-url --dry-run',
      'mosaic storage migrate-tier --data-dir /var/lib/mosaic --to-file target-url --yes',
    ],
  )
    .option('--to <url>', 'the target; other users of this machine can see it, so prefer the next two')
    .option('--to-file <file>', `file that holds the target's address (or set ${TARGET_VARIABLE})`)
    .option(
      '--config <file>',
      'configuration of the store to move (default mosaic.config.json and environment)',
    )
    .option('--data-dir <folder>', 'data folder of the store to move, whatever the configuration says')
    .option('--dry-run', 'check and count, and change nothing')
    .option('--yes', 'do not ask for confirmation');
  command.action(async (options: MigrateTierOptions) => {
    const outcome = await migrateTier(io, options).catch(async (error: unknown) => {
      throw await problemOf(error);
    });
    print(io, options, outcomeJson(outcome), () => renderOutcome(outcome));
  });
};
