import type { Command } from 'commander';
import { ConfigError } from '../../config/issues.ts';
import { leaf, type OutputOptions } from '../shell/command.ts';
import { configProblem } from '../shell/configuration.ts';
import { CliError, EXIT } from '../shell/exit.ts';
import type { Io } from '../shell/io.ts';

interface SetupTokenOptions extends OutputOptions {
  readonly config?: string;
  readonly dataDir?: string;
}

const noKey = (dataDir: string): CliError =>
  new CliError(EXIT.failure, {
    code: 'no_sealing_key',
    title: 'There is no sealing key to derive the setup token from.',
    detail: `The configuration names none, and the data folder ${dataDir} holds none.`,
    remedy: 'Run this where the gateway runs, with its configuration, after its first start.',
  });

/** The setup token of the gateway that this configuration is of. @throws CliError */
const readSetupToken = async (io: Io, options: SetupTokenOptions): Promise<string> => {
  const [{ loadConfigFile }, { setupTokenIn }] = await Promise.all([
    import('../../runtimes/node/boot/config-file.ts'),
    import('../../runtimes/node/boot/setup-token.ts'),
  ]);
  const env = options.dataDir === undefined ? io.env : { ...io.env, MOSAIC_DATA_DIR: options.dataDir };
  try {
    const { config } = loadConfigFile({
      env,
      ...(options.config === undefined ? {} : { path: options.config }),
    });
    const token = setupTokenIn(config);
    if (token !== null) return token;
    throw noKey(config.dataDir);
  } catch (error) {
    throw error instanceof ConfigError ? configProblem(error) : error;
  }
};

export const addSetupToken = (gateway: Command, io: Io): void => {
  leaf(gateway, 'setup-token', 'Print the setup token, with which the first administrator is created.', [
    'mosaic gateway setup-token',
    'mosaic gateway setup-token | mosaic bootstrap admin --setup-token-file -',
  ])
    .option('--config <file>', 'configuration file (default mosaic.config.json, when there is one)')
    .option('--data-dir <folder>', 'folder of the embedded database and its keys (MOSAIC_DATA_DIR)')
    .action(async (options: SetupTokenOptions) => {
      const token = await readSetupToken(io, options);
      io.out(options.json === true ? `${JSON.stringify({ setup_token: token })}\n` : `${token}\n`);
    });
};
